import { open } from "node:fs/promises";
import { join } from "node:path";
import { type JsonValue, sha256 } from "../../core/digest.ts";
import { errnoOf, SourceError } from "../../core/errors.ts";
import type { PictureReference, StoredPicture } from "../../core/records.ts";
import { jpegCodec } from "../../pixels/jpeg-codec.ts";
import { loadSharp } from "../../pixels/load-sharp.ts";
import { type OpenedPicture, openPicture, withExif } from "../decoding/open-picture.ts";
import { type PictureSize, RESAMPLER, Resampler, type RgbPixels } from "../../pixels/resampler.ts";
import { withSeekTable } from "../../pixels/seeking/add-seek-table.ts";
import { upright } from "../../pixels/upright.ts";
import { PictureFault } from "./picture-fault.ts";
import { sniffFormat } from "./picture-format.ts";

/** How pictures are stored; a part of the recipe. */
export interface PicturePolicy {
  /** Pictures whose shorter side is longer are reduced to it, in pixels. */
  readonly shorterSide: number;
  /** Of the pictures that cannot be kept byte for byte, 1 to 100. */
  readonly jpegQuality: number;
  /** A picture that says it has more is refused before it is decoded. */
  readonly maxPixels: number;
  /**
   * "strips": JPEGs are stored with a table of where their codes can be entered, so that a part of a picture is decoded
   * without what lies beside it; for sets that random crops are taken of. "none" when not given.
   */
  readonly seekTable?: "strips" | "none" | undefined;
}

/** How pictures are decoded and encoded, for the record of a preparation; `openPicture` says the rest. */
export const pictureConversion: JsonValue = {
  decoder: "libjpeg: accurate integer transform, smooth upsampling; libvips for other formats",
  colours: "8-bit RGB in sRGB, transparency over white, the first frame",
  orientation: "recorded, not applied",
  resampler: RESAMPLER,
  encoder: "libjpeg: baseline, colour planes of half the width and height",
};

export interface StorePictureOptions {
  /** The folder that `reference.path` is below. */
  readonly sourceFolder: string;
  readonly policy: PicturePolicy;
}

/** A picture file larger than this is refused unread. */
const MAX_FILE_BYTES = 128 * 2 ** 20;
/** Shard batches end at 64 MiB, so a picture has to stay below. */
const MAX_STORED_BYTES = 48 * 2 ** 20;
/** JPEG's size fields have 16 bits, and libjpeg ends a little before. */
const MAX_JPEG_SIDE = 65_500;

/**
 * Reads a picture file once, checks, decodes and digests it, and gives it as it is stored:
 * - a JPEG of 8-bit grey or three components, in sRGB and small enough, keeps its bytes, but for bytes
 *   after its end and metadata that make no sense, which are cut out;
 * - any other picture becomes a JPEG of its first frame in 8-bit RGB (see `openPicture` for the rules),
 *   reduced to the shorter side by averaging areas.
 * With a seek table, a JPEG has one segment more before its scan; all other bytes are as they would be without.
 * EXIF orientation is not applied to the stored pixels, because boxes are in the file's frame: it is
 * recorded, and stands in the stored JPEG's own EXIF data. `pixelSha256` is taken from the source's own pixels,
 * upright, 8-bit RGB, row by row: it depends neither on the recipe nor on metadata. A JPEG in sRGB is
 * decoded as libjpeg does by default, bit for bit the same everywhere; only pictures with a colour profile of
 * another space, and CMYK, have pixels that a new version of the colour conversion may round otherwise.
 * Throws PictureFault for what belongs in quarantine, SourceError when the file cannot be read.
 */
export async function storePicture(
  reference: PictureReference,
  { sourceFolder, policy }: StorePictureOptions,
): Promise<StoredPicture> {
  const source = await readPicture(reference, sourceFolder);
  const opened = await openSource(source, policy);
  return storeOpened({ reference, source, opened }, { policy, resampler: new Resampler() });
}

/** The first step of storing a picture: its file's bytes, read once. */
export async function readPicture(
  { path }: PictureReference,
  sourceFolder: string,
): Promise<Buffer> {
  const source = join(sourceFolder, path);
  try {
    await using file = await open(source, "r");
    const { size } = await file.stat();
    if (size > MAX_FILE_BYTES) throw tooLarge(size, MAX_FILE_BYTES);
    return await file.readFile();
  } catch (error) {
    if (error instanceof PictureFault) throw error;
    throw unreadable(source, error);
  }
}

