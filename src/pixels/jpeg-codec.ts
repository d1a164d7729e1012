import { loadSharp } from "./load-sharp.ts";
import type { RgbPixels } from "./resampler.ts";
import {
  INIT_COMPRESS,
  INIT_DECOMPRESS,
  JPEG_HEIGHT,
  JPEG_WIDTH,
  openHandle,
  PIXEL_RGB,
  QUALITY,
  STOP_ON_WARNING,
  SUBSAMPLING,
  type TurboFunctions,
  turboLibrary,
} from "./turbo-library.ts";

/**
 * Decodes and encodes JPEGs of 8 bits in grey or three components, always with the accurate integer
 * transform ("ISLOW") and smooth upsampling of the colour planes, as nearly all decoders do. Both
 * implementations give the same pixels and the same bytes; they differ in speed alone.
 */
export interface JpegCodec {
  readonly name: string;
  /** Fills `into`, whose size is the picture's. Rejects whatever the decoder so much as warns of. */
  decode(bytes: Uint8Array, into: RgbPixels): Promise<void>;
  /** A baseline JFIF file with standard Huffman tables; the colour planes have half the width and height. */
  encode(pixels: RgbPixels, quality: number): Promise<Uint8Array>;
}

const HALF_WIDTH_AND_HEIGHT = 2; // 4:2:0

let known: Promise<JpegCodec> | undefined;

/** libjpeg-turbo where its library is at hand, which is on Linux; else sharp, which is a fourth as fast. */
export function jpegCodec(): Promise<JpegCodec> {
  known ??= turboCodec().then((turbo) => turbo ?? sharpCodec());
  return known;
}

/** libjpeg-turbo's own library, or undefined where it cannot be loaded. */
export async function turboCodec(): Promise<JpegCodec | undefined> {
  const turbo = await turboLibrary();
  if (turbo === undefined) return undefined;
  return {
    name: "libjpeg-turbo",
    decode: (bytes, into) => Promise.try(() => decompress(turbo, bytes, into)),
    encode: (pixels, quality) => Promise.try(() => compress(turbo, pixels, quality)),
  };
}

// Every picture has its own handle: after a fault, the library goes on with the rest of a broken picture in the next.
function decompress(turbo: TurboFunctions, bytes: Uint8Array, into: RgbPixels): void {
  using held = new DisposableStack();
  const decoder = openHandle(turbo, INIT_DECOMPRESS, held);
  decoder.require(turbo.set(decoder.handle, STOP_ON_WARNING, 1));
  decoder.require(turbo.readHeader(decoder.handle, bytes, bytes.length));
  const width = turbo.get(decoder.handle, JPEG_WIDTH);
  requireSize(into, width, turbo.get(decoder.handle, JPEG_HEIGHT));
  const operands = [decoder.handle, bytes, bytes.length, into.data, 0, PIXEL_RGB] as const;
  decoder.require(turbo.decompress(...operands));
}

function compress(turbo: TurboFunctions, pixels: RgbPixels, quality: number): Uint8Array {
  using held = new DisposableStack();
  const encoder = openHandle(turbo, INIT_COMPRESS, held);
  encoder.require(turbo.set(encoder.handle, SUBSAMPLING, HALF_WIDTH_AND_HEIGHT));
  encoder.require(turbo.set(encoder.handle, QUALITY, quality));
  const { data, width, height } = pixels;
  const memory: unknown[] = [null];
  const length = [0];
  const operands = [encoder.handle, data, width, 0, height, PIXEL_RGB, memory, length] as const;
  const code = turbo.compress(...operands);
  held.defer(() => turbo.free(memory[0]));
  encoder.require(code);
  return turbo.copy(memory[0], Number(length[0]));
}

function requireSize(expected: RgbPixels, width: number, height: number): void {
  if (expected.width === width && expected.height === height) return;
  const { width: w, height: h } = expected;
  throw new Error(`the picture is ${width} x ${height}, its first frame header said ${w} x ${h}`);
}

/** The same with sharp. */
export async function sharpCodec(): Promise<JpegCodec> {
  const sharp = await loadSharp();
  return {
    name: "sharp",
    decode: async (bytes, into) => {
      const strict = { failOn: "warning", ignoreIcc: true, limitInputPixels: false } as const;
      const { data, info } = await sharp(bytes, strict)
        .toColourspace("srgb")
        .raw()
        .toBuffer({ resolveWithObject: true });
      requireSize(into, info.width, info.height);
      into.data.set(data);
    },
    encode: async ({ data, width, height }, quality) => {
      const jpeg = await sharp(data, { raw: { width, height, channels: 3 } })
        .jpeg({ quality, chromaSubsampling: "4:2:0", optimiseCoding: false })
        .toBuffer();
      return Buffer.concat([jpeg.subarray(0, 2), JFIF, jpeg.subarray(2)]);
    },
  };
}

// The segment that libjpeg begins a file with and libvips leaves out: JFIF 1.1, square pixels.
const JFIF: Uint8Array = Buffer.from("\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0", "latin1");
