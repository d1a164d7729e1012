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

describe("options of tasks and masks", () => {
  const pairing = { kind: "bernoulli", probability: 0.5, replace: "picture" } as const;
  const task = { name: "mlm", ratio: 1, pairing, mlmProbability: 0.15, regionMaskProbability: 0 };
  const batching = { kind: "tokens", maxTokens: 320, multipleOf: 8, bucketSize: 32 } as const;

  it("of several tasks are taken, whatever stands in the places of theirs", () => {
    const tasks = [task, { ...task, name: "mrfr", ratio: 0, regionMaskProbability: 0.15 }];
    const whole = { tasks, regions, batching, taskGroup: 2 } as const;
    expect(messageOf({ ...whole, pairing: { kind: "exact-half" }, mlmProbability: -1 })).toBe("");
  });

  it.each<{ fault: string; changes: Partial<LoaderOptions> }>([
    {
      changes: { tasks: [{ ...task, mlmProbability: 1.5, regionMaskProbability: Number.NaN }] },
      fault:
        "tasks[0].mlmProbability is 1.5, expected 0 to 1; tasks[0].regionMaskProbability is NaN, expected 0 to 1",
    },
    {
      changes: { tasks: [task, { ...task, ratio: -1 }], taskGroup: 0 },
      fault:
        "taskGroup is 0, expected an integer of at least 1; two tasks have one name: mlm, mlm; tasks[1].ratio is -1, expected a number of at least 0",
    },
    { changes: { tasks: [{ ...task, ratio: 0 }] }, fault: "all tasks' ratios are 0" },
    {
      changes: { batching, tasks: [task, { ...task, name: "b", pairing: { kind: "exact-half" } }] },
      fault:
        'tasks[1].pairing must be of kind "bernoulli" with replace "picture", which keeps the text that batching.kind "tokens" measures a sample by',
    },
    {
      changes: {
        pairing: { kind: "bernoulli-texts", texts: 0, probability: 2, unmatchedText: "first" },
      },
      fault:
        "pairing.probability is 2, expected 0 to 1; pairing.texts is 0, expected an integer of at least 1",
    },
    {
      changes: { regionMaskProbability: 0.15 },
      fault: 'regionMaskProbability is 0.15, but regions is "none"',
    },
  ])("are refused: $fault", ({ changes, fault }) => {
    expect(messageOf(changes)).toBe(`loader options: ${fault}`);
  });
});
