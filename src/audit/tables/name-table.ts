import { pictureNameKinds, type PictureNameKind } from "../../core/keys.ts";
import { GrowingWords } from "./growing-words.ts";
import { HashNumbers } from "./hash-numbers.ts";
import { hashName } from "./name-hash.ts";
import { TextPool } from "./text-pool.ts";

const WORDS_PER_HASH = 4;
// Instead of the number of a text.
const CAME_ONCE = 0;
const LACKS_TEXT = 1;
const FIRST_TEXT = 2;

/**
 * Numbers names in the order in which they come. A name is kept as 128 bits of a hash, and its text from its second
 * appearance on: what only one picture is called shows nothing.
 */
export class NameTable {
  #numbers = new HashNumbers();
  /** Of each name the number of its text, from `FIRST_TEXT` on, or why there is none. */
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
    const number = this.addHashed(this.#hash);
    if (this.lacksText(number)) this.keepText(number, name);
    return number;
  }

  /** The number of the name with a hash, where that is known; its text may be wanted then. */
  addHashed(hash: Uint32Array): number {
    const number = this.#numbers.add(hash);
    if (number === this.length) this.#textNumbers.push(CAME_ONCE);
    else if (this.#textNumbers.at(number) === CAME_ONCE) this.#textNumbers.set(number, LACKS_TEXT);
    return number;
  }

  /** Whether the name has come again, and its text is not kept yet. */
  lacksText(number: number): boolean {
    return this.#textNumbers.at(number) === LACKS_TEXT;
  }

  /** The text may be given in UTF-8. */
  keepText(number: number, text: string | Uint8Array): void {
    this.#textNumbers.set(number, this.#texts.add(text) + FIRST_TEXT);
  }

  /** The name, if it came more than once. */
  text(number: number): string | undefined {
    const textNumber = this.#textNumbers.at(number);
    return textNumber < FIRST_TEXT ? undefined : this.#texts.text(textNumber - FIRST_TEXT);
  }

  /** Forgets what tells names apart: from now on none can be added. */
  seal(): void {
    this.#numbers = new HashNumbers();
  }
}
