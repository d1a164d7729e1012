import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";

import { ShardError } from "../../../src/core/errors.ts";
import { BatchComposer } from "../../../src/loader/batching/batch-composer.ts";
import { emptyTable } from "../../../src/loader/batching/scene-table.ts";
import { collateBatch } from "../../../src/loader/collate.ts";
import type { BuiltBatch } from "../../../src/loader/collating/joined-parts.ts";
import { planBatch } from "../../../src/loader/collating/batch-plan.ts";
import type { SampleContext, SampleLookup } from "../../../src/loader/collating/sample-plan.ts";
import type { LoaderOptions } from "../../../src/loader/options.ts";
import { noAugmentation } from "../../../src/loader/pictures/augment.ts";
import { keepRatioSize, uprightSize } from "../../../src/loader/pictures/view-geometry.ts";
import { PixelCache } from "../../../src/loader/pictures/pixel-cache.ts";
import { ReadMemory } from "../../../src/loader/pictures/read-memory.ts";
import type { Scene } from "../../../src/core/records.ts";
import { WordPieceTokenizer } from "../../../src/loader/text/word-piece.ts";
import { boxedScenes } from "../boxed-scenes.ts";
import { type LoaderFixture, loaderFixture } from "../loader-fixture.ts";

const NUM_SCENES = 8;
let fixture: LoaderFixture;
let tokenizer: WordPieceTokenizer;
let scenes: readonly Scene[];
beforeAll(async () => {
  fixture = await loaderFixture();
  tokenizer = await WordPieceTokenizer.fromFile(fixture.vocabulary);
  scenes = await boxedScenes(NUM_SCENES);
});
afterAll(() => fixture[Symbol.asyncDispose]());

/** How often each head was asked for. */
let headReads: number[];
beforeEach(() => {
  headReads = Array.from({ length: NUM_SCENES }, () => 0);
});

function sceneOf(sampleIndex: number): Scene {
  const scene = scenes[sampleIndex];
  if (scene === undefined) throw new RangeError(`sample ${sampleIndex}`);
  return scene;
}

/** Scenes in memory; a reading of a head can fail. */
function lookup(
  fails: (sampleIndex: number, reading: number) => boolean = () => false,
): SampleLookup {
  return {
    numSamples: NUM_SCENES,
    splitOf: () => ({ first: 0, size: NUM_SCENES }),
    chainOf: () => undefined,
    mayStandFor: () => true,
    head: async (sampleIndex) => {
      const reading = (headReads[sampleIndex] ?? 0) + 1;
      headReads[sampleIndex] = reading;
      if (fails(sampleIndex, reading)) throw new ShardError(`head ${sampleIndex} is damaged`);
      return sceneOf(sampleIndex);
    },
    pictureBytes: async (sampleIndex) =>
      sceneOf(sampleIndex).pictures[0]?.bytes ?? new Uint8Array(),
    regions: async (sampleIndex) => sceneOf(sampleIndex).regions?.[0] ?? null,
  };
}

function contextOf(samples: SampleLookup, changes: Partial<LoaderOptions> = {}): SampleContext {
  const options = fixture.options({
    pictures: { kind: "keep-ratio", shorter: 40, longer: 60 },
    pairing: { kind: "matched-unmatched", matched: 1, unmatched: 0 },
    augment: noAugmentation,
    ...changes,
  });
  const wholePictures = new PixelCache({ numPictures: 1, pictureBytes: 0, maxBytes: 0 });
  return { samples, tokenizer, options, wholePictures, readMemory: new ReadMemory() };
}

const keys = Array.from({ length: NUM_SCENES }, (_, sampleIndex) => ({
  seed: 1,
  epoch: 0,
  sampleIndex,
}));

function largestOf(sampleIndexes: readonly number[]): { width: number; height: number } {
  const sizes = sampleIndexes.map((sampleIndex) => {
    const [picture] = scenes[sampleIndex]?.pictures ?? [];
    return keepRatioSize(uprightSize(picture ?? { width: 1, height: 1, orientation: 1 }), {
      shorter: 40,
      longer: 60,
    });
  });
  return {
    width: Math.max(...sizes.map(({ width }) => width)),
    height: Math.max(...sizes.map(({ height }) => height)),
  };
}

describe("the plan of a batch", () => {
  it.each<{ of: string; changes: Partial<LoaderOptions> }>([
    { of: "squares", changes: { pictures: { kind: "square", size: 8 } } },
    { of: "no pictures", changes: { pictures: { kind: "none" } } },
  ])("looks at no sample where there are $of", async ({ changes }) => {
    const plan = await planBatch(keys, contextOf(lookup(), changes));
    expect(plan.samples).toBeUndefined();
    expect(headReads).toEqual(keys.map(() => 0));
  });

  it("looks once at each sample's head, and takes the largest of all", async () => {
    const plan = await planBatch(keys, contextOf(lookup()));
    expect(plan.picture).toEqual(largestOf(keys.map(({ sampleIndex }) => sampleIndex)));
    expect(headReads).toEqual(keys.map(() => 1));
  });

  it("leaves damaged heads out of the size where they are skipped", async () => {
    const samples = lookup((sampleIndex) => sampleIndex > 1);
    const plan = await planBatch(keys, contextOf(samples, { onDamage: "skip" }));
    expect(plan.picture).toEqual(largestOf([0, 1]));
    await expect(planBatch(keys, contextOf(samples))).rejects.toThrow("head 2 is damaged");
  });

  it("throws what is no damage", async () => {
    const context = contextOf(lookup(), { onDamage: "skip" });
    const wrong = [{ seed: 1, epoch: 0, sampleIndex: NUM_SCENES }];
    await expect(planBatch(wrong, context)).rejects.toThrow(RangeError);
  });
});

describe("a sample whose head was damaged when the batch was planned", () => {
  it("is skipped even where its head can be read later, as its size was not counted", async () => {
    const samples = lookup((sampleIndex, reading) => sampleIndex === 5 && reading === 1);
    const { keys: shown, shape, statistics } = await collated(samples);
    expect(statistics.skipped.map(({ sampleIndex }) => sampleIndex)).toEqual([5]);
    expect(shown).not.toContain("coco:5");
    expect(shown).toHaveLength(NUM_SCENES);
    const others = keys.flatMap(({ sampleIndex }) => (sampleIndex === 5 ? [] : [sampleIndex]));
    const { height, width } = largestOf(others);
    expect([shape.pictureHeight, shape.pictureWidth]).toEqual([height, width]);
  });
});

async function collated(samples: SampleLookup): Promise<BuiltBatch> {
  const context = contextOf(samples, { onDamage: "skip" });
  const sets = [{ numScenes: NUM_SCENES, weight: undefined }];
  const composer = new BatchComposer({ options: context.options, sets, table: emptyTable });
  const place = (await composer.epochPlan(0)).place(0);
  const { signal } = new AbortController();
  return collateBatch({ epoch: 0, batchIndex: 0, place }, new SharedArrayBuffer(2 ** 20), {
    context: { ...context, composer },
    signal,
  });
}
