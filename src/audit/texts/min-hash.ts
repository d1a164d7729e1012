import { extendSeedByWord, mixSeed } from "../../core/random.ts";

/**
 * Texts that share a band of so many least hashes are compared. At a Jaccard similarity s they do with the probability
 * 1 - (1 - s^rows)^bands: .988 at .7, .9999 at .8. datatrove's 14 bands of 8 rows give .924 at .8.
 */
export const NUM_BANDS = 24;
export const ROWS_PER_BAND = 5;

const NUM_HASHES = NUM_BANDS * ROWS_PER_BAND;
const MULTIPLIERS = Int32Array.from({ length: NUM_HASHES }, (_, index) => mixSeed(index) | 1);
const OFFSETS = Int32Array.from({ length: NUM_HASHES }, (_, index) => mixSeed(NUM_HASHES + index));

// Exchanges the halves of the 32-bit numbers, so that signed numbers compare as unsigned ones.
const SIGN = -(2 ** 31);
const LARGEST = 2 ** 31 - 1;

/**
 * The bands of a text's MinHash signature (Broder, 1997), a hash of 32 bits each, written to `bands`: [NUM_BANDS]. There has
 * to be a shingle.
 */
export function writeBands(shingles: Uint32Array, bands: Uint32Array): void {
  for (let band = 0; band < NUM_BANDS; band += 1) {
    let hash = band;
    for (let row = 0; row < ROWS_PER_BAND; row += 1) {
      hash = extendSeedByWord(hash, leastHash(shingles, band * ROWS_PER_BAND + row));
    }
    bands[band] = hash;
  }
}

// Multiply, add, and fold the good upper half onto the lower one: a permutation of 2^32 numbers for each index.
function leastHash(shingles: Uint32Array, index: number): number {
  const multiplier = MULTIPLIERS[index] ?? 1;
  const offset = OFFSETS[index] ?? 0;
  let least = LARGEST;
  for (let at = 0; at < shingles.length; at += 1) {
    const product = (Math.imul(shingles[at] ?? 0, multiplier) + offset) | 0;
    const hash = product ^ (product >>> 15) ^ SIGN;
    if (hash < least) least = hash;
  }
  return least ^ SIGN;
}
