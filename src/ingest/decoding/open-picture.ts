import type { Metadata, Sharp, SharpOptions } from "sharp";
import { PictureFault } from "../pictures/picture-fault.ts";
import { isCutOff, type PictureFormat } from "../pictures/picture-format.ts";
import {
  exifOf,
  joinProfile,
  judgeProfile,
  type ProfileVerdict,
  readExifOrientation,
} from "./embedded-metadata.ts";
import { jpegCodec } from "../../pixels/jpeg-codec.ts";
import {
  exifSegments,
  type JpegSegment,
  type JpegStructure,
  profileSegments,
  readJpegStructure,
  withoutSegments,
} from "./jpeg-structure.ts";
import { loadSharp } from "../../pixels/load-sharp.ts";
import { isSeekSegment } from "../../pixels/seeking/seek-table.ts";
import type { PictureSize, RgbPixels } from "../../pixels/resampler.ts";

/** A picture whose header has been read and found good; its pixels are not decoded yet. */
export interface OpenedPicture {
  /** Of the first frame, as the file holds it, before any rotation. */
  readonly size: PictureSize;
  /** EXIF orientation 1 to 8. */
  readonly orientation: number;
  /** Bytes that may be stored as they are, because every decoder shows them alike. */
  readonly plain: PlainJpeg | undefined;
  /** What is done to the picture when it is decoded: see `decode`. */
  readonly notes: readonly string[];
  /** Fills `into`, whose size is the picture's. Throws PictureFault when the data are damaged. */
  readonly decode: (into: RgbPixels) => Promise<void>;
}

/** A JPEG of 8-bit grey or three components in sRGB, with nothing that decoders disagree about. */
interface PlainJpeg {
  readonly bytes: Uint8Array;
  /** What was taken away from the file; its pixels are untouched. */
  readonly notes: readonly string[];
}

/** An encoded picture in memory. */
export interface PictureSource {
  readonly bytes: Buffer;
  readonly format: PictureFormat;
  /** A picture that says it has more is refused before it is decoded. */
  readonly maxPixels: number;
}

// Progressive JPEGs have about ten scans; thousands in a small file would keep a decoder busy for minutes.
const MAX_SCANS = 100;
/** Of a picture with as many pixels as are allowed; smaller ones may have more. */
const MAX_SCANS_OF_LARGEST = 30;
/** A file may be this much larger than its pixels before its metadata are taken away. */
const METADATA_ALLOWANCE_BYTES = 65_536;

/**
 * Reads a picture's header. Its pixels become 8-bit RGB in sRGB by these rules, each of which leaves a note:
 * - "first-of-N-frames": of an animation the first frame is taken;
 * - "icc-to-srgb": colours are converted by the embedded profile, unless it is sRGB;
 * - "icc-broken": a profile that cannot be read is dropped;
 * - "cmyk-to-rgb": by the embedded profile, else by libvips' own one of offset printing;
 * - "16-bit-to-8-bit": the upper half of each value is kept;
 * - "palette-to-rgb", "grey-to-rgb": every pixel gets its colour, three equal values for grey;
 * - "alpha-over-white": what is transparent shows white;
 * - "exif-broken": EXIF data that make no sense or contradict themselves are dropped, and the picture is upright;
 * - "trailing-bytes-cut", "metadata-cut": what stands after the end of a JPEG is dropped, and so are the
 *   metadata of one that is larger than its pixels;
 * - "seek-table-cut": a table that an earlier preparation added is dropped.
 * PNG's gamma and chromaticities are ignored, as by nearly all programs.
 * Throws PictureFault.
 */
export async function openPicture(source: PictureSource): Promise<OpenedPicture> {
  return source.format === "jpeg" ? openJpeg(source) : openWithSharp(source);
}

async function openJpeg(source: PictureSource): Promise<OpenedPicture> {
  const { bytes } = source;
  const structure = readJpegStructure(bytes);
  if (structure === undefined || structure.width * structure.height === 0) throw damaged(source);
  const { endOffset } = structure;
  requireFewPixels(structure, source.maxPixels);
  if (endOffset === null) throw damaged(source);
  requireFewScans(structure, source.maxPixels);
  const parts = partsOf(bytes, { ...structure, endOffset });
  const isPlain =
    structure.isCommonCoding &&
    structure.bitsPerSample === 8 &&
    (structure.numComponents === 1 || structure.numComponents === 3) &&
    parts.profile !== "other";
  if (!isPlain) return openWithSharp(source, parts);
  const isGrey = structure.numComponents === 1;
  // Decoders warn of segments that make no sense.
  const sound = withoutSegments(bytes, parts.brokenSegments, endOffset);
  return {
    size: { width: structure.width, height: structure.height },
    orientation: parts.orientation,
    plain: plainJpeg(bytes, { ...parts, sound }),
    notes: [...parts.notes, ...(isGrey ? ["grey-to-rgb"] : [])],
    decode: (into) => decodeJpeg(sound, { source, into }),
  };
}

