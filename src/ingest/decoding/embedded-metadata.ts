/** What a picture's EXIF data say about how it is held. */
export interface ExifOrientation {
  /** 1 to 8, as in TIFF 6.0; 1 is upright. */
  readonly orientation: number;
  /** The data make no sense, or contradict themselves: then the orientation is 1. */
  readonly isBroken: boolean;
}

const UPRIGHT: ExifOrientation = { orientation: 1, isBroken: false };
const BROKEN: ExifOrientation = { orientation: 1, isBroken: true };
const ORIENTATION_TAG = 0x0112;
const SHORT = 3;
const ENTRY_BYTES = 12;

/**
 * The orientation that EXIF data give, read from the first directory alone: a TIFF header (with or without
 * "Exif" before it) that leads to entries of 12 bytes. Several blocks must agree.
 */
export function readExifOrientation(blocks: readonly Uint8Array[]): ExifOrientation {
  const found = blocks.map((block) => orientationsOf(withoutExifName(block)));
  if (found.includes(undefined)) return BROKEN;
  const distinct = new Set(found.flatMap((orientations) => orientations ?? []));
  if (distinct.size === 0) return UPRIGHT;
  const [orientation = 0] = distinct;
  const isKnown = orientation >= 1 && orientation <= 8;
  return distinct.size === 1 && isKnown ? { orientation, isBroken: false } : BROKEN;
}

function withoutExifName(block: Uint8Array): DataView {
  const hasName = Buffer.from(block.subarray(0, 6)).toString("latin1") === "Exif\0\0";
  const tiff = hasName ? block.subarray(6) : block;
  return new DataView(tiff.buffer, tiff.byteOffset, tiff.byteLength);
}

/** All orientations that the first directory names; undefined when it cannot be read. */
function orientationsOf(tiff: DataView): number[] | undefined {
  if (tiff.byteLength < 8) return undefined;
  const order = tiff.getUint16(0);
  const isLittleEndian = order === 0x4949;
  if (!isLittleEndian && order !== 0x4d4d) return undefined;
  if (tiff.getUint16(2, isLittleEndian) !== 42) return undefined;
  const directory = tiff.getUint32(4, isLittleEndian);
  if (directory + 2 > tiff.byteLength) return undefined;
  const numEntries = tiff.getUint16(directory, isLittleEndian);
  if (directory + 2 + numEntries * ENTRY_BYTES > tiff.byteLength) return undefined;
  const orientations: number[] = [];
  for (let entry = 0; entry < numEntries; entry += 1) {
    const at = directory + 2 + entry * ENTRY_BYTES;
    if (tiff.getUint16(at, isLittleEndian) !== ORIENTATION_TAG) continue;
    const isOneShort =
      tiff.getUint16(at + 2, isLittleEndian) === SHORT &&
      tiff.getUint32(at + 4, isLittleEndian) === 1;
    orientations.push(isOneShort ? tiff.getUint16(at + 8, isLittleEndian) : 0);
  }
  return orientations;
}

/** EXIF data that say the orientation and nothing else, "Exif" and two zeros before them. */
export function exifOf(orientation: number): Uint8Array {
  const tiff = Buffer.alloc(26);
  tiff.write("MM\0*", 0, "latin1");
  tiff.writeUInt32BE(8, 4); // where the directory begins
  tiff.writeUInt16BE(1, 8); // it has one entry
  tiff.writeUInt16BE(ORIENTATION_TAG, 10);
  tiff.writeUInt16BE(SHORT, 12);
  tiff.writeUInt32BE(1, 14);
  tiff.writeUInt16BE(orientation, 18);
  return Buffer.concat([Buffer.from("Exif\0\0", "latin1"), tiff]);
}

/** What a colour profile means for the pixels: nothing, a conversion, or that it is to be ignored. */
export type ProfileVerdict = "none" | "srgb" | "other" | "broken";

const PROFILE_HEADER_BYTES = 128;
const TAG_BYTES = 12;

/** Judges an ICC profile by its header and its table of tags (ICC.1, 7.2 and 7.3). */
export function judgeProfile(profile: Uint8Array | undefined): ProfileVerdict {
  if (profile === undefined) return "none";
  const bytes = Buffer.from(profile.buffer, profile.byteOffset, profile.byteLength);
  if (!isWholeProfile(bytes)) return "broken";
  return namesSrgb(bytes) ? "srgb" : "other";
}

function isWholeProfile(bytes: Buffer): boolean {
  if (bytes.length < PROFILE_HEADER_BYTES + 4) return false;
  if (bytes.readUInt32BE(0) > bytes.length || bytes.toString("latin1", 36, 40) !== "acsp")
    return false;
  const numTags = bytes.readUInt32BE(PROFILE_HEADER_BYTES);
  const tableEnd = PROFILE_HEADER_BYTES + 4 + numTags * TAG_BYTES;
  if (numTags === 0 || tableEnd > bytes.length) return false;
  for (let at = PROFILE_HEADER_BYTES + 4; at < tableEnd; at += TAG_BYTES) {
    if (bytes.readUInt32BE(at + 4) + bytes.readUInt32BE(at + 8) > bytes.length) return false;
  }
  return true;
}

// A profile's description is ASCII in version 2 and UTF-16 in version 4 of ICC.1.
function namesSrgb(profile: Buffer): boolean {
  return profile.includes("sRGB", 0, "latin1") || profile.includes("\0s\0R\0G\0B", 0, "latin1");
}

/** A profile from the pieces that a JPEG has it in: "ICC_PROFILE", a zero, its number from 1 on, how many there are. */
export function joinProfile(pieces: readonly Uint8Array[]): Uint8Array | undefined {
  if (pieces.length === 0) return undefined;
  const inOrder = pieces.toSorted((a, b) => (a[12] ?? 0) - (b[12] ?? 0));
  const isWhole = inOrder.every((piece, index) => {
    return piece[12] === index + 1 && piece[13] === pieces.length;
  });
  return isWhole ? Buffer.concat(inOrder.map((piece) => piece.subarray(14))) : new Uint8Array();
}
