import { strict as assert } from "node:assert";

/** Some of the numbers from 0 on, in ascending order. */
export interface Members {
  readonly size: number;
  /** The member at a position in [0, size). */
  at(position: number): number;
}

/** All of [start, start + size). */
export function everyMember(start: number, size: number): Members {
  return { size, at: (position) => start + position };
}

const WORD_BITS = 32;
const BLOCK_WORDS = 16;

/** The numbers of [start, start + length) that fulfil a condition, in 1.06 bits each; found by binary search. */
export class SelectedMembers implements Members {
  readonly size: number;
  readonly #start: number;
  readonly #words: Uint32Array;
  /** Members before each block of words. */
  readonly #before: Float64Array;

  constructor(start: number, length: number, isMember: (offset: number) => boolean) {
    this.#start = start;
    this.#words = new Uint32Array(Math.ceil(length / WORD_BITS));
    this.#before = new Float64Array(Math.ceil(this.#words.length / BLOCK_WORDS));
    for (let offset = 0; offset < length; offset += 1) {
      if (!isMember(offset)) continue;
      const word = Math.floor(offset / WORD_BITS);
      this.#words[word] = (this.#words[word] ?? 0) | (1 << (offset % WORD_BITS));
    }
    let size = 0;
    for (const [index, word] of this.#words.entries()) {
      if (index % BLOCK_WORDS === 0) this.#before[index / BLOCK_WORDS] = size;
      size += numBits(word);
    }
    this.size = size;
  }

  at(position: number): number {
    if (!(position >= 0 && position < this.size)) assert.fail(`member ${position} of ${this.size}`);
    const block = lastAtMost(this.#before, position);
    let rank = position - (this.#before[block] ?? 0);
    let index = block * BLOCK_WORDS;
    let word = this.#words[index] ?? 0;
    for (let count = numBits(word); rank >= count; count = numBits(word)) {
      rank -= count;
      index += 1;
      word = this.#words[index] ?? 0;
    }
    for (; rank > 0; rank -= 1) word &= word - 1;
    return this.#start + index * WORD_BITS + 31 - Math.clz32(word & -word);
  }
}

/** The last place of an ascending list whose value is not above `value`; the list begins with one that is not. */
export function lastAtMost(values: ArrayLike<number>, value: number): number {
  let [low, high] = [0, values.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if ((values[middle] ?? Infinity) <= value) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** The number of ones in a 32-bit word. */
function numBits(word: number): number {
  let bits = word - ((word >>> 1) & 0x55555555);
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333);
  return Math.imul((bits + (bits >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