/** What stands in a JPEG beside its pixels. */
interface JpegParts {
  readonly structure: JpegStructure & { readonly endOffset: number };
  readonly orientation: number;
  readonly profile: ProfileVerdict;
  /** The segments that make no sense, and seek tables: those that are trusted are made at preparation. */
  readonly brokenSegments: readonly JpegSegment[];
  readonly notes: readonly string[];
}

function partsOf(bytes: Buffer, structure: JpegParts["structure"]): JpegParts {
  const payloadOf = ({ payload, end }: JpegSegment): Buffer => bytes.subarray(payload, end);
  const exif = exifSegments(bytes, structure);
  const icc = profileSegments(bytes, structure);
  const { orientation, isBroken } = readExifOrientation(exif.map(payloadOf));
  const profile = judgeProfile(joinProfile(icc.map(payloadOf)));
  const seekTables = structure.segments.filter(({ start, end }) => {
    return isSeekSegment(bytes.subarray(start, end));
  });
  return {
    structure,
    orientation,
    profile,
    brokenSegments: [
      ...(isBroken ? exif : []),
      ...(profile === "broken" ? icc : []),
      ...seekTables,
    ],
    notes: [
      ...(structure.endOffset < bytes.length ? ["trailing-bytes-cut"] : []),
      ...(isBroken ? ["exif-broken"] : []),
      ...(profile === "broken" ? ["icc-broken"] : []),
      ...(seekTables.length > 0 ? ["seek-table-cut"] : []),
    ],
  };
}

function plainJpeg(
  bytes: Buffer,
  parts: JpegParts & { readonly sound: Uint8Array },
): PlainJpeg | undefined {
  const { structure, orientation, notes, sound } = parts;
  const maxBytes = structure.width * structure.height * 3 + METADATA_ALLOWANCE_BYTES;
  if (sound.length <= maxBytes) return { bytes: sound, notes };
  const bare = withoutSegments(bytes, structure.segments.filter(isMetadata), structure.endOffset);
  const upright = withExif(bare, orientation);
  if (upright.length > maxBytes) return undefined;
  return { bytes: upright, notes: [...notes, "metadata-cut"] };
}

const JFIF = 0xe0;
const ADOBE = 0xee;
const LAST_APPLICATION = 0xef;
const COMMENT = 0xfe;

// All application segments but the two that say which colours the components are, and comments.
function isMetadata({ marker }: JpegSegment): boolean {
  const isApplication = marker >= JFIF && marker <= LAST_APPLICATION;
  return marker === COMMENT || (isApplication && marker !== JFIF && marker !== ADOBE);
}

/** A JPEG with EXIF data that say its orientation, when it isn't upright. */
export function withExif(jpeg: Uint8Array, orientation: number): Uint8Array {
  if (orientation === 1) return jpeg;
  const exif = exifOf(orientation);
  const header = Buffer.alloc(4);
  header.writeUInt16BE(0xffe1, 0);
  header.writeUInt16BE(exif.length + 2, 2);
  const position = afterJfif(jpeg);
  return Buffer.concat([jpeg.subarray(0, position), header, exif, jpeg.subarray(position)]);
}

// JFIF's segment comes first, by its specification.
function afterJfif(jpeg: Uint8Array): number {
  const [first] = readJpegStructure(jpeg)?.segments ?? [];
  return first?.marker === JFIF ? first.end : 2;
}

async function decodeJpeg(
  jpeg: Uint8Array,
  { source, into }: { source: PictureSource; into: RgbPixels },
): Promise<void> {
  const codec = await jpegCodec();
  try {
    await codec.decode(jpeg, into);
  } catch (error) {
    throw asFault(error, source);
  }
}

