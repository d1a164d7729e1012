import { open } from "node:fs/promises";
import { join } from "node:path";
import sharp, { type Metadata, type Sharp, type SharpOptions } from "sharp";
import { sha256 } from "../../core/digest.ts";
import { errnoOf, SourceError } from "../../core/errors.ts";
import type { PictureReference, StoredPicture } from "../../core/records.ts";
import { readJpegStructure } from "./jpeg-structure.ts";
import { PictureFault } from "./picture-fault.ts";
import { isCutOff, type PictureFormat, sniffFormat } from "./picture-format.ts";

/** How pictures are stored; a part of the recipe. */
export interface PicturePolicy {
  /** Pictures whose shorter side is longer are reduced to it, in pixels. */
  readonly shorterSide: number;
  /** Of the pictures that cannot be kept byte for byte, 1 to 100. */
  readonly jpegQuality: number;
  /** A picture that says it has more is refused before it is decoded. */
  readonly maxPixels: number;
}

export interface StorePictureOptions {
  /** The folder that `reference.path` is below. */
  readonly sourceFolder: string;
  readonly policy: PicturePolicy;
}

/** A picture file larger than this is refused unread. */
const MAX_FILE_BYTES = 256 * 2 ** 20;
/** Shard batches end at 64 MiB, so a picture has to stay below. */
const MAX_STORED_BYTES = 48 * 2 ** 20;
/** JPEG's size fields have 16 bits, and libjpeg ends a little before. */
const MAX_JPEG_SIDE = 65_500;

/**
 * Reads a picture file once, checks and digests it, and gives it as it is stored:
 * - a JPEG of 8-bit grey or three components, in sRGB and small enough, keeps its bytes, but for bytes
 *   after its end, which are cut off;
 * - any other picture becomes a JPEG: first frame, reduced to the shorter side, transparency laid over
 *   white, grey, CMYK, palette, 16-bit and other colour spaces turned into 8-bit sRGB.
 * EXIF orientation is recorded and not applied to the stored pixels; `pixelSha256` is taken from the
 * source's own pixels, upright, so that it does not depend on the recipe or on metadata.
 * Throws PictureFault for what belongs in quarantine, SourceError when the file cannot be read.
 */
export async function storePicture(
  reference: PictureReference,
  options: StorePictureOptions,
): Promise<StoredPicture> {
  const source = await readPicture(join(options.sourceFolder, reference.path));
  const format = sniffFormat(source);
  try {
    return await store({ reference, source, format, policy: options.policy });
  } catch (error) {
    throw asPictureFault(error, { source, format, policy: options.policy });
  }
}

async function readPicture(path: string): Promise<Buffer> {
  try {
    await using file = await open(path, "r");
    const { size } = await file.stat();
    if (size > MAX_FILE_BYTES) throw tooLarge(size, MAX_FILE_BYTES);
    return await file.readFile();
  } catch (error) {
    if (error instanceof PictureFault) throw error;
    throw new SourceError(`${path}: the picture cannot be read (${errnoOf(error) ?? "fault"})`, {
      file: path,
      remedy: "make it readable or put it back, then run the same command again",
      cause: error,
    });
  }
}

function tooLarge(sizeBytes: number, maxBytes: number): PictureFault {
  return new PictureFault(
    "IMG_FILE_TOO_LARGE",
    `it has ${sizeBytes} bytes; up to ${maxBytes} are taken`,
  );
}

interface PictureJob {
  readonly reference: PictureReference;
  readonly source: Buffer;
  readonly format: PictureFormat;
  readonly policy: PicturePolicy;
}

async function store(job: PictureJob): Promise<StoredPicture> {
  const { reference, source, policy } = job;
  const limit = { limitInputPixels: policy.maxPixels, failOn: "warning" } as const;
  const metadata = await sharp(source, limit).metadata();
  const kept = keptBytes(job, metadata);
  // Decoders of kept JPEGs do not manage colours, so its pixels are digested in the same way.
  const input = { ...limit, ignoreIcc: kept !== undefined };
  const pixelSha256 = await uprightPixelDigest(source, input);
  const stored =
    kept === undefined
      ? await encode(job, { input, metadata })
      : { bytes: kept, format: "jpeg", width: metadata.width, height: metadata.height };
  return {
    key: reference.key,
    path: reference.path,
    format: stored.format,
    width: stored.width,
    height: stored.height,
    sourceWidth: metadata.width,
    sourceHeight: metadata.height,
    sourceSizeBytes: source.length,
    orientation: orientationOf(metadata),
    sha256: sha256(stored.bytes),
    sourceSha256: sha256(source),
    pixelSha256,
    perceptualHash: null,
    url: reference.url,
    flickrPhotoId: reference.flickrPhotoId,
    license: reference.license,
    linkedKeys: reference.linkedKeys,
    bytes: stored.bytes,
  };
}

