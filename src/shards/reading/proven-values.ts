import { hash } from "node:crypto";

import { xxh64 } from "../../core/checksum/xxh64.ts";

/**
 * Of each value of a split the XXH64 of the bytes that had the right SHA-256 once, in memory that threads share: the
 * next time the value is read, by whichever thread, the cheaper checksum tells that it still is what was proven.
 */
export interface ProvenValues {
  /** By the batch's number in the split. */
  readonly heads: BigUint64Array;
  /** These by the picture's number in the split. */
  readonly pictures: BigUint64Array;
  readonly features: BigUint64Array;
  readonly classProbabilities: BigUint64Array;
}

export type ProvenPart = keyof ProvenValues;

// 256 MiB of address space for each kind of value, of which only what is written takes memory. Values of pictures
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
  checksums: BigUint64Array,
  { bytes, number, sha256 }: ReadValue,
): string | undefined {
  const checksum = xxh64(bytes);
  // 0 stands for none: a value whose XXH64 that is, one of 2^64, is hashed each time.
  if (number !== undefined && checksum !== 0n && checksums[number] === checksum) return undefined;
  const actual = hash("sha256", bytes, "hex");
  if (actual !== sha256()) return actual;
  if (number !== undefined && number < checksums.length) checksums[number] = checksum;
  return undefined;
}

function words(count: number): BigUint64Array {
  return new BigUint64Array(new SharedArrayBuffer(count * BigUint64Array.BYTES_PER_ELEMENT));
}
