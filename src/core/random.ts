/** A 32-bit seed derived from any numbers, in order; the same numbers give the same seed everywhere. */
export function mixSeed(...parts: readonly number[]): number {
  let hash = 0x9e3779b9;
  for (const part of parts) hash = extendSeed(hash, part);
  return hash >>> 0;
}

function extendSeed(seed: number, part: number): number {
  const hash = finalize(seed ^ Math.imul(part | 0, 0x85ebca6b));
  const high = Math.imul(Math.floor(part / 2 ** 32) | 0, 0xc2b2ae35);
  return finalize((hash + high + 0x9e3779b9) | 0) >>> 0;
}

/** `mixSeed(a, b)` from `mixSeed(a)`, as a signed word, for b an integer in [0, 2^32); several times faster. */
export function extendSeedByWord(seed: number, part: number): number {
  return finalize((finalize(seed ^ Math.imul(part, 0x85ebca6b)) + 0x9e3779b9) | 0);
}

// The finalizer of MurmurHash3, a bijection of 32-bit words with full avalanche.
function finalize(word: number): number {
  let hash = word;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

/**
 * A counter-based generator: its draws are a pure function of the seed and of how many were made,
 * so that a sample keyed by (seed, epoch, index) is the same whoever computes it.
 */
export class RandomStream {
  /** Of the seed that the key gives; a draw's number is mixed into it. */
  readonly #mixed: number;
  #counter = 0;

  constructor(...key: readonly number[]) {
    this.#mixed = mixSeed(mixSeed(...key));
  }

  /** A 32-bit unsigned integer. */
  nextUint32(): number {
    this.#counter += 1;
    return extendSeedByWord(this.#mixed, this.#counter) >>> 0;
  }

  /** A number in [0, 1) with 53 random bits. */
  nextFloat(): number {
    const high = this.nextUint32() >>> 5;
    const low = this.nextUint32() >>> 6;
    return (high * 2 ** 26 + low) / 2 ** 53;
  }

  /** An integer in [0, bound), unbiased. */
  nextInt(bound: number): number {
    return Math.floor(this.nextFloat() * bound);
  }

  /** True with the given probability. */
  nextBoolean(probability: number): boolean {
    return this.nextFloat() < probability;
  }

  /** A draw of N(0, 1) by Box and Muller. */
  nextGaussian(): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.nextFloat()));
    return radius * Math.cos(2 * Math.PI * this.nextFloat());
  }

  /** One of `items`, each with the same probability; throws on an empty list. */
  pick<T>(items: readonly T[]): T {
    const item = items[this.nextInt(items.length)];
    if (item === undefined) throw new RangeError("cannot pick from an empty list");
    return item;
  }

  /** `items` in a random order; the list itself stays as it is. */
  shuffled<T>(items: readonly T[]): T[] {
    const keyed = items.map((item) => ({ item, sortKey: this.nextFloat() }));
    return keyed.toSorted((a, b) => a.sortKey - b.sortKey).map(({ item }) => item);
  }

  /** `count` distinct positions of [0, size), in drawn order (all of them when size is smaller). */
  sampleDistinct(count: number, size: number): number[] {
    const positions = Array.from({ length: size }, (_, index) => index);
    const drawn: number[] = [];
    while (drawn.length < count && positions.length > 0) {
      drawn.push(...positions.splice(this.nextInt(positions.length), 1));
    }
    return drawn;
  }
}
