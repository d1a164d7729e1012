import { hash } from "node:crypto";
import { crc32 } from "node:zlib";

/**
 * Of each value of a split the CRC-32 of the bytes that had the right SHA-256 once, in memory that threads share: the
 * next time the value is read, by whichever thread, the cheaper checksum tells that it still is what was proven.
 */
export interface ProvenValues {
  /** By the batch's number in the split. */
  readonly heads: Uint32Array;
  /** These by the picture's number in the split. */
  readonly pictures: Uint32Array;
  readonly features: Uint32Array;
  readonly classProbabilities: Uint32Array;
}

export type ProvenPart = keyof ProvenValues;

// 128 MiB of address space for each kind of value, of which only what is written takes memory. Values of pictures
// beyond that are hashed each time.
const MAX_PICTURES = 2 ** 25;

/** Nothing is proven yet. An index may name any number of pictures: `maxPictures` are remembered. */
export function noProvenValues(
  split: { readonly numBatches: number; readonly numPictures: number },
  maxPictures: number = MAX_PICTURES,
): ProvenValues {
  const numPictures = Math.min(split.numPictures, maxPictures);
  return {
    heads: words(split.numBatches),
    pictures: words(numPictures),
    features: words(numPictures),
    classProbabilities: words(numPictures),
  };
}

/** A value's bytes, and what tells whether they are right. */
export interface ReadValue {
  readonly bytes: Uint8Array;
  /** The value's number, which no other one has; undefined where it is not remembered. */
  readonly number: number | undefined;
  /** What it must be; asked for where that was not proven before. */
  readonly sha256: () => string;
}

/**
 * Undefined when a value's bytes are those that were proven before, or have the right SHA-256, which proves them; else
 * the SHA-256 that they have.
 */
export function wrongDigest(
  checksums: Uint32Array,
  { bytes, number, sha256 }: ReadValue,
): string | undefined {
  const checksum = crc32(bytes);
  // 0 stands for none: a value whose CRC-32 that is, one of 2^32, is hashed each time.
  if (number !== undefined && checksum !== 0 && checksums[number] === checksum) return undefined;
  const actual = hash("sha256", bytes, "hex");
  if (actual !== sha256()) return actual;
  if (number !== undefined && number < checksums.length) checksums[number] = checksum;
  return undefined;
}

function words(count: number): Uint32Array {
  return new Uint32Array(new SharedArrayBuffer(count * Uint32Array.BYTES_PER_ELEMENT));
}
