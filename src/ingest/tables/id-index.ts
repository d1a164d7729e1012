import { hash } from "node:crypto";

const FIRST_CAPACITY = 2048;
const MAX_LOAD = 0.7;
/** A double holds numbers of up to so many digits exactly, whatever they are. */
const EXACT_DIGITS = 15;
const WORD = 2 ** 32;
/** Neighbouring numbers share a block of slots: ids mostly come in their order, and stay in the cache. */
const BLOCK_BITS = 4;
const IN_BLOCK = 2 ** BLOCK_BITS - 1;

/** How many words of 32 bits keys have: small numbers, large ones, and other texts by their digests. */
type KeyWords = 1 | 2 | 4;

/**
 * From ids to row numbers, for millions of ids: no object and no string for each. Ids that are
 * numbers are kept as they are, others as 128 bits of their digest. An entry takes 8 bytes while all
 * ids are below 2^32, so that one look into memory finds it.
 */
export class IdIndex {
  /** In each slot the words of a key and then its row plus one; 0 for a free slot. */
  #slots: Uint32Array = new Uint32Array(2 * FIRST_CAPACITY);
  #capacity = FIRST_CAPACITY;
  #keyWords: KeyWords = 1;
  #numIds = 0;
  /** The key that is looked for. */
  readonly #key: Uint32Array = new Uint32Array(4);

  get size(): number {
    return this.#numIds;
  }

  /** The row of an id, or undefined. */
  get(id: string): number | undefined {
    if (readKey(id, this.#key) > this.#keyWords) return undefined;
    const row = this.#slots[this.#find() + this.#keyWords] ?? 0;
    return row === 0 ? undefined : row - 1;
  }

  /** Gives an id a row unless it has one; the row it has then. */
  claim(id: string, row: number): number {
    const keyWords = readKey(id, this.#key);
    if (keyWords > this.#keyWords) this.#rebuild(this.#capacity, keyWords);
    else if (this.#numIds >= this.#capacity * MAX_LOAD) {
      this.#rebuild(this.#capacity * 2, this.#keyWords);
    }
    const at = this.#find();
    const known = this.#slots[at + this.#keyWords] ?? 0;
    if (known !== 0) return known - 1;
    this.#put(at, row);
    this.#numIds += 1;
    return row;
  }

  #put(at: number, row: number): void {
    for (let word = 0; word < this.#keyWords; word += 1) {
      this.#slots[at + word] = this.#key[word] ?? 0;
    }
    this.#slots[at + this.#keyWords] = row + 1;
  }

  /** Where the key's entry begins, or the free one where it would. */
  #find(): number {
    const slots = this.#slots;
    const keyWords = this.#keyWords;
    const stride = keyWords + 1;
    const mask = this.#capacity - 1;
    const [first, second] = [this.#key[0] ?? 0, this.#key[1] ?? 0];
    let slot = homeOf(first, second) & mask;
    for (;;) {
      const at = slot * stride;
      if (slots[at + keyWords] === 0) return at;
      const isSame = slots[at] === first && (keyWords === 1 || slots[at + 1] === second);
      if (isSame && (keyWords < 4 || this.#isDigestAt(at))) return at;
      slot = (slot + 1) & mask;
    }
  }

  #isDigestAt(at: number): boolean {
    return this.#slots[at + 2] === this.#key[2] && this.#slots[at + 3] === this.#key[3];
  }

  #rebuild(capacity: number, keyWords: KeyWords): void {
    const [slots, wanted] = [this.#slots, this.#key.slice()];
    const stride = this.#keyWords + 1;
    this.#slots = new Uint32Array((keyWords + 1) * capacity);
    this.#capacity = capacity;
    this.#keyWords = keyWords;
    for (let at = 0; at < slots.length; at += stride) {
      const row = slots[at + stride - 1] ?? 0;
      if (row === 0) continue;
      for (let word = 0; word < 4; word += 1) {
        this.#key[word] = word < stride - 1 ? (slots[at + word] ?? 0) : 0;
      }
      this.#put(this.#find(), row - 1);
    }
    this.#key.set(wanted);
  }
}

/** Puts an id's key into `key`, with zeros after it, and gives how many words it has. */
function readKey(id: string, key: Uint32Array): KeyWords {
  const number = numberOf(id);
  if (number < 0) {
    const digest = hash("sha256", id, "buffer");
    for (let word = 0; word < 4; word += 1) key[word] = digest.readUInt32LE(4 * word);
    key[3] = (key[3] ?? 0) | 1; // no number has a word there
    return 4;
  }
  const high = number < WORD ? 0 : Math.floor(number / WORD);
  key[0] = number - high * WORD;
  key[1] = high;
  key[2] = 0;
  key[3] = 0;
  return high === 0 ? 1 : 2;
}

/** The number whose digits an id is; -1 for any other id. */
function numberOf(id: string): number {
  const { length } = id;
  const hasLeadingZero = length > 1 && id.startsWith("0");
  if (length === 0 || length > EXACT_DIGITS || hasLeadingZero) return -1;
  let number = 0;
  for (let at = 0; at < length; at += 1) {
    const digit = id.charCodeAt(at) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    number = number * 10 + digit;
  }
  return number;
}

// The finalizer of MurmurHash3 over the number's block; the place inside it stays.
function homeOf(first: number, second: number): number {
  let word = (first >>> BLOCK_BITS) ^ Math.imul(second, 0x9e3779b1);
  word = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35);
  word ^= word >>> 16;
  return (word << BLOCK_BITS) | (first & IN_BLOCK);
}
