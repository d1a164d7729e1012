import { pictureNameKinds, type PictureNameKind } from "../../core/keys.ts";
import { GrowingWords } from "./growing-words.ts";
import { HashNumbers } from "./hash-numbers.ts";
import { hashName } from "./name-hash.ts";
import { TextPool } from "./text-pool.ts";

const WORDS_PER_HASH = 4;

/**
 * Numbers names in the order in which they come. A name is kept as 128 bits of a hash, and its text from its second
 * appearance on: what only one picture is called shows nothing.
 */
export class NameTable {
  #numbers = new HashNumbers();
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
    return this.addHashed(this.#hash, () => name);
  }

  /** The number of the name with a hash, where that is known; the text may be given in UTF-8. */
  addHashed(hash: Uint32Array, text: () => string | Uint8Array): number {
    const number = this.#numbers.add(hash);
    if (number === this.length) this.#textNumbers.push(0);
    else if (this.#textNumbers.at(number) === 0) {
      this.#textNumbers.set(number, this.#texts.add(text()) + 1);
    }
    return number;
  }

  /** The name, if it came more than once. */
  text(number: number): string | undefined {
    const textNumber = this.#textNumbers.at(number);
    return textNumber === 0 ? undefined : this.#texts.text(textNumber - 1);
  }

  /** Forgets what tells names apart: from now on none can be added. */
  seal(): void {
    this.#numbers = new HashNumbers();
  }
}
