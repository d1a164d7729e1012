import { describe, expect, it } from "vitest";

import { maskedRegionsOf } from "../../../src/loader/collating/region-masks.ts";
import type { SampleKey } from "../../../src/loader/draws.ts";
import { chiSquare, chiSquareLimit } from "../chi-square.ts";

const PROBABILITY = 0.15;
const NUM_DRAWN_REGIONS = 400_000;

function keyOf(sampleIndex: number, epoch = 0): SampleKey {
  return { seed: 5, epoch, sampleIndex };
}

/** The masks of pictures of `numRegions` regions. */
function drawn(
  numRegions: number,
  regionMaskSelection: "at-least-one" | "independent" = "at-least-one",
): boolean[][] {
  const rules = { regionMaskProbability: PROBABILITY, regionMaskSelection };
  return Array.from({ length: Math.round(NUM_DRAWN_REGIONS / numRegions) }, (_, sampleIndex) =>
    maskedRegionsOf(keyOf(sampleIndex), numRegions, rules),
  );
}

function shareOf(masks: readonly (readonly boolean[])[]): number {
  const all = masks.flat();
  return all.filter(Boolean).length / all.length;
}

/** Four standard deviations of a share of `count` draws. */
function fourSigma(probability: number, count: number): number {
  return 4 * Math.sqrt((probability * (1 - probability)) / count);
}

describe("masking regions", () => {
  it.each([
    [5, 0.23874],
    [10, 0.16969],
    [20, 0.15194],
    [30, 0.15025],
    [100, 0.15],
  ])("G-6: masks of %i regions %f, as M-3 has it of words", (numRegions, rate) => {
    const masks = drawn(numRegions);
    expect(Math.abs(shareOf(masks) - rate)).toBeLessThan(fourSigma(PROBABILITY, NUM_DRAWN_REGIONS));
    expect(masks.every((mask) => mask.includes(true))).toBe(true);
  });

  it("G-6: masks 15 % without the rule, and then none of some pictures", () => {
    const masks = drawn(10, "independent");
    const numBare = masks.filter((mask) => !mask.includes(true)).length;
    expect(Math.abs(shareOf(masks) - 0.15)).toBeLessThan(fourSigma(PROBABILITY, NUM_DRAWN_REGIONS));
    const bareShare = numBare / masks.length;
    expect(Math.abs(bareShare - 0.85 ** 10)).toBeLessThan(fourSigma(0.85 ** 10, masks.length));
  });

  it("G-6: forces a uniformly drawn region where none was chosen", () => {
    const numRegions = 8;
    const free = drawn(numRegions, "independent");
    const counts = Array.from({ length: numRegions }, () => 0);
    let [numChanged, numMore] = [0, 0];
    for (const [index, mask] of drawn(numRegions).entries()) {
      const forced = mask.indexOf(true);
      const isForced = free[index]?.includes(true) === false;
      if (isForced) counts[forced] = (counts[forced] ?? 0) + 1;
      else numChanged += Number(mask.join() !== free[index]?.join());
      numMore += Number(isForced && mask.lastIndexOf(true) !== forced);
    }
    expect([numChanged, numMore]).toEqual([0, 0]);
    expect(chiSquare(counts)).toBeLessThan(chiSquareLimit(numRegions - 1));
  });

  it("masks nothing of a picture without regions, or with a probability of 0", () => {
    expect(maskedRegionsOf(keyOf(1), 0, { regionMaskProbability: PROBABILITY })).toEqual([]);
    expect(maskedRegionsOf(keyOf(1), 3, {})).toEqual([false, false, false]);
  });

  it("depends on seed, epoch and sample alone", () => {
    const rules = { regionMaskProbability: 0.5 };
    const mask = maskedRegionsOf(keyOf(3), 60, rules);
    expect(maskedRegionsOf(keyOf(3), 60, rules)).toEqual(mask);
    expect(maskedRegionsOf(keyOf(3, 1), 60, rules)).not.toEqual(mask);
    expect(maskedRegionsOf(keyOf(4), 60, rules)).not.toEqual(mask);
    expect(maskedRegionsOf({ ...keyOf(3), seed: 6 }, 60, rules)).not.toEqual(mask);
  });
});
