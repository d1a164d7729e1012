const WORD_BITS = 32;

/** Groups of pictures as bits of 32-bit words: group 0 is the lowest bit of the first word. */
export type GroupBits = readonly number[];

export function numWordsFor(numGroups: number): number {
  return Math.max(1, Math.ceil(numGroups / WORD_BITS));
}

/** The bits of some groups. */
export function bitsOf(groups: readonly number[], numWords: number): GroupBits {
  const words = Array.from({ length: numWords }, () => 0);
  for (const group of groups) {
    const word = Math.floor(group / WORD_BITS);
    words[word] = (words[word] ?? 0) | (1 << (group % WORD_BITS));
  }
  return words;
}

/** Whether the bits have a group. */
export function hasGroup(bits: GroupBits, group: number): boolean {
  return (((bits[Math.floor(group / WORD_BITS)] ?? 0) >>> (group % WORD_BITS)) & 1) === 1;
}

/** Adds bits to others. */
export function addBits(to: number[], bits: GroupBits): void {
  for (const [word, more] of bits.entries()) to[word] = (to[word] ?? 0) | more;
}

/** Bits of groups for each of many things, by their numbers. */
export class BitTable {
  readonly #numWords: number;
  readonly #words: Uint32Array;

  constructor(length: number, numWords: number) {
    this.#numWords = numWords;
    this.#words = new Uint32Array(length * numWords);
  }

  add(thing: number, bits: GroupBits): void {
    const first = thing * this.#numWords;
    for (let word = 0; word < this.#numWords; word += 1) {
      this.#words[first + word] = (this.#words[first + word] ?? 0) | (bits[word] ?? 0);
    }
  }

  of(thing: number): GroupBits {
    const first = thing * this.#numWords;
    return Array.from(this.#words.subarray(first, first + this.#numWords));
  }

  /** Whether a thing has one of the groups of `bits`. */
  meets(thing: number, bits: GroupBits): boolean {
    const first = thing * this.#numWords;
    for (let word = 0; word < this.#numWords; word += 1) {
      if (((this.#words[first + word] ?? 0) & (bits[word] ?? 0)) !== 0) return true;
    }
    return false;
  }
}
