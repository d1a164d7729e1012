import { JpegDecoder, type OpenedJpeg, readyForParts } from "./jpeg-decoder.ts";
import { type Area, planJpegPart } from "./jpeg-part.ts";
import type { Kernel } from "./line-weights.ts";
import { loadSharp } from "./load-sharp.ts";
import { type PictureRoom, type PictureSize, Resampler, type RgbPixels } from "./resampler.ts";
import { turnOf, upright } from "./upright.ts";
import { type Showing, WeightCache } from "./weight-cache.ts";

const NUM_CHANNELS = 3;
/** The EXIF orientation of a picture whose rows are its columns. */
const TRANSPOSED = 5;

/** What of a picture is wanted, and how. */
export interface AreaRequest {
  /** Of the stored picture, before its orientation is applied. */
  readonly stored: PictureSize;
  /** EXIF orientation 1 to 8. */
  readonly orientation: number;
  /** In pixels of the upright picture, inside it; all of it when null. */
  readonly area: Area | null;
  readonly isMirrored: boolean;
  /** Of the result, upright. */
  readonly shown: PictureSize;
  readonly kernel: Kernel;
  /** Whether JPEGs may be decoded in less than their full size. */
  readonly decoding: "exact" | "scaled";
}

/** An area in the stored picture's own frame, and how its result becomes the one that is shown. */
interface StoredArea extends Showing {
  readonly area: Area;
  readonly target: PictureSize;
  readonly isTransposed: boolean;
}

/**
 * Decodes areas of pictures into upright 8-bit RGB pixels of any size. JPEGs of 8 bits in grey or three components are
 * decoded by libjpeg-turbo, in the part that is shown; everything else by sharp, as a whole. One for each thread.
 */
export class AreaDecoder {
  readonly #jpegs: JpegDecoder | undefined;
  readonly #resampler = new Resampler();
  readonly #weights = new WeightCache();

  private constructor(jpegs: JpegDecoder | undefined) {
    this.#jpegs = jpegs;
  }

  static async load(): Promise<AreaDecoder> {
    return new AreaDecoder(await JpegDecoder.load());
  }

  /** Without libjpeg-turbo, as where its library cannot be loaded. */
  static withoutTurbo(): AreaDecoder {
    return new AreaDecoder(undefined);
  }

  /**
   * Fills `into`, [shown.height, shown.width, 3]. JPEGs are decoded on the calling thread. Rejects when the decoder
   * finds a fault, or another size than the stored one.
   */
  async decode(bytes: Uint8Array, request: AreaRequest, into: Uint8Array): Promise<void> {
    const wanted = storedArea(request);
    using jpeg = this.#openJpeg(bytes);
    if (jpeg === undefined) return this.#decodeWithSharp(bytes, { request, wanted }, into);
    requireSize(jpeg.frame, request.stored);
    const part = planJpegPart(jpeg.frame, { ...wanted, decoding: request.decoding });
    if (!part.isWhole) await readyForParts();
    const room = this.#open(part.region, { ...wanted, area: part.area });
    jpeg.decode(part, room.source.data);
    finish(room, wanted, into);
  }

  /** The same, but JPEGs are decoded in libuv's thread pool; the resampling is done on the calling thread. */
  async decodeInPool(bytes: Uint8Array, request: AreaRequest, into: Uint8Array): Promise<void> {
    const wanted = storedArea(request);
    using jpeg = this.#openJpeg(bytes);
    if (jpeg === undefined) return this.#decodeWithSharp(bytes, { request, wanted }, into);
    requireSize(jpeg.frame, request.stored);
    const part = planJpegPart(jpeg.frame, { ...wanted, decoding: request.decoding });
    if (!part.isWhole) await readyForParts();
    const { width, height } = part.region;
    // Memory of its own: the resampler's may grow, or be another picture's, before this one is decoded.
    const data = new Uint8Array(width * height * NUM_CHANNELS);
    await jpeg.decodeInPool(part, data);
    this.#resample({ width, height, data }, { ...wanted, area: part.area }, into);
  }

