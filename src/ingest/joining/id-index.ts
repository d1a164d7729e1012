import { hash } from "node:crypto";

const FIRST_CAPACITY = 2048;
const MAX_LOAD = 0.7;
const FREE = -1;
/** Digits of a number that a double holds exactly, whatever they are. */
const EXACT_DIGITS = /^(?:0|[1-9]\d{0,14})$/;
// Of a text's sha256: two words of 52 bits, so that two of ten million texts meet once in 10^17 times.
const WORD_HEX_DIGITS = 13;

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
    const { first, second } = wordsOf(id);
    const row = this.#rows[this.#slotOf(first, second)] ?? FREE;
    return row === FREE ? undefined : row;
  }

  /** Gives an id a row unless it has one; the row it has then. */
  claim(id: string, row: number): number {
    if (this.#numIds >= this.#rows.length * MAX_LOAD) this.#grow();
    const { first, second } = wordsOf(id);
    if (second !== 0) this.#seconds ??= new Float64Array(this.#rows.length);
    const slot = this.#slotOf(first, second);
    const known = this.#rows[slot] ?? FREE;
    if (known !== FREE) return known;
    this.#place(slot, { first, second, row });
    this.#numIds += 1;
    return row;
  }

  #place(slot: number, entry: Words & { readonly row: number }): void {
    this.#rows[slot] = entry.row;
    this.#keys[slot] = entry.first;
    if (this.#seconds !== undefined) this.#seconds[slot] = entry.second;
  }

  /** Where an id stands, or the free slot where it would. */
  #slotOf(first: number, second: number): number {
    const mask = this.#rows.length - 1;
    let slot = scramble(first) & mask;
    for (;;) {
      if (this.#rows[slot] === FREE) return slot;
      if (this.#keys[slot] === first && (this.#seconds?.[slot] ?? 0) === second) return slot;
      slot = (slot + 1) & mask;
    }
  }

  #grow(): void {
    const [rows, keys, seconds] = [this.#rows, this.#keys, this.#seconds];
    const capacity = rows.length * 2;
    this.#rows = new Int32Array(capacity).fill(FREE);
    this.#keys = new Float64Array(capacity);
    this.#seconds = seconds === undefined ? undefined : new Float64Array(capacity);
    for (let slot = 0; slot < rows.length; slot += 1) {
      const row = rows[slot] ?? FREE;
      if (row === FREE) continue;
      const first = keys[slot] ?? 0;
      const second = seconds?.[slot] ?? 0;
      this.#place(this.#slotOf(first, second), { first, second, row });
    }
  }
}

interface Words {
  readonly first: number;
  /** 0 for numbers; never 0 for others. */
  readonly second: number;
}

function wordsOf(id: string): Words {
  if (EXACT_DIGITS.test(id)) return { first: Number(id), second: 0 };
  const digest = hash("sha256", id, "hex");
  return {
    first: Number.parseInt(digest.slice(0, WORD_HEX_DIGITS), 16),
    second: Number.parseInt(digest.slice(WORD_HEX_DIGITS, 2 * WORD_HEX_DIGITS), 16) + 1,
  };
}

// The finalizer of MurmurHash3 over both halves of the number.
function scramble(value: number): number {
  let word = (value | 0) ^ Math.imul(Math.floor(value / 2 ** 32) | 0, 0x9e3779b1);
  word = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35);
  return (word ^ (word >>> 16)) >>> 0;
}
