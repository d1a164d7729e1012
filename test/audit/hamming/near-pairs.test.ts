import { assert, asyncProperty, integer, record } from "fast-check";
import { describe, expect, it } from "vitest";
import {
  findNearPairs,
  findNearPairsBetween,
  hashRows,
} from "../../../src/audit/hamming/near-pairs.ts";
import { ConfigError } from "../../../src/core/errors.ts";
import { allNearPairs, allNearPairsBetween, listed } from "./brute-force.ts";
import { plant, randomHashes, randomWords } from "./made-up-hashes.ts";

/** Random hashes with `numPlanted` near ones of others, up to a little above `maxDistance`. */
function hashesWithPlants(numRows: number, maxDistance: number, seed: number): Uint8Array {
  const hashes = randomHashes(numRows, seed);
  const next = randomWords(seed + 1);
  for (let at = 0; at < numRows / 10; at += 1) {
    const pair = { row: next() % numRows, of: next() % numRows, distance: at % (maxDistance + 4) };
    plant(hashes, pair, next);
  }
  return hashes;
}

describe("near pairs of one set", () => {
  it.each([0, 7, 31, 48])(
    "are those of comparing all with all, at distance %i",
    async (maxDistance) => {
      const hashes = hashesWithPlants(1500, maxDistance, maxDistance);
      const expected = allNearPairs(hashes, maxDistance);
      expect(expected.length).toBeGreaterThan(maxDistance === 0 ? -1 : 20);
      const { pairs } = await findNearPairs(hashRows(hashes), { maxDistance, numThreads: 2 });
      expect(listed(pairs)).toEqual(expected);
    },
  );

  it("are those of comparing all with all, whatever the size, the distance and the threads", async () => {
    const cases = record({
      numRows: integer({ min: 0, max: 300 }),
      maxDistance: integer({ min: 0, max: 48 }),
      numThreads: integer({ min: 1, max: 3 }),
      seed: integer({ min: 0, max: 1e6 }),
    });
    const property = asyncProperty(cases, async ({ numRows, maxDistance, numThreads, seed }) => {
      const hashes = hashesWithPlants(numRows, maxDistance, seed);
      const { pairs } = await findNearPairs(hashRows(hashes), { maxDistance, numThreads });
      expect(listed(pairs)).toEqual(allNearPairs(hashes, maxDistance));
    });
    await assert(property, { numRuns: 6, seed: 6 });
  });

  it("are found where all hashes crowd together, more than a thread keeps at once", async () => {
    const hashes = randomHashes(700, 3);
    const next = randomWords(4);
    for (let row = 1; row < 700; row += 1) plant(hashes, { row, of: 0, distance: 9 }, next);
    const { pairs } = await findNearPairs(hashRows(hashes), { maxDistance: 31, numThreads: 2 });
    expect(pairs.left.length).toBe((700 * 699) / 2);
    expect(listed(pairs)).toEqual(allNearPairs(hashes, 31));
  });

  it("are in the same order with one thread and with five", async () => {
    const hashes = hashesWithPlants(3000, 40, 9);
    const search = (numThreads: number): ReturnType<typeof findNearPairs> =>
      findNearPairs(hashRows(hashes), { maxDistance: 40, numThreads });
    expect(await search(5)).toEqual(await search(1));
  });

  it("of a million equal hashes are one group, at once (hostile case 56)", async () => {
    const hashes = randomHashes(1_000_000, 1);
    hashes.fill(0, 0, 999_990 * 32);
    const { rows, pairs } = await findNearPairs(hashRows(hashes), { maxDistance: 31 });
    expect(rows).toMatchObject({ numRows: 1_000_000, numDistinct: 11 });
    expect(rows.equal.map(({ length }) => length)).toEqual([999_990]);
    expect(pairs.left.length).toBe(0);
  }, 5000);

  it("are refused where there are more than can be listed", async () => {
    const hashes = randomHashes(700, 3);
    const next = randomWords(4);
    for (let row = 1; row < 700; row += 1) plant(hashes, { row, of: 0, distance: 9 }, next);
    const search = findNearPairs(hashRows(hashes), { maxDistance: 31, maxPairs: 1000 });
    await expect(search).rejects.toThrow(ConfigError);
  });

  it("are refused for more hashes than the memory holds", async () => {
    const rows = { numRows: 100_000_000, read: () => {} };
    await expect(findNearPairs(rows, { maxDistance: 31 })).rejects.toThrow(ConfigError);
  });

  it("are no longer looked for after an abort", async () => {
    const aborting = new AbortController();
    const search = findNearPairs(hashRows(randomHashes(200_000, 1)), {
      maxDistance: 48,
      signal: aborting.signal,
      progress: { say: () => {}, report: () => aborting.abort(new Error("enough")) },
    });
    await expect(search).rejects.toThrow("enough");
  });
});

describe("equal rows", () => {
  it("are grouped by their first row; a pair names the first rows of two groups", async () => {
    const hashes = randomHashes(8, 5);
    const next = randomWords(6);
    plant(hashes, { row: 3, of: 1, distance: 0 }, next);
    plant(hashes, { row: 6, of: 1, distance: 0 }, next);
    plant(hashes, { row: 4, of: 1, distance: 5 }, next);
    plant(hashes, { row: 7, of: 4, distance: 0 }, next);
    const { rows, pairs } = await findNearPairs(hashRows(hashes), { maxDistance: 31 });
    expect(rows.equal.map((group) => [...group])).toEqual([
      [1, 3, 6],
      [4, 7],
    ]);
    expect(listed(pairs)).toEqual([[1, 4, 5]]);
  });
});

describe("near pairs of two sets", () => {
  it.each([5, 48])("are those of comparing all with all, at distance %i", async (maxDistance) => {
    const left = randomHashes(400, 21);
    const right = randomHashes(1100, 22);
    const next = randomWords(23);
    const both = new Uint8Array(1500 * 32);
    both.set(left);
    both.set(right, left.length);
    for (let at = 0; at < 300; at += 1) {
      const pair = { row: 400 + (next() % 1100), of: next() % 400, distance: at % 52 };
      plant(both, pair, next);
    }
    right.set(both.subarray(left.length));
    const found = await findNearPairsBetween(hashRows(left), hashRows(right), {
      maxDistance,
      numThreads: 2,
    });
    const expected = allNearPairsBetween(left, right, maxDistance);
    expect(expected.length).toBeGreaterThan(3);
    expect(listed(found.pairs)).toEqual(expected);
  });
});
