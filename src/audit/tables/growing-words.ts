const CHUNK_BITS = 16;
const CHUNK_LENGTH = 2 ** CHUNK_BITS;
const CHUNK_MASK = CHUNK_LENGTH - 1;

const FIRST_LENGTH = 64;

/** A list of 32-bit words that grows without being copied, except while it is short. */
export class GrowingWords {
  readonly #chunks: Uint32Array[] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(word: number): void {
    const index = this.#length >>> CHUNK_BITS;
    const place = this.#length & CHUNK_MASK;
    let chunk = this.#chunks[index];
    if (chunk === undefined || place === chunk.length) {
      chunk = enlarged(chunk, index === 0 ? FIRST_LENGTH : CHUNK_LENGTH);
      this.#chunks[index] = chunk;
    }
    chunk[place] = word;
    this.#length += 1;
  }

  /** Appends words that a chunk has room for, or none of: so many that a power of two is a multiple of it. */
  pushAll(words: Uint32Array): void {
    const index = this.#length >>> CHUNK_BITS;
    const place = this.#length & CHUNK_MASK;
    let chunk = this.#chunks[index];
    if (chunk === undefined || place === chunk.length) {
      chunk = enlarged(chunk, index === 0 ? FIRST_LENGTH : CHUNK_LENGTH);
      this.#chunks[index] = chunk;
    }
    for (let word = 0; word < words.length; word += 1) chunk[place + word] = words[word] ?? 0;
    this.#length += words.length;
  }

  /** Whether what `pushAll` appended at a place are these words. */
  hasAt(place: number, words: Uint32Array): boolean {
    const chunk = this.#chunks[place >>> CHUNK_BITS];
    if (chunk === undefined) return false;
    const start = place & CHUNK_MASK;
    for (let word = 0; word < words.length; word += 1) {
      if (chunk[start + word] !== words[word]) return false;
    }
    return true;
  }

  /** Forgets all words, but keeps their room. */
  clear(): void {
    this.#length = 0;
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

/** The chunk with twice its room, or a new one. */
function enlarged(chunk: Uint32Array | undefined, firstLength: number): Uint32Array {
  const larger = new Uint32Array(chunk === undefined ? firstLength : 2 * chunk.length);
  if (chunk !== undefined) larger.set(chunk);
  return larger;
}
