import { strict as assert } from "node:assert";

/** A draw: whose turn it is, and how often it had been its turn before. */
export interface Turn {
  readonly part: number;
  readonly count: number;
}

// A share times a remainder stays an exact integer.
const MAX_TOTAL = 2 ** 26;

/**
 * An endless sequence of turns in which each part has its share of every prefix, to within a few turns: a
 * sequence of low discrepancy, not random draws. Turn and counts at any place are computed in constant time,
 * by exact integer arithmetic. Parts are split off one after the other: among the turns that the earlier ones
 * left, a part gets those at which its share of them rounds up.
 */
export class MixingSchedule {
  readonly #shares: readonly number[];
  readonly #total: number;

  /** Weights that are no integers, or too large ones, are rounded to 1 / 2^26 of their sum. */
  constructor(weights: readonly number[]) {
    assert(weights.length > 0 && weights.every((weight) => weight >= 0), "weights to mix by");
    const sum = weights.reduce((total, weight) => total + weight, 0);
    const isExact = weights.every((weight) => Number.isSafeInteger(weight)) && sum <= MAX_TOTAL;
    const scale = (MAX_TOTAL - weights.length) / sum;
    this.#shares = isExact
      ? weights
      : weights.map((weight) => Math.max(1, Math.round(weight * scale)));
    this.#total = this.#shares.reduce((total, share) => total + share, 0);
    assert(this.#total > 0, "a weight above 0");
  }

  /** The turn at a position, from 0. */
  at(position: number): Turn {
    if (this.#shares.length === 1) return { part: 0, count: position };
    let [left, total] = [position, this.#total];
    for (const [part, share] of this.#shares.entries()) {
      const count = turnsBefore(left, share, total);
      if (turnsBefore(left + 1, share, total) > count) return { part, count };
      left -= count;
      total -= share;
    }
    assert.fail(`position ${position} of a schedule of ${this.#shares.join(" : ")}`);
  }
}

/** How many of the first `position` turns are of a part with `share` of `total`; the nearest integer. */
function turnsBefore(position: number, share: number, total: number): number {
  if (total === 0) return 0;
  const periods = Math.floor(position / total);
  const rest = position - periods * total;
  return periods * share + Math.floor((rest * share + Math.floor((total - 1) / 2)) / total);
}
