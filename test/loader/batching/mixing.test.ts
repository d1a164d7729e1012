import { array, assert, integer, property } from "fast-check";
import { describe, expect, it } from "vitest";

import { MixingSchedule } from "../../../src/loader/batching/mixing.ts";

/** The largest distance between the turns that a part had and its share of them, over all prefixes. */
function largestDeviation(weights: readonly number[], numTurns: number, first = 0): number {
  const schedule = new MixingSchedule(weights);
  const sum = weights.reduce((total, weight) => total + weight, 0);
  let largest = 0;
  for (let position = first; position < first + numTurns; position += 1) {
    const { count, part } = schedule.at(position);
    const wanted = (position * (weights[part] ?? 0)) / sum;
    largest = Math.max(largest, Math.abs(count - wanted));
  }
  return largest;
}

describe("mixing by weights", () => {
  it("takes turns half and half (UNITER: COCO and Visual Genome)", () => {
    const schedule = new MixingSchedule([1, 1]);
    const turns = Array.from({ length: 6 }, (_, position) => schedule.at(position));
    expect(turns.map(({ part }) => part)).toEqual([1, 0, 1, 0, 1, 0]);
    expect(turns.map(({ count }) => count)).toEqual([0, 0, 1, 1, 2, 2]);
  });

  it("is pinned for UNITER's four sets", () => {
    const schedule = new MixingSchedule([6, 8, 9, 6]);
    const turns = Array.from({ length: 29 }, (_, position) => schedule.at(position).part);
    expect(turns.join("")).toMatchInlineSnapshot(`"21032130212301210321203123012"`);
  });

  it.each([[[1]], [[1, 1]], [[6, 8, 9, 6]], [[0.533, 5.06]], [[1, 1000]], [[3, 0, 2]]])(
    "gives %j their shares of every prefix, to within two turns of 100,000 (G23)",
    (weights) => {
      expect(largestDeviation(weights, 100_000)).toBeLessThan(2);
      // Weights that are no integers are rounded to 1 / 2^26.
      expect(largestDeviation(weights, 10_000, 10 ** 12) / 10 ** 12).toBeLessThan(1e-7);
    },
  );

  it("counts each part's turns without a gap, whatever the weights", () => {
    const weights = array(integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 6 });
    assert(
      property(weights, integer({ min: 0, max: 10 ** 9 }), (shares, first) => {
        const schedule = new MixingSchedule(shares);
        const next = new Map<number, number>();
        for (let position = first; position < first + 200; position += 1) {
          const { count, part } = schedule.at(position);
          expect(count).toBe(next.get(part) ?? count);
          next.set(part, count + 1);
        }
      }),
      { numRuns: 200 },
    );
  });
});
