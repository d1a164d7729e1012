import { extendSeedByWord, mixSeed } from "../../core/random.ts";

/**
 * Texts that share a band of so many least hashes are compared. At a Jaccard similarity s they do with the probability
 * 1 - (1 - s^rows)^bands: .988 at .7, .9999 at .8. datatrove's 14 bands of 8 rows give .924 at .8.
 */
export const NUM_BANDS = 24;
export const ROWS_PER_BAND = 5;

const NUM_HASHES = NUM_BANDS * ROWS_PER_BAND;
const LARGEST = 2 ** 32 - 1;
const MULTIPLIERS = Int32Array.from({ length: NUM_HASHES }, (_, index) => mixSeed(index) | 1);
const OFFSETS = Int32Array.from({ length: NUM_HASHES }, (_, index) => mixSeed(NUM_HASHES + index));

const least = new Uint32Array(NUM_HASHES);

/**
 * The bands of a text's MinHash signature (Broder, 1997), a hash of 32 bits each, written to `bands`: [NUM_BANDS]. There has
 * to be a shingle.
 */
export function writeBands(shingles: Uint32Array, bands: Uint32Array): void {
  least.fill(LARGEST);
  for (const shingle of shingles) lowerBy(shingle);
  for (let band = 0; band < NUM_BANDS; band += 1) {
    let hash = band;
    for (let row = 0; row < ROWS_PER_BAND; row += 1) {
      hash = extendSeedByWord(hash, least[band * ROWS_PER_BAND + row] ?? 0);
    }
    bands[band] = hash;
  }
}

// Multiply, add, and fold the good upper half onto the lower one: a permutation of 2^32 numbers each.
function lowerBy(shingle: number): void {
  for (let index = 0; index < NUM_HASHES; index += 1) {
    const product = (Math.imul(shingle, MULTIPLIERS[index] ?? 1) + (OFFSETS[index] ?? 0)) | 0;
    const hash = (product ^ (product >>> 15)) >>> 0;
    if (hash < (least[index] ?? 0)) least[index] = hash;
  }
}
