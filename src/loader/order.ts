import { strict as assert } from "node:assert";

import { extendSeedByWord, mixSeed } from "../core/random.ts";
import { drawPurposes } from "./draws.ts";

/** A shuffled order of [0, size); equal values name equal orders. */
export interface Order {
  readonly size: number;
  readonly seed: number;
}

const MAX_SIZE = 2 ** 52;
// Luby and Rackoff need 4 rounds for wide halves; halves of one to three bits need more to look uniform.
const NUM_ROUNDS = 10;

/** The order in which an epoch visits `size` samples. */
export function epochOrder(size: number, key: { seed: number; epoch: number }): Order {
  return { size, seed: mixSeed(key.seed, drawPurposes.order, key.epoch) };
}

/**
 * What stands at `position` of a shuffled [0, size): a bijection computed for one index at a time, in
 * constant time and memory. A Feistel network permutes the next power of four; a result outside [0, size)
 * is permuted again (cycle walking), fewer than four times on average.
 */
export function permuted(position: number, order: Order): number {
  return permutation(order)(position);
}

/** The same for many positions: what depends on the order alone is computed once. */
export function permutation({ size, seed }: Order): (position: number) => number {
  assert(Number.isInteger(size) && size > 0 && size <= MAX_SIZE, `order of ${size} samples`);
  const base = 2 ** Math.max(1, Math.ceil(Math.log2(size) / 2));
  const roundSeeds = Int32Array.from({ length: NUM_ROUNDS }, (_, round) => mixSeed(seed, round));
  return (position) => {
    // A message for each call would take longer than the call.
    if (!(Number.isInteger(position) && position >= 0 && position < size)) {
      assert.fail(`position ${position} of ${size}`);
    }
    let value = position;
    do value = feistel(value, base, roundSeeds);
    while (value >= size);
    return value;
  };
}

function feistel(value: number, base: number, roundSeeds: Int32Array): number {
  const lowBits = base - 1;
  let left = Math.floor(value / base);
  let right = value - left * base;
  for (let round = 0; round < NUM_ROUNDS; round += 1) {
    const next = left ^ (extendSeedByWord(roundSeeds[round] ?? 0, right) & lowBits);
    left = right;
    right = next;
  }
  return left * base + right;
}
