import { pictureNameKinds, type PictureNameKind } from "../../core/keys.ts";
import { GrowingWords } from "./growing-words.ts";
import { hashName } from "./name-hash.ts";
import { TextPool } from "./text-pool.ts";

const FIRST_CAPACITY = 2 ** 12;
const MAX_LOAD = 0.7;
const WORDS_PER_HASH = 4;

/**
 * Numbers names in the order in which they come. A name is kept as 128 bits of a hash, and its text from its second
 * appearance on: what only one picture is called shows nothing.
 */
export class NameTable {
  #slots = new Uint32Array(FIRST_CAPACITY);
  #hashes = new GrowingWords();
  /** Of each name one more than the number of its text, or 0. */
  readonly #textNumbers = new GrowingWords();
  readonly #texts = new TextPool();
  readonly #hash = new Uint32Array(WORDS_PER_HASH);

  /** How many names there are. */
  get length(): number {
    return this.#textNumbers.length;
  }

  /** The number of the name. */
  add(kind: PictureNameKind, name: string): number {
    hashName(name, pictureNameKinds.indexOf(kind), this.#hash);
    const slot = this.#slotOf(this.#hash);
    const known = this.#slots[slot] ?? 0;
    if (known !== 0) {
      const number = known - 1;
      if (this.#textNumbers.at(number) === 0) {
        this.#textNumbers.set(number, this.#texts.add(name) + 1);
      }
      return number;
    }
    const number = this.length;
    this.#textNumbers.push(0);
    for (const word of this.#hash) this.#hashes.push(word);
    this.#slots[slot] = number + 1;
    if (this.length > this.#slots.length * MAX_LOAD) this.#enlarge();
    return number;
  }

  /** The name, if it came more than once. */
  text(number: number): string | undefined {
    const textNumber = this.#textNumbers.at(number);
    return textNumber === 0 ? undefined : this.#texts.text(textNumber - 1);
  }

  /** Forgets what tells names apart: from now on none can be added. */
  seal(): void {
    this.#slots = new Uint32Array();
    this.#hashes = new GrowingWords();
  }

  /** Where the hash stands, or would. */
  #slotOf(hash: Uint32Array): number {
    const mask = this.#slots.length - 1;
    let slot = (hash[0] ?? 0) & mask;
    for (;;) {
      const known = this.#slots[slot] ?? 0;
      if (known === 0 || this.#hasHash(known - 1, hash)) return slot;
      slot = (slot + 1) & mask;
    }
  }

  #hasHash(number: number, hash: Uint32Array): boolean {
    const at = number * WORDS_PER_HASH;
    return (
      this.#hashes.at(at) === hash[0] &&
      this.#hashes.at(at + 1) === hash[1] &&
      this.#hashes.at(at + 2) === hash[2] &&
      this.#hashes.at(at + 3) === hash[3]
    );
  }

  #enlarge(): void {
    const slots = new Uint32Array(this.#slots.length * 2);
    const mask = slots.length - 1;
    for (let number = 0; number < this.length; number += 1) {
      let slot = this.#hashes.at(number * WORDS_PER_HASH) & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = number + 1;
    }
    this.#slots = slots;
  }
}
