import { strict as assert } from "node:assert";
import { PAIR_WORDS, type SidePlaces } from "./search-memory.ts";

/** Rows with one and the same hash, ascending, at least two. */
export type EqualRows = Uint32Array;

/** What a side of a search holds. */
export interface LoadedRows {
  readonly numRows: number;
  readonly numDistinct: number;
  /** By their first rows. */
  readonly equal: readonly EqualRows[];
}

/** Pairs of different rows by the first rows of their hashes, ascending by left, then by right row. */
export interface NearPairs {
  readonly left: Uint32Array;
  readonly right: Uint32Array;
  readonly distance: Uint8Array;
}

/** A side as it lies in a search's memory. */
export interface LoadedSide extends SidePlaces {
  readonly numRows: number;
  readonly numDistinct: number;
  /** Of each distinct hash, the first row that has it. */
  readonly firstRows: Uint32Array;
}

/** A pair in one number, so that numbers sort as pairs do. */
const DISTANCES = 64;

/** Of each distinct hash, the first row that has it: distinct hashes are numbered in that order. */
export function firstRowsOf(groupOf: Uint32Array, numDistinct: number): Uint32Array {
  const firstRows = new Uint32Array(numDistinct);
  let next = 0;
  for (let row = 0; row < groupOf.length; row += 1) {
    if (groupOf[row] !== next) continue;
    firstRows[next] = row;
    next += 1;
  }
  return firstRows;
}

/** The groups of rows with equal hashes. */
export function equalRows(groupOf: Uint32Array, firstRows: Uint32Array): readonly EqualRows[] {
  if (groupOf.length === firstRows.length) return [];
  const counts = new Uint32Array(firstRows.length);
  for (const group of groupOf) counts[group] = (counts[group] ?? 0) + 1;
  const members = new Map<number, Uint32Array>();
  for (const [group, count] of counts.entries()) {
    if (count > 1) members.set(group, new Uint32Array(count));
  }
  counts.fill(0);
  for (const [row, group] of groupOf.entries()) {
    const rows = members.get(group);
    const place = counts[group] ?? 0;
    if (rows === undefined) continue;
    rows[place] = row;
    counts[group] = place + 1;
  }
  return [...members.values()];
}

/** The pairs that threads found, in order. */
export function inOrder(
  found: readonly Uint32Array[],
  left: LoadedSide,
  right: LoadedSide,
): NearPairs {
  const numPairs = found.reduce((sum, { length }) => sum + length / PAIR_WORDS, 0);
  const { numRows } = right;
  assert(left.numRows * numRows * DISTANCES < Number.MAX_SAFE_INTEGER, "a pair is one number");
  const packed = new Float64Array(numPairs);
  let at = 0;
  for (const words of found) {
    for (let word = 0; word < words.length; word += PAIR_WORDS) {
      const leftRow = left.firstRows[words[word] ?? 0] ?? 0;
      const rightRow = right.firstRows[words[word + 1] ?? 0] ?? 0;
      packed[at] = (leftRow * numRows + rightRow) * DISTANCES + (words[word + 2] ?? 0);
      at += 1;
    }
  }
  return unpacked(packed.toSorted(), numRows);
}

function unpacked(packed: Float64Array, numRight: number): NearPairs {
  const pairs = {
    left: new Uint32Array(packed.length),
    right: new Uint32Array(packed.length),
    distance: new Uint8Array(packed.length),
  };
  for (const [at, number] of packed.entries()) {
    const rows = Math.floor(number / DISTANCES);
    pairs.distance[at] = number - rows * DISTANCES;
    pairs.left[at] = Math.floor(rows / numRight);
    pairs.right[at] = rows % numRight;
  }
  return pairs;
}
