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

/** The pairs that threads found, by the rows that were loaded, in order. */
export function pairsOf(
  found: readonly Uint32Array[],
  left: LoadedSide,
  right: LoadedSide,
): NearPairs {
  const list = new PairList(found.reduce((sum, { length }) => sum + length / PAIR_WORDS, 0));
  for (const words of found) {
    for (let word = 0; word < words.length; word += PAIR_WORDS) {
      const leftRow = left.firstRows[words[word] ?? 0] ?? 0;
      const rightRow = right.firstRows[words[word + 1] ?? 0] ?? 0;
      list.add(leftRow, rightRow, words[word + 2] ?? 0);
    }
  }
  return list.sorted();
}

const WORD = 2 ** 32;
const DISTANCES = 64;
/** A row is 29 bits of a packed pair. */
export const MAX_ROWS: number = 2 ** 29;
const LEFT_UNIT = (MAX_ROWS * DISTANCES) / WORD;

/** Pairs, each packed into 64 bits (left row, right row, distance), so that numbers sort as pairs do. */
export class PairList {
  readonly #words: Uint32Array<ArrayBuffer>;
  #length = 0;

  constructor(maxPairs: number) {
    this.#words = new Uint32Array(2 * maxPairs);
  }

  add(left: number, right: number, distance: number): void {
    const low = right * DISTANCES + distance;
    this.#words[2 * this.#length] = low % WORD;
    this.#words[2 * this.#length + 1] = left * LEFT_UNIT + Math.floor(low / WORD);
    this.#length += 1;
  }

  /** The different pairs, ascending by left, then by right row. */
  sorted(): NearPairs {
    const packed = new BigUint64Array(this.#words.buffer, 0, this.#length).toSorted();
    const words = new Uint32Array(packed.buffer);
    const [left, right] = [new Uint32Array(packed.length), new Uint32Array(packed.length)];
    const distance = new Uint8Array(packed.length);
    let kept = 0;
    for (let at = 0; at < packed.length; at += 1) {
      if (at > 0 && packed[at] === packed[at - 1]) continue;
      const [low, high] = [words[2 * at] ?? 0, words[2 * at + 1] ?? 0];
      left[kept] = Math.floor(high / LEFT_UNIT);
      right[kept] = (high % LEFT_UNIT) * (WORD / DISTANCES) + Math.floor(low / DISTANCES);
      distance[kept] = low % DISTANCES;
      kept += 1;
    }
    return {
      left: left.subarray(0, kept),
      right: right.subarray(0, kept),
      distance: distance.subarray(0, kept),
    };
  }
}
