import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { Combinations, listCombinations, modes } from "./combinations.ts";

let combinations: Combinations;
beforeAll(async () => {
  combinations = await Combinations.open();
});
afterAll(() => combinations[Symbol.asyncDispose]());

// 440 of them: combinations.slow.ts.
describe("40 combinations of ranks, workers, prefetching and places (G8)", () => {
  it.each(modes)("give the same batches of %s", async (mode) => {
    const digests = new Set<string>();
    for (const combination of listCombinations(40).filter((one) => one.mode === mode)) {
      const given = await combinations.digests(combination, "one");
      const expected = await combinations.expected(combination);
      expect({ ...combination, digests: given }).toEqual({ ...combination, digests: expected });
      for (const text of given) digests.add(text);
    }
    expect(digests.size).toBeGreaterThan(5);
  });
});
