import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import type { Scene } from "../../../src/core/records.ts";
import { BatchLoader } from "../../../src/loader/batch-loader.ts";
import type { LabelledTask } from "../../../src/loader/labelled/labelled-task.ts";
import type { Batch, LoaderOptions } from "../../../src/loader/options.ts";
import { noAugmentation } from "../../../src/loader/pictures/augment.ts";
import { numClasses, numFeatures } from "../boxed-scenes.ts";
import { wholePixels } from "../decoded.ts";
import { globalBatches } from "../global-batches.ts";
import { type LoaderFixture, loaderFixture } from "../loader-fixture.ts";
import { temporaryFolder, writeSet } from "../shard-set-fixture.ts";
import {
  choiceScenes,
  expressionScenes,
  hypothesisScenes,
  questionScenes,
  statementScenes,
} from "./labelled-scenes.ts";

const NUM_SCENES = 20;
const vqa: LabelledTask = {
  kind: "answers",
  answers: ["no", "yes"],
  scoring: "official",
  withoutTarget: "drop",
};
const nlvr2: LabelledTask = {
  kind: "labels",
  textKind: "statement",
  labels: ["False", "True"],
  reads: "text",
  pictures: 2,
};
const snliVe: LabelledTask = {
  kind: "labels",
  textKind: "hypothesis",
  labels: ["contradiction", "entailment", "neutral"],
  reads: "context-and-text",
  pictures: 1,
};
const vcr: LabelledTask = { kind: "choices", textKind: "rationale" };
const expressions: LabelledTask = { kind: "expressions" };