// The bytes of a JPEG that every decoder shows alike; undefined when it has to be encoded anew.
function keptBytes(job: PictureJob, metadata: Metadata): Buffer | undefined {
  if (job.format !== "jpeg" || !isPlainColour(metadata)) return undefined;
  const structure = readJpegStructure(job.source);
  if (structure === undefined || structure.endOffset === null) return undefined;
  const isPlain =
    structure.isCommonCoding &&
    structure.bitsPerSample === 8 &&
    (structure.numComponents === 1 || structure.numComponents === 3);
  const isSmall = Math.min(structure.width, structure.height) <= job.policy.shorterSide;
  const fits = structure.endOffset <= MAX_STORED_BYTES;
  return isPlain && isSmall && fits ? job.source.subarray(0, structure.endOffset) : undefined;
}

function isPlainColour(metadata: Metadata): boolean {
  const isPlainSpace = metadata.space === "srgb" || metadata.space === "b-w";
  return isPlainSpace && (metadata.icc === undefined || namesSrgb(metadata.icc));
}

// A profile's description is ASCII in version 2 and UTF-16 in version 4 of ICC.1.
function namesSrgb(profile: Buffer): boolean {
  return profile.includes("sRGB", 0, "latin1") || profile.includes("\0s\0R\0G\0B", 0, "latin1");
}

function upright8BitRgb(image: Sharp): Sharp {
  return image.flatten({ background: "#ffffff" }).toColourspace("srgb");
}

async function uprightPixelDigest(source: Buffer, input: SharpOptions): Promise<string> {
  const upright = upright8BitRgb(sharp(source, input).autoOrient());
  return sha256(await upright.raw({ depth: "uchar" }).toBuffer());
}

interface EncodedPicture {
  readonly bytes: Buffer;
  readonly format: string;
  readonly width: number;
  readonly height: number;
}

async function encode(
  { source, policy }: PictureJob,
  { input, metadata }: { input: SharpOptions; metadata: Metadata },
): Promise<EncodedPicture> {
  const { width, height } = metadata;
  const scale = Math.min(1, policy.shorterSide / Math.min(width, height));
  const target = {
    width: Math.max(1, Math.round(width * scale)),
    height: Math.max(1, Math.round(height * scale)),
  };
  const resized = upright8BitRgb(sharp(source, input)).resize({ ...target, fit: "fill" });
  const fitsJpeg = Math.max(target.width, target.height) <= MAX_JPEG_SIDE;
  const encoded = fitsJpeg ? resized.jpeg({ quality: policy.jpegQuality }) : resized.png();
  const bytes = await encoded.toBuffer();
  if (bytes.length > MAX_STORED_BYTES) throw tooLarge(bytes.length, MAX_STORED_BYTES);
  return { bytes, format: fitsJpeg ? "jpeg" : "png", ...target };
}

function orientationOf(metadata: Metadata): number {
  const { orientation = 1 } = metadata;
  return orientation >= 1 && orientation <= 8 ? orientation : 1;
}

// libvips keeps its error texts in one place for all threads, so they may be about another picture:
// what stands in the ledger comes from the bytes alone. The pixel limit's text is sharp's own.
function asPictureFault(
  error: unknown,
  { source, format, policy }: { source: Buffer; format: PictureFormat; policy: PicturePolicy },
): unknown {
  if (!(error instanceof Error) || error instanceof PictureFault) return error;
  if (error.message.includes("exceeds pixel limit")) {
    const message = `its header says more than ${policy.maxPixels} pixels`;
    return new PictureFault("IMG_TOO_MANY_PIXELS", message);
  }
  return isCutOff(format, source)
    ? new PictureFault(
        "IMG_TRUNCATED",
        `it ends at byte ${source.length}, before its ${format} data do`,
      )
    : new PictureFault("IMG_CORRUPT", `its ${format} data do not decode without a warning`);
}
