import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { cutResults, differenceOf, fewCases, ownResize } from "./pillow-resizes.ts";

describe("Beside Pillow 13.0.0, crop before resize", () => {
  it("parts of photographs differ by a fifth of a level on average, nearly all by no more than one", async () => {
    const cases = await fewCases();
    const fixture = await readFile(join(import.meta.dirname, "fixtures/pillow-resizes.bin"));
    const theirs = cutResults(fixture, cases);
    for (const [index, one] of cases.entries()) {
      const ours = await ownResize(one, "exact");
      const { mean, p99, max } = differenceOf([[ours, theirs[index] ?? new Uint8Array()]]);
      expect(mean).toBeLessThan(0.25);
      expect(p99).toBeLessThanOrEqual(1);
      // Pillow cuts what passes 0 or 255 between its two passes, which only the cubic kernel can.
      expect(max).toBeLessThanOrEqual(one.kernel === "bilinear" ? 1 : 20);
    }
  });

  it("the difference of equal pixels is none, and that of others is seen", () => {
    const same = Uint8Array.of(1, 2, 3);
    expect(differenceOf([[same, same]])).toEqual({ mean: 0, p99: 0, max: 0 });
    expect(differenceOf([[same, Uint8Array.of(1, 2, 9)]])).toEqual({ mean: 2, p99: 6, max: 6 });
  });
});