function unreadable(path: string, error: unknown): SourceError {
  return new SourceError(`${path}: the picture cannot be read (${errnoOf(error) ?? "fault"})`, {
    file: path,
    remedy: "make it readable or put it back, then run the same command again",
    cause: error,
  });
}

/** The second step: its header, judged. */
export function openSource(bytes: Buffer, { maxPixels }: PicturePolicy): Promise<OpenedPicture> {
  return openPicture({ bytes, format: sniffFormat(bytes), maxPixels });
}

/** What the third step works on. */
export interface OpenedSource {
  readonly reference: PictureReference;
  readonly source: Buffer;
  readonly opened: OpenedPicture;
}

/** The third step: its pixels. The resampler's memory is for one picture at a time. */
export async function storeOpened(
  { reference, source, opened }: OpenedSource,
  { policy, resampler }: { policy: PicturePolicy; resampler: Resampler },
): Promise<StoredPicture> {
  const { size, orientation } = opened;
  const target = reducedSize(size, policy.shorterSide);
  const room = resampler.open(size, target);
  await opened.decode(room.source);
  const pixelSha256 = sha256(upright(room.source, orientation).data);
  const kept = keptAsItIs(opened, target);
  const encoded = kept ?? (await encode(room.resample(), { orientation, policy }));
  const stored = withSeeking(encoded, policy);
  return {
    key: reference.key,
    path: reference.path,
    format: stored.format,
    width: target.width,
    height: target.height,
    sourceWidth: size.width,
    sourceHeight: size.height,
    sourceSizeBytes: source.length,
    orientation,
    sha256: sha256(stored.bytes),
    sourceSha256: sha256(source),
    pixelSha256,
    perceptualHash: null,
    url: reference.url,
    flickrPhotoId: reference.flickrPhotoId,
    license: reference.license,
    linkedKeys: reference.linkedKeys,
    notes: kept === undefined ? opened.notes : kept.notes,
    bytes: stored.bytes,
  };
}

function tooLarge(sizeBytes: number, maxBytes: number): PictureFault {
  return new PictureFault(
    "IMG_FILE_TOO_LARGE",
    `it has ${sizeBytes} bytes; up to ${maxBytes} are taken`,
  );
}

function reducedSize({ width, height }: PictureSize, shorterSide: number): PictureSize {
  const scale = Math.min(1, shorterSide / Math.min(width, height));
  const reduced = (side: number): number => Math.max(1, Math.round(side * scale));
  return { width: reduced(width), height: reduced(height) };
}

interface EncodedPicture {
  readonly bytes: Uint8Array;
  readonly format: "jpeg" | "png";
}

interface KeptPicture extends EncodedPicture {
  readonly notes: readonly string[];
}

function keptAsItIs({ plain, size }: OpenedPicture, target: PictureSize): KeptPicture | undefined {
  if (plain === undefined || size.width !== target.width || size.height !== target.height) {
    return undefined;
  }
  return plain.bytes.length <= MAX_STORED_BYTES ? { ...plain, format: "jpeg" } : undefined;
}

function withSeeking(picture: EncodedPicture, { seekTable }: PicturePolicy): EncodedPicture {
  if (seekTable !== "strips" || picture.format !== "jpeg") return picture;
  return { format: "jpeg", bytes: withSeekTable(picture.bytes) ?? picture.bytes };
}

interface EncodeOptions {
  readonly orientation: number;
  readonly policy: PicturePolicy;
}

async function encode(pixels: RgbPixels, options: EncodeOptions): Promise<EncodedPicture> {
  const fitsJpeg = Math.max(pixels.width, pixels.height) <= MAX_JPEG_SIDE;
  const encoded = await (fitsJpeg ? encodeJpeg(pixels, options) : encodePng(pixels, options));
  if (encoded.bytes.length > MAX_STORED_BYTES) {
    throw tooLarge(encoded.bytes.length, MAX_STORED_BYTES);
  }
  return encoded;
}

async function encodeJpeg(
  pixels: RgbPixels,
  { orientation, policy }: EncodeOptions,
): Promise<EncodedPicture> {
  const codec = await jpegCodec();
  const jpeg = await codec.encode(pixels, policy.jpegQuality);
  return { bytes: withExif(jpeg, orientation), format: "jpeg" };
}

async function encodePng(
  { data, width, height }: RgbPixels,
  { orientation }: EncodeOptions,
): Promise<EncodedPicture> {
  const sharp = await loadSharp();
  const image = sharp(data, { raw: { width, height, channels: 3 }, limitInputPixels: false }).png();
  const isRotated = orientation !== 1;
  const bytes = await (isRotated ? image.withMetadata({ orientation }) : image).toBuffer();
  return { bytes, format: "png" };
}
