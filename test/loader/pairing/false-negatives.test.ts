import { describe, expect, it } from "vitest";

import { countFalseNegatives, plantedScenes } from "./planted-scenes.ts";

const planted = plantedScenes();

describe("Unmatched pairs among scenes with planted duplicates", () => {
  it.each([
    { kind: "matched-unmatched", matched: 2, unmatched: 2 },
    { kind: "bernoulli", probability: 0.9, replace: "either" },
  ] as const)("are never true, in 34,000 pairs of %o (G22; 10 million slowly)", async (pairing) => {
    const found = await countFalseNegatives(34_000, planted, pairing);
    expect(found.falseNegatives).toBe(0);
    expect(found.numRedraws).toBeGreaterThan(50);
  });

  it("I-2: show another picture that owns no equal text in 100,000 draws; the rejected ones are counted", async () => {
    const pairing = { kind: "bernoulli", probability: 1, replace: "picture" } as const;
    const found = await countFalseNegatives(100_000, planted, pairing);
    expect(found.numPairs).toBe(100_000);
    expect(found.falseNegatives).toBe(0);
    // Of the 899 others half a one on average shows the same picture, and three own an equal text.
    expect(found.numRedraws).toBe(398);
  });
});