let fixture: LoaderFixture;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
const scenes = new Map<string, readonly Scene[]>();
beforeAll(async () => {
  [fixture, folder] = await Promise.all([loaderFixture(), temporaryFolder()]);
  process.env["CROSSWEAVE_CACHE"] = join(folder.path, "cache");
  const makers = {
    vqa: questionScenes,
    nlvr2: statementScenes,
    snliVe: hypothesisScenes,
    vcr: choiceScenes,
    expressions: expressionScenes,
  };
  for (const [name, make] of Object.entries(makers)) {
    const made = await make(NUM_SCENES);
    scenes.set(name, made);
    await writeSet(join(folder.path, name), made);
  }
});
afterAll(async () => {
  await fixture[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

function optionsFor(
  name: string,
  task: LabelledTask,
  changes: Partial<LoaderOptions> = {},
): LoaderOptions {
  return fixture.options({
    sets: [{ folder: join(folder.path, name), splits: ["train"] }],
    batching: { kind: "texts", textsPerBatch: 4 },
    pairing: { kind: "labelled", task },
    augment: noAugmentation,
    mlmProbability: 0,
    text: { maxTokens: 62, longer: "cut" },
    ...changes,
  });
}

/** Runs `use` on the batches of one epoch. */
async function epochOf(
  options: LoaderOptions,
  use: (batch: Batch) => void | Promise<void>,
): Promise<BatchLoader["plan"]> {
  await using loader = await BatchLoader.open(options);
  for await (const batch of loader.batches({ epoch: 0, step: 0 })) {
    if (batch.epoch > 0) break;
    await use(batch);
    if (batch.batchIndex === loader.batchesPerEpoch - 1) break;
  }
  return loader.plan;
}

describe("batches of questions (VQA v2)", () => {
  it("hold each question with a target once an epoch, with its soft targets; the others are counted", async () => {
    const seen: string[] = [];
    const plan = await epochOf(optionsFor("vqa", vqa), ({ labelled, shape, textIds }) => {
      expect(shape.labelled?.answersPerSample).toBe(2);
      for (const [row, id] of textIds.entries()) {
        seen.push(id);
        const count = 1 + (Number(id.split("-")[0]) % 4);
        const targets = [...(labelled?.answerTargets ?? [])].slice(2 * row, 2 * row + 2);
        expect(targets).toEqual([0, Math.fround(Math.min(1, (3 * count) / 10))]);
        expect(labelled?.labels[row]).toBe(-1);
      }
    });
    expect(plan).toMatchObject({ numSamples: NUM_SCENES, numLeftOutTexts: 2 * NUM_SCENES });
    expect(new Set(seen).size).toBe(NUM_SCENES);
    expect(seen.every((id) => id.endsWith("-known"))).toBe(true);
  });

  it("hold the others as well where they are kept", async () => {
    const kept = { ...vqa, withoutTarget: "keep" } as const;
    let numBare = 0;
    const plan = await epochOf(optionsFor("vqa", kept), ({ labelled, textIds }) => {
      for (const [row, id] of textIds.entries()) {
        const isBare = (labelled?.answerTargets[2 * row + 1] ?? 0) === 0;
        expect(isBare).toBe(id.endsWith("-other"));
        numBare += Number(isBare);
      }
    });
    expect([plan.numSamples, plan.numLeftOutTexts]).toEqual([2 * NUM_SCENES, NUM_SCENES]);
    expect(numBare).toBe(NUM_SCENES);
  });
});

describe("batches of statements about two pictures (NLVR2)", () => {
  it("H-2: have a statement's two pictures side by side, left before right", async () => {
    const options = optionsFor("nlvr2", nlvr2, { pictures: { kind: "square", size: 8 } });
    let numTrue = 0;
    await epochOf(options, async (batch) => {
      const { keys, labelled, numPairs, numPictures, pictureOfPair, pixels, textIds } = batch;
      expect([numPairs, numPictures]).toEqual([4, 8]);
      expect([...pictureOfPair]).toEqual([0, 2, 4, 6]);
      for (const [row, id] of textIds.entries()) {
        expect(keys.slice(2 * row, 2 * row + 2)).toEqual([`coco:${id}`, `coco:${Number(id) + 1}`]);
        expect(labelled?.labels[row]).toBe(Number(Number(id) % 3 === 0));
        numTrue += labelled?.labels[row] ?? 0;
        for (const [number, stored] of (
          scenes.get("nlvr2")?.[Number(id)]?.pictures ?? []
        ).entries()) {
          const start = (2 * row + number) * 8 * 8 * 3;
          const expected = Uint8Array.from(await wholePixels(stored.bytes, 8));
          expect(pixels.slice(start, start + expected.length)).toEqual(expected);
        }
      }
    });
    expect(numTrue).toBe(7);
  });

  it.each([2, 3])(
    "H-2: are never split between %i ranks, whose shares are the global batch",
    async (worldSize) => {
      const pictures = { kind: "keep-ratio", shorter: 12, longer: 20 } as const;
      const options = optionsFor("nlvr2", nlvr2, {
        pictures,
        batching: { kind: "texts", textsPerBatch: 7 },
      });
      const from = { epoch: 1, step: 1, count: 3 };
      const alone = { worldSize: 1, numWorkers: 0, prefetchBatches: 1 };
      const one = await globalBatches(options, alone, from);
      expect(await globalBatches(options, { ...alone, worldSize, numWorkers: 1 }, from)).toEqual(
        one,
      );
      for (let rank = 0; rank < worldSize; rank += 1) {
        await using loader = await BatchLoader.open({ ...options, worldSize, rank });
        for await (const batch of loader.batches({ epoch: 0, step: 0 })) {
          expect(batch.numRealPictures % 2).toBe(0);
          expect(batch.textIds).toHaveLength(batch.numRealPictures / 2);
          const padded = batch.labelled?.labels.subarray(batch.textIds.length);
          expect(padded?.every((label) => label === -1)).toBe(true);
          break;
        }
      }
    },
  );

  it("are refused of scenes with one picture", async () => {
    const opening = BatchLoader.open(optionsFor("vqa", nlvr2));
    await expect(opening).rejects.toThrow(
      'split "train" of fixture has 20 pictures in 20 scenes, the task asks for 2 a scene',
    );
  });
});

describe("batches of hypotheses (SNLI-VE)", () => {
  it("E-5: read the premise first where the task says so, as token type 0", async () => {
    await epochOf(optionsFor("snliVe", snliVe), ({ labelled, shape, textIds, tokenMask }) => {
      const { textTokens } = shape;
      for (const [row, id] of textIds.entries()) {
        const label = id.replace(/^\d+-/, "");
        expect(labelled?.labels[row]).toBe(
          ["contradiction", "entailment", "neutral"].indexOf(label),
        );
        const range = [row * textTokens, (row + 1) * textTokens] as const;
        const types = [...(labelled?.tokenTypes.subarray(...range) ?? [])];
        const numTokens = tokenMask.subarray(...range).filter((mask) => mask === 1).length;
        // [CLS] a ball number N [SEP] …: the premise has 4 words, N of one or two digits.
        const first = types.indexOf(1);
        expect(first).toBeGreaterThan(5);
        expect(types).toEqual(types.map((_, place) => Number(place >= first && place < numTokens)));
      }
    });
  });
});

describe("batches of choices (VCR)", () => {
  it("H-3: have four rows a sample beside one picture, and the place of the right one", async () => {
    await epochOf(optionsFor("vcr", vcr), ({ labelled, numPairs, pictureOfPair, textIds }) => {
      expect([numPairs, labelled?.labels.length]).toEqual([16, 4]);
      expect([...pictureOfPair]).toEqual([0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3]);
      for (const [sample, label] of (labelled?.labels ?? []).entries()) {
        const ids = textIds.slice(4 * sample, 4 * sample + 4);
        expect(new Set(ids).size).toBe(1);
        expect(label).toBe(Number(ids[0]?.split("-")[0]) % 4);
      }
    });
  });

  it("count all rows of a sample in the budget of tokens", async () => {
    const options = optionsFor("vcr", vcr, {
      batching: { kind: "tokens", maxTokens: 640, multipleOf: 2, bucketSize: 20 },
      text: { maxTokens: 40, longer: "drop" },
    });
    await epochOf(options, ({ numPairs, shape }) => {
      expect(numPairs * shape.textTokens).toBeLessThanOrEqual(640);
      expect(numPairs % 8).toBe(0);
    });
  });
});

describe("batches of expressions (RefCOCO)", () => {
  it("H-3: have the overlap of each region with what is meant, and 0 behind the regions", async () => {
    const options = optionsFor("expressions", expressions, {
      pictures: { kind: "none" },
      regions: { maxRegions: 5, numFeatures, numClasses },
    });
    const words = ["red", "green", "blue"];
    await epochOf(options, ({ keys, labelled, textIds }) => {
      for (const [row, id] of textIds.entries()) {
        const scene = scenes.get("expressions")?.[Number(keys[row]?.slice(5))];
        const text = scene?.texts.find((one) => one.id === id)?.text ?? "";
        const meant = words.findIndex((word) => text.includes(word));
        const overlaps = [...(labelled?.regionOverlaps ?? [])].slice(5 * row, 5 * row + 5);
        expect(overlaps[meant]).toBeCloseTo(1, 5);
        expect(overlaps.filter((overlap) => overlap > 0.99)).toHaveLength(1);
        expect(overlaps.slice(3)).toEqual([0, 0]);
      }
    });
  });
});

describe("fine-tuning batches", () => {
  it("are the same with 0 and 2 workers, and from any place on", async () => {
    const options = optionsFor("snliVe", snliVe);
    const alone = { worldSize: 1, numWorkers: 0, prefetchBatches: 1 };
    const whole = await globalBatches(options, alone, { epoch: 0, step: 0, count: 6 });
    const threads = { ...alone, numWorkers: 2, prefetchBatches: 3 };
    const later = await globalBatches(options, threads, { epoch: 0, step: 3, count: 3 });
    expect(later).toEqual(whole.slice(3));
  });

  it.each<[string, Partial<LoaderOptions>]>([
    [
      'batching.kind must be "texts" or "tokens"',
      { batching: { kind: "pictures", picturesPerBatch: 4 } },
    ],
    [
      'augment.crop must be "none", augment.flip "never"',
      { augment: { ...noAugmentation, flip: "swap-side-words" } },
    ],
    [
      '"expressions" tells regions apart, but regions is "none"',
      { pairing: { kind: "labelled", task: expressions } },
    ],
    [
      "pairing.task has a label twice",
      { pairing: { kind: "labelled", task: { ...vqa, answers: ["yes", "yes"] } } },
    ],
    ['batching.kind "texts" is for pairing.kind "labelled"', { pairing: { kind: "exact-half" } }],
  ])("are refused: %s", async (message, changes) => {
    await expect(BatchLoader.open(optionsFor("vqa", vqa, changes))).rejects.toThrow(message);
  });
});
