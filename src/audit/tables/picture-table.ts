import { GrowingWords } from "./growing-words.ts";
import { TextPool } from "./text-pool.ts";

/** Stands for the hash of a picture that has none. */
export const NO_HASH = "";

const DIGITS_PER_WORD = 8;

/** What is kept of each picture beside its names: some 30 bytes, and 36 for a hash of 256 bits. */
export class PictureTable {
  readonly #sources = new GrowingWords();
  readonly #keys = new TextPool();
  readonly #endsOfNames = new GrowingWords();
  readonly #places = new TextPool();
  /** Of each picture one more than the number of its place, or 0. */
  readonly #placeNumbers = new GrowingWords();
  /** Of each hash the number of its words, then these. */
  readonly #hashes = new GrowingWords();
  /** Of each picture one more than where its hash begins, or 0. */
  readonly #hashStarts = new GrowingWords();

  get length(): number {
    return this.#sources.length;
  }

  /** The number of the picture; key and place may be given in UTF-8, the hash in bytes or hexadecimal digits. */
  add(picture: {
    readonly source: number;
    readonly key: string | Uint8Array;
    readonly place: string | Uint8Array | undefined;
    readonly endOfNames: number;
    readonly hash: string | Uint8Array;
  }): number {
    const { endOfNames, hash, key, place, source } = picture;
    this.#sources.push(source);
    this.#keys.add(key);
    this.#endsOfNames.push(endOfNames);
    this.#placeNumbers.push(place === undefined ? 0 : this.#places.add(place) + 1);
    this.#hashStarts.push(hash === NO_HASH ? 0 : this.#addHash(hash) + 1);
    return this.length - 1;
  }

  source(picture: number): number {
    return this.#sources.at(picture);
  }

  key(picture: number): string {
    return this.#keys.text(picture);
  }

  /** Where the picture stands in its source; undefined when its key says that. */
  ownPlace(picture: number): string | undefined {
    const number = this.#placeNumbers.at(picture);
    return number === 0 ? undefined : this.#places.text(number - 1);
  }

  /** Where the names of the picture begin among those of all. */
  startOfNames(picture: number): number {
    return picture === 0 ? 0 : this.#endsOfNames.at(picture - 1);
  }

  /** In how many bits the hashes of two pictures differ, of how many; undefined where they cannot be compared. */
  hashDistance(
    one: number,
    other: number,
  ): { readonly distanceBits: number; readonly hashBits: number } | undefined {
    const [first, second] = [this.#hashStarts.at(one), this.#hashStarts.at(other)];
    if (first === 0 || second === 0) return undefined;
    const numWords = this.#hashes.at(first - 1);
    if (numWords !== this.#hashes.at(second - 1)) return undefined;
    let distanceBits = 0;
    for (let word = 0; word < numWords; word += 1) {
      distanceBits += numBits(this.#hashes.at(first + word) ^ this.#hashes.at(second + word));
    }
    return { distanceBits, hashBits: numWords * 32 };
  }

  #addHash(hash: string | Uint8Array): number {
    const start = this.#hashes.length;
    if (typeof hash !== "string") {
      this.#addHashBytes(hash);
      return start;
    }
    this.#hashes.push(Math.ceil(hash.length / DIGITS_PER_WORD));
    for (let at = 0; at < hash.length; at += DIGITS_PER_WORD) {
      this.#hashes.push(Number.parseInt(hash.slice(at, at + DIGITS_PER_WORD), 16));
    }
    return start;
  }

  /** The words that its digits would be. */
  #addHashBytes({ buffer, byteLength, byteOffset }: Uint8Array): void {
    const view = new DataView(buffer, byteOffset, byteLength);
    this.#hashes.push(byteLength / Uint32Array.BYTES_PER_ELEMENT);
    for (let at = 0; at < byteLength; at += Uint32Array.BYTES_PER_ELEMENT) {
      this.#hashes.push(view.getUint32(at));
    }
  }
}

function numBits(word: number): number {
  const pairs = word - ((word >>> 1) & 0x55555555);
  const fours = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333);
  return Math.imul((fours + (fours >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
