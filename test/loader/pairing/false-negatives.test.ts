import { describe, expect, it } from "vitest";

import { countFalseNegatives, plantedScenes } from "./planted-scenes.ts";

const planted = plantedScenes();

describe("Unmatched pairs among scenes with planted duplicates", () => {
  it.each([
    { kind: "matched-unmatched", matched: 2, unmatched: 2 },
    { kind: "bernoulli", probability: 0.9, replace: "picture" },
    { kind: "bernoulli", probability: 0.9, replace: "either" },
  ] as const)("are never true, in 34,000 pairs of %o (G22; 10 million slowly)", async (pairing) => {
    const found = await countFalseNegatives(34_000, planted, pairing);
    expect(found.falseNegatives).toBe(0);
    expect(found.numRedraws).toBeGreaterThan(50);
  });
});
