import { GrowingWords } from "./growing-words.ts";

const FIRST_CAPACITY = 2 ** 12;
const MAX_LOAD = 0.7;
const WORDS_PER_HASH = 4;

/** Numbers hashes of 128 bits in the order in which they come: some 24 bytes each. */
export class HashNumbers {
  #slots = new Uint32Array(FIRST_CAPACITY);
  #length = 0;
  readonly #hashes = new GrowingWords();

  /** How many different hashes there are. */
  get length(): number {
    return this.#length;
  }

  /** All hashes in the order of their numbers. */
  toArray(): Uint32Array {
    return this.#hashes.toArray();
  }

  /** The number of the hash, or undefined where it has not come. */
  find(hash: Uint32Array): number | undefined {
    const known = this.#slots[this.#slotOf(hash)] ?? 0;
    return known === 0 ? undefined : known - 1;
  }

  /** The number of the hash, which is a new one where it has not come; `length` tells. */
  add(hash: Uint32Array): number {
    const slot = this.#slotOf(hash);
    const known = this.#slots[slot] ?? 0;
    if (known !== 0) return known - 1;
    this.#hashes.pushAll(hash);
    this.#length += 1;
    this.#slots[slot] = this.#length;
    if (this.#length > this.#slots.length * MAX_LOAD) this.#enlarge();
    return this.#length - 1;
  }

  /** Where the hash stands, or would. */
  #slotOf(hash: Uint32Array): number {
    const mask = this.#slots.length - 1;
    let slot = (hash[0] ?? 0) & mask;
    for (;;) {
      const known = this.#slots[slot] ?? 0;
      if (known === 0 || this.#hashes.hasAt((known - 1) * WORDS_PER_HASH, hash)) return slot;
      slot = (slot + 1) & mask;
    }
  }

  #enlarge(): void {
    const slots = new Uint32Array(this.#slots.length * 2);
    const mask = slots.length - 1;
    for (let number = 0; number < this.#length; number += 1) {
      let slot = this.#hashes.at(number * WORDS_PER_HASH) & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = number + 1;
    }
    this.#slots = slots;
  }
}
