import { hash } from "node:crypto";

const FIRST_CAPACITY = 2048;
const MAX_LOAD = 0.7;
const FREE = -1;
/** A double holds numbers of up to so many digits exactly, whatever they are. */
const EXACT_DIGITS = 15;
// Of a text's sha256: two words of 52 bits, so that two of ten million texts meet once in 10^17 times.
const WORD_HEX_DIGITS = 13;
/** Neighbouring numbers share a block of slots: ids mostly come in their order, and stay in the cache. */
const BLOCK_BITS = 4;
const IN_BLOCK = 2 ** BLOCK_BITS - 1;

/**
 * From ids to row numbers, for millions of ids: no object and no string for each. Ids that are
 * numbers are kept as they are, others as 104 bits of their digest.
 */
export class IdIndex {
  #rows: Int32Array = new Int32Array(FIRST_CAPACITY).fill(FREE);
  #keys: Float64Array = new Float64Array(FIRST_CAPACITY);
  /** The second word of ids that are no numbers; made when the first one comes. */
  #seconds: Float64Array | undefined;
  #numIds = 0;

  get size(): number {
    return this.#numIds;
  }

  /** The row of an id, or undefined. */
  get(id: string): number | undefined {
    const number = numberOf(id);
    const slot = number < 0 ? this.#slotOfText(wordsOf(id)) : this.#slotOf(number, 0);
    const row = this.#rows[slot] ?? FREE;
    return row === FREE ? undefined : row;
  }

  /** Gives an id a row unless it has one; the row it has then. */
  claim(id: string, row: number): number {
    if (this.#numIds >= this.#rows.length * MAX_LOAD) this.#grow();
    const number = numberOf(id);
    return number < 0 ? this.#claim(wordsOf(id), row) : this.#claimNumber(number, row);
  }

  #claimNumber(number: number, row: number): number {
    const slot = this.#slotOf(number, 0);
    const known = this.#rows[slot] ?? FREE;
    if (known !== FREE) return known;
    this.#rows[slot] = row;
    this.#keys[slot] = number;
    this.#numIds += 1;
    return row;
  }

  #claim(words: Words, row: number): number {
    this.#seconds ??= new Float64Array(this.#rows.length);
    const slot = this.#slotOfText(words);
    const known = this.#rows[slot] ?? FREE;
    if (known !== FREE) return known;
    this.#rows[slot] = row;
    this.#keys[slot] = words.first;
    this.#seconds[slot] = words.second;
    this.#numIds += 1;
    return row;
  }

  #slotOfText({ first, second }: Words): number {
    return this.#slotOf(first, second);
  }

  /** Where an id stands, or the free slot where it would. */
  #slotOf(first: number, second: number): number {
    const rows = this.#rows;
    const keys = this.#keys;
    const mask = rows.length - 1;
    let slot = homeOf(first) & mask;
    while (rows[slot] !== FREE) {
      if (keys[slot] === first && (this.#seconds?.[slot] ?? 0) === second) return slot;
      slot = (slot + 1) & mask;
    }
    return slot;
  }

  #grow(): void {
    const [rows, keys, seconds] = [this.#rows, this.#keys, this.#seconds];
    const capacity = rows.length * 2;
    this.#rows = new Int32Array(capacity).fill(FREE);
    this.#keys = new Float64Array(capacity);
    this.#seconds = seconds === undefined ? undefined : new Float64Array(capacity);
    for (let old = 0; old < rows.length; old += 1) {
      const row = rows[old] ?? FREE;
      if (row === FREE) continue;
      const first = keys[old] ?? 0;
      const second = seconds?.[old] ?? 0;
      const slot = this.#slotOf(first, second);
      this.#rows[slot] = row;
      this.#keys[slot] = first;
      if (this.#seconds !== undefined) this.#seconds[slot] = second;
    }
  }
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

interface Words {
  readonly first: number;
  /** Never 0, which numbers have. */
  readonly second: number;
}

function wordsOf(id: string): Words {
  const digest = hash("sha256", id, "hex");
  return {
    first: Number.parseInt(digest.slice(0, WORD_HEX_DIGITS), 16),
    second: Number.parseInt(digest.slice(WORD_HEX_DIGITS, 2 * WORD_HEX_DIGITS), 16) + 1,
  };
}

// The finalizer of MurmurHash3 over the number's block; the place inside it stays.
function homeOf(value: number): number {
  const block = (value | 0) >>> BLOCK_BITS;
  const high = value < 2 ** 32 ? 0 : Math.floor(value / 2 ** 32);
  let word = block ^ Math.imul(high, 0x9e3779b1);
  word = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35);
  word ^= word >>> 16;
  return (word << BLOCK_BITS) | (value & IN_BLOCK);
}
