import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { Combinations, listCombinations, modes } from "./combinations.ts";

let combinations: Combinations;
beforeAll(async () => {
  combinations = await Combinations.open();
});
afterAll(() => combinations[Symbol.asyncDispose]());

const all = listCombinations(440);

describe("440 combinations of ranks, workers, prefetching and places (G8)", () => {
  it.each(modes)("give the same batches of %s", async (mode) => {
    const ofMode = all.filter((combination) => combination.mode === mode);
    expect(new Set(ofMode.map((combination) => JSON.stringify(combination))).size).toBe(40);
    for (const combination of ofMode) {
      const given = await combinations.digests(combination, "one");
      const expected = await combinations.expected(combination);
      expect({ ...combination, digests: given }).toEqual({ ...combination, digests: expected });
    }
  });
});
