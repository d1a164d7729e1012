import { assert, integer, property } from "fast-check";
import { describe, expect, it } from "vitest";

import { epochOrder, type Order, permuted } from "../../src/loader/order.ts";

function wholeOrder(order: Order): number[] {
  return Array.from({ length: order.size }, (_, position) => permuted(position, order));
}

function neighbours(order: readonly number[]): Set<string> {
  return new Set(order.slice(1).map((index, place) => `${order[place]} ${index}`));
}

/** Pearson's statistic of counts against equal expectation. */
function chiSquare(counts: readonly number[]): number {
  const expected = counts.reduce((sum, count) => sum + count, 0) / counts.length;
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}

/** The value that a chi-square of so many degrees of freedom passes once in about 10,000 (Wilson and Hilferty). */
function chiSquareLimit(degrees: number): number {
  const spread = 2 / (9 * degrees);
  return degrees * (1 - spread + 3.72 * Math.sqrt(spread)) ** 3;
}

describe("the order of an epoch", () => {
  it("visits every sample once, for every size up to 300", () => {
    for (let size = 1; size <= 300; size += 1) {
      const visited = new Set(wholeOrder({ size, seed: size * 7 }));
      expect(visited.size).toBe(size);
      expect(Math.max(...visited)).toBe(size - 1);
    }
  });

  it("is a bijection for any size and seed", () => {
    assert(
      property(integer({ min: 1, max: 5000 }), integer({ min: 0 }), (size, seed) => {
        const visited = new Set(wholeOrder({ size, seed }));
        expect(visited.size).toBe(size);
        expect([...visited].every((index) => index >= 0 && index < size)).toBe(true);
      }),
      { numRuns: 40 },
    );
  });

  it("stays in range and free of repeats at any place of a huge set", () => {
    for (const size of [2 ** 31 - 1, 2 ** 31, 2 ** 33 + 1, 10 ** 12, 2 ** 52]) {
      const places = [0, 1, 2, Math.floor(size / 2), size - 2, size - 1];
      const visited = new Set(places.map((place) => permuted(place, { size, seed: 5 })));
      expect(visited.size).toBe(places.length);
      for (const index of visited) expect(index >= 0 && index < size).toBe(true);
    }
  });

  it("is pinned for a small case", () => {
    expect(wholeOrder(epochOrder(12, { seed: 1, epoch: 0 }))).toEqual([
      11, 1, 9, 3, 5, 4, 10, 7, 0, 8, 6, 2,
    ]);
    expect(wholeOrder(epochOrder(12, { seed: 1, epoch: 1 }))).toEqual([
      4, 8, 2, 7, 6, 10, 1, 11, 3, 0, 9, 5,
    ]);
    expect(permuted(123_456, epochOrder(10 ** 8, { seed: 42, epoch: 3 }))).toBe(675_553);
  });

  it.each([2, 3, 5, 6, 8])("puts each of %i samples anywhere equally often", (size) => {
    const counts = Array.from({ length: size * size }, () => 0);
    for (let seed = 0; seed < 4000; seed += 1) {
      for (const [position, index] of wholeOrder({ size, seed }).entries()) {
        const cell = position * size + index;
        counts[cell] = (counts[cell] ?? 0) + 1;
      }
    }
    expect(chiSquare(counts)).toBeLessThan(chiSquareLimit((size - 1) ** 2));
  });

  it("moves samples as far as a uniform shuffle does", () => {
    const size = 20_000;
    const bins = Array.from({ length: 50 }, () => 0);
    let displacement = 0;
    for (const [position, index] of wholeOrder({ size, seed: 11 }).entries()) {
      // Around the circle every shift is equally likely.
      const shift = (index - position + size) % size;
      const bin = Math.floor((shift * bins.length) / size);
      bins[bin] = (bins[bin] ?? 0) + 1;
      displacement += Math.abs(index - position) / size;
    }
    expect(chiSquare(bins)).toBeLessThan(chiSquareLimit(bins.length - 1));
    expect(displacement / size).toBeCloseTo(1 / 3, 2);
  });

  it.each([3, 5, 6, 8])("puts any of %i samples behind any other equally often", (size) => {
    const counts = Array.from({ length: size * (size - 1) }, () => 0);
    // One pair of neighbours from each order, so that the counts are independent.
    for (let seed = 0; seed < 12_000; seed += 1) {
      const position = seed % (size - 1);
      const first = permuted(position, { size, seed });
      const second = permuted(position + 1, { size, seed });
      const cell = first * (size - 1) + (second > first ? second - 1 : second);
      counts[cell] = (counts[cell] ?? 0) + 1;
    }
    expect(chiSquare(counts)).toBeLessThan(chiSquareLimit(counts.length - 1));
  });

  it("spaces neighbours as a uniform shuffle does", () => {
    const size = 100_000;
    const order = wholeOrder({ size, seed: 17 });
    const bins = Array.from({ length: 100 }, () => 0);
    for (const [place, index] of order.slice(1).entries()) {
      // Around the circle every distance but 0 is equally likely.
      const distance = (index - (order[place] ?? 0) + size) % size;
      const bin = Math.floor((distance * bins.length) / size);
      bins[bin] = (bins[bin] ?? 0) + 1;
    }
    expect(chiSquare(bins)).toBeLessThan(chiSquareLimit(bins.length - 1));
  });

  it("keeps no neighbours together from epoch to epoch", () => {
    const size = 5000;
    const first = wholeOrder(epochOrder(size, { seed: 3, epoch: 0 }));
    const second = wholeOrder(epochOrder(size, { seed: 3, epoch: 1 }));
    // A uniform shuffle keeps one pair on average.
    expect(neighbours(first).intersection(neighbours(second)).size).toBeLessThan(8);
    // Neighbours by number: one pair with index + 1 on average as well.
    expect(first.filter((index, place) => first[place + 1] === index + 1).length).toBeLessThan(8);
  });
});
