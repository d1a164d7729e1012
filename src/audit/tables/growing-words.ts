const CHUNK_BITS = 16;
const CHUNK_LENGTH = 2 ** CHUNK_BITS;
const CHUNK_MASK = CHUNK_LENGTH - 1;

/** A list of 32-bit words that grows without being copied. */
export class GrowingWords {
  readonly #chunks: Uint32Array[] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(word: number): void {
    if ((this.#length & CHUNK_MASK) === 0) this.#chunks.push(new Uint32Array(CHUNK_LENGTH));
    const chunk = this.#chunks[this.#length >>> CHUNK_BITS];
    if (chunk !== undefined) chunk[this.#length & CHUNK_MASK] = word;
    this.#length += 1;
  }

  /** The word at a place before `length`. */
  at(place: number): number {
    return this.#chunks[place >>> CHUNK_BITS]?.[place & CHUNK_MASK] ?? 0;
  }

  set(place: number, word: number): void {
    const chunk = this.#chunks[place >>> CHUNK_BITS];
    if (chunk !== undefined) chunk[place & CHUNK_MASK] = word;
  }

  /** All words, copied. */
  toArray(): Uint32Array {
    const words = new Uint32Array(this.#length);
    for (const [index, chunk] of this.#chunks.entries()) {
      const start = index * CHUNK_LENGTH;
      words.set(chunk.subarray(0, Math.min(CHUNK_LENGTH, this.#length - start)), start);
    }
    return words;
  }
}