  /** All pixels of a picture, upright, in memory of their own; on the calling thread. Rejects as `decode` does. */
  async decodeWhole(
    bytes: Uint8Array,
    { stored, orientation }: Pick<AreaRequest, "stored" | "orientation">,
  ): Promise<RgbPixels> {
    using jpeg = this.#openJpeg(bytes);
    const pixels = jpeg === undefined ? await sharpPixels(bytes) : wholeJpeg(jpeg);
    requireSize(pixels, stored);
    return upright(pixels, orientation);
  }

  #openJpeg(bytes: Uint8Array): OpenedJpeg | undefined {
    return isJpeg(bytes) ? this.#jpegs?.open(bytes) : undefined;
  }

  async #decodeWithSharp(
    bytes: Uint8Array,
    { request, wanted }: { request: AreaRequest; wanted: StoredArea },
    into: Uint8Array,
  ): Promise<void> {
    const pixels = await sharpPixels(bytes);
    requireSize(pixels, request.stored);
    this.#resample(pixels, wanted, into);
  }

  // From here to the result in `into` nothing is awaited: all pictures of the thread share one memory.
  #resample(pixels: RgbPixels, wanted: StoredArea, into: Uint8Array): void {
    const room = this.#open(pixels, wanted);
    room.source.data.set(pixels.data);
    finish(room, wanted, into);
  }

  #open(source: PictureSize, wanted: StoredArea): PictureRoom {
    return this.#resampler.openFor(source, this.#weights.resampling(wanted));
  }
}

function wholeJpeg({ decode, frame }: OpenedJpeg): RgbPixels {
  const { width, height } = frame;
  const data = new Uint8Array(width * height * NUM_CHANNELS);
  const area = { left: 0, top: 0, right: width, bottom: height };
  decode({ reduction: 1, region: { x: 0, y: 0, width, height }, isWhole: true, area }, data);
  return { width, height, data };
}

function isJpeg(bytes: Uint8Array): boolean {
  return bytes[0] === 0xff && bytes[1] === 0xd8;
}

/** Undoes the turn: what is mirrored in the upright frame is so in the stored one's rows where it lies on its side. */
function storedArea(request: AreaRequest): StoredArea {
  const { isMirrored, kernel, orientation, shown, stored } = request;
  const { isTransposed, mirrorsColumns, mirrorsRows } = turnOf(orientation);
  const whole = isTransposed ? transposedSize(stored) : stored;
  const seen = request.area ?? { left: 0, top: 0, right: whole.width, bottom: whole.height };
  const area = isTransposed
    ? { left: seen.top, top: seen.left, right: seen.bottom, bottom: seen.right }
    : seen;
  return {
    area: {
      left: mirrorsColumns ? stored.width - area.right : area.left,
      right: mirrorsColumns ? stored.width - area.left : area.right,
      top: mirrorsRows ? stored.height - area.bottom : area.top,
      bottom: mirrorsRows ? stored.height - area.top : area.bottom,
    },
    target: isTransposed ? transposedSize(shown) : shown,
    mirrorsColumns: mirrorsColumns !== (isMirrored && !isTransposed),
    mirrorsRows: mirrorsRows !== (isMirrored && isTransposed),
    isTransposed,
    kernel,
  };
}

function transposedSize({ width, height }: PictureSize): PictureSize {
  return { width: height, height: width };
}

function finish(room: PictureRoom, { isTransposed }: StoredArea, into: Uint8Array): void {
  const pixels = room.resample();
  into.set(isTransposed ? upright(pixels, TRANSPOSED).data : pixels.data);
}

async function sharpPixels(bytes: Uint8Array): Promise<RgbPixels> {
  const sharp = await loadSharp();
  // "truncated" is the mildest setting that refuses a cut file; warnings were judged at preparation.
  const { data, info } = await sharp(bytes, { failOn: "truncated", limitInputPixels: false })
    .flatten({ background: "#ffffff" }) // as at preparation
    .toColourspace("srgb")
    .raw({ depth: "uchar" })
    .toBuffer({ resolveWithObject: true });
  const { width, height, channels } = info;
  if (channels === NUM_CHANNELS) return { width, height, data };
  throw new Error(`it has ${channels} channels after decoding, expected ${NUM_CHANNELS}`);
}

function requireSize(found: PictureSize, stored: PictureSize): void {
  if (found.width === stored.width && found.height === stored.height) return;
  const { width, height } = found;
  throw new Error(
    `it has ${width} x ${height} pixels, expected ${stored.width} x ${stored.height}`,
  );
}
