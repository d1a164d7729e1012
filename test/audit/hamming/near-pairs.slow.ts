import { expect, it } from "vitest";
import { findNearPairs, hashRows } from "../../../src/audit/hamming/near-pairs.ts";
import { allNearPairs, listed } from "./brute-force.ts";
import { plant, randomHashes, randomWords } from "./made-up-hashes.ts";

it.each([31, 40, 48])(
  "near pairs of 20,000 hashes are those of comparing all with all, at distance %i",
  async (maxDistance) => {
    const hashes = randomHashes(20_000, maxDistance);
    const next = randomWords(1);
    for (let at = 0; at < 4000; at += 1) {
      const pair = { row: next() % 20_000, of: next() % 20_000, distance: at % (maxDistance + 4) };
      plant(hashes, pair, next);
    }
    const expected = allNearPairs(hashes, maxDistance);
    expect(expected.length).toBeGreaterThan(2000);
    const { pairs } = await findNearPairs(hashRows(hashes), { maxDistance });
    expect(listed(pairs)).toEqual(expected);
  },
);
