/** How token batches are cut: the budget of a batch, and what its size is a multiple of. */
export interface TokenBudget {
  readonly maxTokens: number;
  readonly multipleOf: number;
}

/**
 * The sizes of a bucket's batches when its samples lie in descending order of their lengths: each the largest
 * multiple of `multipleOf` whose first (longest) length times the size stays within the budget, and at the
 * end what is left. A bucket holds a multiple of `multipleOf` samples, so every batch does.
 */
export function batchSizes(lengths: ArrayLike<number>, budget: TokenBudget): number[] {
  const histogram = lengthHistogram(lengths);
  const sizes: number[] = [];
  let first = 0;
  let seen = 0;
  for (let length = histogram.length - 1; length >= 0; length -= 1) {
    seen += histogram[length] ?? 0;
    while (first < seen) {
      const size = Math.min(largestBatch(length, budget), lengths.length - first);
      sizes.push(size);
      first += size;
    }
  }
  return sizes;
}

/** How many samples of this length make a batch. */
export function largestBatch(length: number, { maxTokens, multipleOf }: TokenBudget): number {
  return multipleOf * Math.max(1, Math.floor(maxTokens / (length * multipleOf)));
}

/** The places of a bucket in descending order of their lengths; equal ones in their given order. */
export function byLength(lengths: ArrayLike<number>): Uint32Array {
  const histogram = lengthHistogram(lengths);
  let start = 0;
  for (let length = histogram.length - 1; length >= 0; length -= 1) {
    const count = histogram[length] ?? 0;
    histogram[length] = start;
    start += count;
  }
  const places = new Uint32Array(lengths.length);
  for (let place = 0; place < lengths.length; place += 1) {
    const length = lengths[place] ?? 0;
    const rank = histogram[length] ?? 0;
    places[rank] = place;
    histogram[length] = rank + 1;
  }
  return places;
}

function lengthHistogram(lengths: ArrayLike<number>): Uint32Array {
  let longest = 0;
  for (let place = 0; place < lengths.length; place += 1) {
    longest = Math.max(longest, lengths[place] ?? 0);
  }
  const histogram = new Uint32Array(longest + 1);
  for (let place = 0; place < lengths.length; place += 1) {
    const length = lengths[place] ?? 0;
    histogram[length] = (histogram[length] ?? 0) + 1;
  }
  return histogram;
}
