import { hashName } from "../tables/name-hash.ts";

/** Neighbouring words of a shingle: captions have about ten words, of which two in a row say something. */
export const WORDS_PER_SHINGLE = 2;

const HASH_WORDS = 4;
const hash = new Uint32Array(HASH_WORDS);

/** The different shingles of a text as hashes of 32 bits, ascending: each two neighbouring words. None of a single word. */
export function shinglesOf(words: readonly string[]): Uint32Array {
  const numShingles = Math.max(0, words.length - WORDS_PER_SHINGLE + 1);
  const shingles = new Uint32Array(numShingles);
  for (let at = 0; at < numShingles; at += 1) {
    hashName(`${words[at] ?? ""} ${words[at + 1] ?? ""}`, 0, hash);
    shingles[at] = hash[0] ?? 0;
  }
  return distinct(shingles.toSorted());
}

/** What share of all shingles of two texts both have (Jaccard), 0 to 1. */
export function similarityOf(one: Uint32Array, other: Uint32Array): number {
  let [first, second, numShared] = [0, 0, 0];
  while (first < one.length && second < other.length) {
    const difference = (one[first] ?? 0) - (other[second] ?? 0);
    if (difference === 0) numShared += 1;
    if (difference <= 0) first += 1;
    if (difference >= 0) second += 1;
  }
  const numAll = one.length + other.length - numShared;
  return numAll === 0 ? 0 : numShared / numAll;
}

function distinct(sorted: Uint32Array): Uint32Array {
  let length = 0;
  for (let at = 0; at < sorted.length; at += 1) {
    const value = sorted[at] ?? 0;
    if (length > 0 && sorted[length - 1] === value) continue;
    sorted[length] = value;
    length += 1;
  }
  return sorted.subarray(0, length);
}
