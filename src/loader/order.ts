import { strict as assert } from "node:assert";

import { mixSeed } from "../core/random.ts";
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
  const { size, seed } = order;
  assert(Number.isInteger(size) && size > 0 && size <= MAX_SIZE, `order of ${size} samples`);
  assert(Number.isInteger(position) && position >= 0 && position < size, `position ${position}`);
  const halfBits = Math.max(1, Math.ceil(Math.log2(size) / 2));
  let value = position;
  do value = feistel(value, halfBits, seed);
  while (value >= size);
  return value;
}

function feistel(value: number, halfBits: number, seed: number): number {
  const base = 2 ** halfBits;
  let left = Math.floor(value / base);
  let right = value % base;
  for (let round = 0; round < NUM_ROUNDS; round += 1) {
    [left, right] = [right, left ^ (mixSeed(seed, round, right) & (base - 1))];
  }
  return left * base + right;
}
