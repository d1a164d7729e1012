import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { ConfigError } from "../../src/core/errors.ts";
import { checkOptions } from "../../src/loader/check-options.ts";
import type { LoaderOptions, RegionOptions } from "../../src/loader/options.ts";
import { noAugmentation } from "../../src/loader/pictures/augment.ts";
import { type LoaderFixture, loaderFixture } from "./loader-fixture.ts";

let fixture: LoaderFixture;
beforeAll(async () => {
  fixture = await loaderFixture();
});
afterAll(() => fixture[Symbol.asyncDispose]());

const regions: RegionOptions = { maxRegions: 100, numFeatures: 2048, numClasses: 1601 };
const moving = ["shear-x", "shear-y", "translate-x", "translate-y", "rotate"] as const;
const randAugment = { numOperations: 2, magnitude: 9 };

/** What is said of the options; empty where nothing is wrong with them. */
function messageOf(changes: Partial<LoaderOptions>): string {
  try {
    checkOptions(fixture.options(changes));
    return "";
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
}

describe("options of pictures, regions and boxes", () => {
  it.each<{ of: string; changes: Partial<LoaderOptions> }>([
    {
      of: "SOHO",
      changes: {
        pictures: { kind: "keep-ratio", shorter: 600, longer: 1000, padToMultipleOf: 32 },
      },
    },
    { of: "UNITER", changes: { pictures: { kind: "none" }, regions } },
    {
      of: "regions beside pictures",
      changes: { regions: { maxRegions: 36, numFeatures: 2048 }, textBoxes: true },
    },
    {
      of: "boxes beside colours that change",
      changes: {
        textBoxes: true,
        regions,
        augment: { ...noAugmentation, randAugment: { ...randAugment, without: moving } },
      },
    },
  ])("of $of are taken", ({ changes }) => {
    expect(messageOf(changes)).toBe("");
  });

  it.each<{ fault: string; changes: Partial<LoaderOptions> }>([
    {
      changes: { pictures: { kind: "keep-ratio", shorter: 0, longer: -1, padToMultipleOf: 0 } },
      fault:
        "pictures.shorter is 0, expected an integer of at least 1; pictures.longer is -1, expected an integer of at least pictures.shorter; pictures.padToMultipleOf is 0, expected an integer of at least 1",
    },
    {
      changes: { pictures: { kind: "none" } },
      fault: 'pictures.kind is "none" and so is regions: batches would hold nothing of a picture',
    },
    {
      changes: { regions: { maxRegions: 0, numFeatures: 0.5, numClasses: -1, minVisibleShare: 2 } },
      fault:
        "regions.maxRegions is 0, expected an integer of at least 1; regions.numFeatures is 0.5, expected an integer of at least 1; regions.numClasses is -1, expected an integer of at least 0; regions.minVisibleShare is 2, expected 0 to 1",
    },
    {
      changes: { regions, augment: { ...noAugmentation, randAugment } },
      fault:
        "regions needs pictures whose content stays in its place: augment.randAugment must be without shear-x, shear-y, translate-x, translate-y, rotate",
    },
    {
      changes: {
        textBoxes: true,
        augment: { ...noAugmentation, randAugment: { ...randAugment, without: moving.slice(1) } },
      },
      fault:
        "textBoxes needs pictures whose content stays in its place: augment.randAugment must be without shear-x",
    },
    {
      changes: {
        pictures: { kind: "none" },
        regions,
        augment: { ...noAugmentation, randAugment: { ...randAugment, without: moving } },
      },
      fault: 'augment.randAugment needs pixels, pictures.kind is "none"',
    },
  ])("are refused: $fault", ({ changes, fault }) => {
    expect(messageOf(changes)).toBe(`loader options: ${fault}`);
  });
});
