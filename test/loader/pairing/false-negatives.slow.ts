import { describe, expect, it } from "vitest";

import { countFalseNegatives, plantedScenes } from "./planted-scenes.ts";

const planted = plantedScenes();

describe("10 million unmatched pairs among scenes with planted duplicates", () => {
  it("of 2 + 2 are never true, in 6 million (G22)", async () => {
    const pairing = { kind: "matched-unmatched", matched: 2, unmatched: 2 } as const;
    const found = await countFalseNegatives(6_000_000, planted, pairing);
    expect(found.falseNegatives).toBe(0);
  });

  it.each(["picture", "text", "either"] as const)(
    "of UNITER's law are never true, in 1.4 million that replace the %s (G22)",
    async (replace) => {
      const pairing = { kind: "bernoulli", probability: 1, replace } as const;
      const found = await countFalseNegatives(1_400_000, planted, pairing);
      expect(found.falseNegatives).toBe(0);
    },
  );
});
