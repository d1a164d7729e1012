import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { BatchLoader } from "../../../src/loader/batch-loader.ts";
import { MaskAudit, type TaskMasks } from "../../../src/loader/measuring/mask-audit.ts";
import type { LoaderOptions } from "../../../src/loader/options.ts";
import { noAugmentation } from "../../../src/loader/pictures/augment.ts";
import { boxedScenes, numClasses, numFeatures } from "../boxed-scenes.ts";
import { type LoaderFixture, loaderFixture } from "../loader-fixture.ts";
import { temporaryFolder, writeSet } from "../shard-set-fixture.ts";

const pairing = { kind: "bernoulli", probability: 0.5, replace: "picture" } as const;
const uniterRules = { selection: "at-least-first-word", randomIds: "words" } as const;
const NUM_BATCHES = 40;

let fixture: LoaderFixture;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let options: LoaderOptions;
beforeAll(async () => {
  [fixture, folder] = await Promise.all([loaderFixture(), temporaryFolder()]);
  await writeSet(join(folder.path, "set"), await boxedScenes(24));
  options = fixture.options({
    sets: [{ folder: join(folder.path, "set"), splits: ["train"] }],
    batching: { kind: "pictures", picturesPerBatch: 12 },
    pairing,
    pictures: { kind: "none" },
    regions: { maxRegions: 3, numFeatures, numClasses },
    augment: noAugmentation,
    mlmRules: uniterRules,
  });
});
afterAll(async () => {
  await fixture[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

async function audited(
  changes: Partial<LoaderOptions>,
  asOf: Partial<LoaderOptions> = {},
): Promise<readonly TaskMasks[]> {
  const changed = { ...options, ...changes };
  const audit = new MaskAudit({ ...changed, ...asOf });
  await using loader = await BatchLoader.open(changed);
  let numBatches = 0;
  for await (const batch of loader.batches({ epoch: 0, step: 0 })) {
    audit.add(batch);
    numBatches += 1;
    if (numBatches === NUM_BATCHES) break;
  }
  return audit.tasks;
}

describe("the audit of masks", () => {
  it("M-3: finds the rates that the rules expect, of words and of regions", async () => {
    const [only] = await audited({ mlmProbability: 0.15, regionMaskProbability: 0.15 });
    expect(only).toMatchObject({ task: null, numBatches: NUM_BATCHES, numEmptyBatches: 0 });
    const { regions, words } = only ?? {};
    expect(Math.abs(words?.deviations ?? Infinity)).toBeLessThan(4);
    expect(Math.abs(regions?.deviations ?? Infinity)).toBeLessThan(4);
    expect([words?.numBare, regions?.numBare]).toEqual([0, 0]);
    // Three regions a picture: 0.15 + 0.85^3 / 3 of them.
    expect(regions?.numMaskable).toBe(3 * (regions?.numSamples ?? 0));
    expect((regions?.expectedMasked ?? 0) / (regions?.numMaskable ?? 1)).toBeCloseTo(0.35471, 5);
    expect(regions?.expectedForced).toBeCloseTo(0.85 ** 3, 10);
    // Half of the pairs are matched.
    expect(words?.numSamples).toBeGreaterThan(12 * NUM_BATCHES * 0.35);
    expect(words?.numSamples).toBeLessThan(12 * NUM_BATCHES * 0.65);
  });

  it("finds masks that are not by the rules", async () => {
    const forcing = { mlmRules: uniterRules, mlmProbability: 0.05 } as const;
    const [only] = await audited(forcing, {
      mlmRules: { selection: "independent", randomIds: "words" },
    });
    expect(only?.words.deviations).toBeGreaterThan(10);
  });

  it("tells bare texts and batches without anything to predict", async () => {
    const [only] = await audited({
      mlmRules: { selection: "independent", randomIds: "words" },
      mlmProbability: 1e-6,
    });
    expect(only).toMatchObject({ numEmptyBatches: NUM_BATCHES });
    expect(only?.words.numBare).toBe(only?.words.numSamples);
  });

  it("keeps tasks apart", async () => {
    const itm = { name: "itm", ratio: 1, pairing, mlmProbability: 0, regionMaskProbability: 0 };
    const mlm = { ...itm, name: "mlm", mlmProbability: 0.15 };
    const mrfr = { ...itm, name: "mrfr", regionMaskProbability: 0.15 };
    const tasks = await audited({ tasks: [itm, mlm, mrfr] });
    expect(tasks.map(({ task }) => task)).toEqual(["itm", "mlm", "mrfr"]);
    expect(tasks.reduce((sum, { numBatches }) => sum + numBatches, 0)).toBe(NUM_BATCHES);
    const masked = tasks.map(({ regions, words }) => [words.numMasked > 0, regions.numMasked > 0]);
    expect(masked).toEqual([
      [false, false],
      [true, false],
      [false, true],
    ]);
    expect(tasks.map(({ numEmptyBatches }) => numEmptyBatches)).toEqual([0, 0, 0]);
  });
});
