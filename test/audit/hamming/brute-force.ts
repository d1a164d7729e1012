import type { NearPairs } from "../../../src/audit/hamming/pair-list.ts";
import { HASH_BYTES } from "../../../src/audit/perceptual/hash.ts";

const WORDS = HASH_BYTES / 4;

/** A pair as left row, right row and distance. */
export type ListedPair = readonly [number, number, number];

export function listed({ left, right, distance }: NearPairs): ListedPair[] {
  return Array.from(left, (row, at) => [row, right[at] ?? 0, distance[at] ?? 0]);
}

/** Compares every pair of rows of one set; of equal rows the first stands for all. */
export function allNearPairs(hashes: Uint8Array, maxDistance: number): ListedPair[] {
  const rows = distinctRows(hashes);
  const pairs: ListedPair[] = [];
  const words = new Uint32Array(hashes.buffer, hashes.byteOffset, hashes.length / 4);
  for (const [at, left] of rows.entries()) {
    for (let to = at + 1; to < rows.length; to += 1) {
      const right = rows[to] ?? 0;
      const distance = distanceWithin({ words, left, others: words, right, maxDistance });
      if (distance <= maxDistance) pairs.push([left, right, distance]);
    }
  }
  return pairs;
}

/** The same for the pairs of a left and a right row. */
export function allNearPairsBetween(
  left: Uint8Array,
  right: Uint8Array,
  maxDistance: number,
): ListedPair[] {
  const [words, others] = [new Uint32Array(left.buffer), new Uint32Array(right.buffer)];
  const rightRows = distinctRows(right);
  return distinctRows(left).flatMap((leftRow) =>
    rightRows.flatMap((rightRow): ListedPair[] => {
      const pair = { words, left: leftRow, others, right: rightRow, maxDistance };
      const distance = distanceWithin(pair);
      return distance <= maxDistance ? [[leftRow, rightRow, distance]] : [];
    }),
  );
}

function distinctRows(hashes: Uint8Array): readonly number[] {
  const first = new Map<string, number>();
  for (let row = 0; row * HASH_BYTES < hashes.length; row += 1) {
    const text = Buffer.from(hashes.subarray(row * HASH_BYTES, (row + 1) * HASH_BYTES)).toString(
      "hex",
    );
    if (!first.has(text)) first.set(text, row);
  }
  return [...first.values()];
}

/** The distance, or a part of it that is above `maxDistance` already. */
function distanceWithin(pair: {
  readonly words: Uint32Array;
  readonly left: number;
  readonly others: Uint32Array;
  readonly right: number;
  readonly maxDistance: number;
}): number {
  const { words, left, others, right, maxDistance } = pair;
  let distance = 0;
  for (let at = 0; at < WORDS && distance <= maxDistance; at += 1) {
    distance += numBits((words[left * WORDS + at] ?? 0) ^ (others[right * WORDS + at] ?? 0));
  }
  return distance;
}

function numBits(word: number): number {
  const pairs = word - ((word >>> 1) & 0x55555555);
  const fours = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333);
  return Math.imul((fours + (fours >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