async function openWithSharp(source: PictureSource, parts?: JpegParts): Promise<OpenedPicture> {
  const sharp = await loadSharp();
  const limits = { limitInputPixels: source.maxPixels, failOn: "warning" } as const;
  try {
    const metadata = await sharp(source.bytes, limits).metadata();
    const exif = readExifOrientation(metadata.exif === undefined ? [] : [metadata.exif]);
    const profile = parts?.profile ?? judgeProfile(metadata.icc);
    // A profile of sRGB changes nothing but roundings.
    const input: SharpOptions = { ...limits, ignoreIcc: profile !== "other" };
    return {
      size: { width: metadata.width, height: metadata.height },
      orientation: parts?.orientation ?? exif.orientation,
      plain: undefined,
      notes: [
        ...(parts?.notes ?? [
          ...(exif.isBroken ? ["exif-broken"] : []),
          ...(profile === "broken" ? ["icc-broken"] : []),
        ]),
        ...conversionsOf(metadata, profile),
        ...framesOf(metadata, source),
      ],
      decode: (into) => decodeInto(sharp(source.bytes, input), source, into),
    };
  } catch (error) {
    throw asFault(error, source);
  }
}

function conversionsOf(metadata: Metadata, profile: ProfileVerdict): string[] {
  const { space, depth } = metadata;
  return [
    ...(space === "cmyk" ? ["cmyk-to-rgb"] : []),
    ...(space === "b-w" || space === "grey16" ? ["grey-to-rgb"] : []),
    ...(metadata.isPalette ? ["palette-to-rgb"] : []),
    ...(depth === "ushort" ? ["16-bit-to-8-bit"] : []),
    ...(metadata.hasAlpha ? ["alpha-over-white"] : []),
    ...(profile === "other" ? ["icc-to-srgb"] : []),
  ];
}

function framesOf({ pages = 1 }: Metadata, source: PictureSource): string[] {
  const numFrames = Math.max(pages, source.format === "png" ? numApngFrames(source.bytes) : 1);
  return numFrames > 1 ? [`first-of-${numFrames}-frames`] : [];
}

/** Frames of an animated PNG: the chunk that says so comes before the pixels. */
function numApngFrames(png: Buffer): number {
  let position = 8;
  while (position + 12 <= png.length) {
    const length = png.readUInt32BE(position);
    const type = png.toString("latin1", position + 4, position + 8);
    if (type === "acTL" && position + 12 <= png.length) return png.readUInt32BE(position + 8);
    if (type === "IDAT") break;
    position += 12 + length;
  }
  return 1;
}

async function decodeInto(image: Sharp, source: PictureSource, into: RgbPixels): Promise<void> {
  try {
    const { data, info } = await image
      .flatten({ background: "#ffffff" })
      .toColourspace("srgb")
      .raw({ depth: "uchar" })
      .toBuffer({ resolveWithObject: true });
    if (info.width !== into.width || info.height !== into.height) throw damaged(source);
    into.data.set(data);
  } catch (error) {
    throw asFault(error, source);
  }
}

function requireFewPixels({ width, height }: PictureSize, maxPixels: number): void {
  if (width * height > maxPixels) throw tooManyPixels(maxPixels);
}

function requireFewScans({ width, height, numScans }: JpegStructure, maxPixels: number): void {
  const numAllowed = Math.min(MAX_SCANS, (MAX_SCANS_OF_LARGEST * maxPixels) / (width * height));
  if (numScans <= numAllowed) return;
  const allowed = Math.floor(numAllowed);
  throw new PictureFault("IMG_CORRUPT", `it has ${numScans} scans; up to ${allowed} are taken`);
}

function tooManyPixels(maxPixels: number): PictureFault {
  return new PictureFault("IMG_TOO_MANY_PIXELS", `its header says more than ${maxPixels} pixels`);
}

// The decoders' own texts vary with their versions, and libvips keeps them in one place for all threads, so that they
// may be about another picture: what stands in the ledger comes from the bytes alone. The pixel limit's is sharp's.
function asFault(error: unknown, source: PictureSource): unknown {
  if (!(error instanceof Error) || error instanceof PictureFault) return error;
  if (error.message.includes("exceeds pixel limit")) return tooManyPixels(source.maxPixels);
  return damaged(source);
}

function damaged({ format, bytes }: PictureSource): PictureFault {
  return isCutOff(format, bytes)
    ? new PictureFault(
        "IMG_TRUNCATED",
        `it ends at byte ${bytes.length}, before its ${format} data do`,
      )
    : new PictureFault("IMG_CORRUPT", `its ${format} data do not decode without a warning`);
}
