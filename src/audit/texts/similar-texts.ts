import { groupItems } from "../tables/grouped-items.ts";
import { GrowingWords } from "../tables/growing-words.ts";
import { NUM_BANDS, writeBands } from "./min-hash.ts";
import { similarityOf } from "./shingles.ts";

/** Texts with so large a share of their shingles in common are near-duplicates. */
export const MIN_SIMILARITY = 0.7;
/** With fewer shingles (four words), texts are alike too easily: these are compared as wholes alone. */
export const MIN_SHINGLES = 3;

export interface SimilarText {
  readonly entry: number;
  /** Jaccard similarity of the shingles, MIN_SIMILARITY to 1. */
  readonly similarity: number;
}

const TAG = 2 ** 16 - 1;

/** The entries by the upper bits of their hashes of a band, and of each the lower bits: who has not all of these, does not share the band. */
interface Band {
  readonly starts: Uint32Array;
  readonly entries: Uint32Array;
  readonly tags: Uint16Array;
}

const noBand: Band = {
  starts: new Uint32Array(),
  entries: new Uint32Array(),
  tags: new Uint16Array(),
};

/**
 * Finds texts by their shingles: those that share a band of MinHash with a text, and then really enough shingles. Some
 * 300 bytes a text.
 */
export class SimilarTexts {
  readonly #growing = new GrowingWords();
  readonly #growingEnds = new GrowingWords();
  #shingles: Uint32Array = new Uint32Array();
  #ends: Uint32Array = new Uint32Array();
  #bands: readonly Band[] = [];
  #shift = 31;
  /** Of each entry the last question it was looked at for. */
  #asked = new Uint32Array();
  #question = 0;
  readonly #hashes = new Uint32Array(NUM_BANDS);

  /** Adds the next entry; entries are numbered as they come. */
  add(shingles: Uint32Array): void {
    for (const shingle of shingles) this.#growing.push(shingle);
    this.#growingEnds.push(this.#growing.length);
  }

  /** Makes what is asked; call it once, after all are added. */
  seal(): void {
    this.#shingles = this.#growing.toArray();
    this.#ends = this.#growingEnds.toArray();
    const numEntries = this.#ends.length;
    this.#asked = new Uint32Array(numEntries);
    const bits = Math.max(1, Math.ceil(Math.log2(numEntries + 1)));
    this.#shift = 32 - bits;
    const compared = Uint32Array.from(this.#comparedEntries());
    const hashes = this.#bandsOf(compared);
    this.#bands = Array.from({ length: NUM_BANDS }, (_, band) => {
      const ofBand = hashes.subarray(band * compared.length, (band + 1) * compared.length);
      return makeBand(compared, ofBand, bits);
    });
  }

  /** The entries that are near-duplicates of a text, each once. */
  find(shingles: Uint32Array): readonly SimilarText[] {
    if (shingles.length < MIN_SHINGLES) return [];
    writeBands(shingles, this.#hashes);
    this.#question += 1;
    const found: SimilarText[] = [];
    for (let band = 0; band < NUM_BANDS; band += 1) {
      const { entries, starts, tags } = this.#bands[band] ?? noBand;
      const hash = this.#hashes[band] ?? 0;
      const bucket = hash >>> this.#shift;
      const end = starts[bucket + 1] ?? 0;
      for (let at = starts[bucket] ?? 0; at < end; at += 1) {
        if (tags[at] !== (hash & TAG)) continue;
        const entry = entries[at] ?? 0;
        if (this.#asked[entry] === this.#question) continue;
        this.#asked[entry] = this.#question;
        const similarity = this.#similarity(shingles, entry);
        if (similarity >= MIN_SIMILARITY) found.push({ entry, similarity });
      }
    }
    return found;
  }

  #similarity(shingles: Uint32Array, entry: number): number {
    const own = this.#shinglesOf(entry);
    const [fewer, more] = [
      Math.min(shingles.length, own.length),
      Math.max(shingles.length, own.length),
    ];
    // Even if the shorter were a part of the longer.
    if (fewer < MIN_SIMILARITY * more) return 0;
    return similarityOf(shingles, own);
  }

  #shinglesOf(entry: number): Uint32Array {
    return this.#shingles.subarray(entry === 0 ? 0 : this.#ends[entry - 1], this.#ends[entry]);
  }

  *#comparedEntries(): Generator<number> {
    for (let entry = 0; entry < this.#ends.length; entry += 1) {
      if (this.#shinglesOf(entry).length >= MIN_SHINGLES) yield entry;
    }
  }

  /** [bands, entries] */
  #bandsOf(entries: Uint32Array): Uint32Array {
    const hashes = new Uint32Array(NUM_BANDS * entries.length);
    for (const [index, entry] of entries.entries()) {
      writeBands(this.#shinglesOf(entry), this.#hashes);
      for (let band = 0; band < NUM_BANDS; band += 1) {
        hashes[band * entries.length + index] = this.#hashes[band] ?? 0;
      }
    }
    return hashes;
  }
}

/** The band in which `entries` have these hashes. */
function makeBand(entries: Uint32Array, hashes: Uint32Array, bits: number): Band {
  const shift = 32 - bits;
  const { items, starts } = groupItems(
    entries.length,
    2 ** bits,
    (at) => (hashes[at] ?? 0) >>> shift,
  );
  const tags = new Uint16Array(items.length);
  for (const [at, item] of items.entries()) tags[at] = (hashes[item] ?? 0) & TAG;
  return { starts, entries: items.map((item) => entries[item] ?? 0), tags };
}
