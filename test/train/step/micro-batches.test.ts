import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { BatchLoader } from "../../../src/loader/batch-loader.ts";
import type { Batch } from "../../../src/loader/options.ts";
import { loadTensorFlow } from "../../../src/tensor/load.ts";
import {
  type BatchPlace,
  gradientFactor,
  microBatches,
  onDevice,
} from "../../../src/train/step/micro-batches.ts";
import { type StepOutcome, StepProgram } from "../../../src/train/step/step-program.ts";
import type { VisualParsingRecipe } from "../../../src/train/recipes/visual-parsing-recipe.ts";
import { disposeState } from "../../../src/train/step/training-state.ts";
import type { System } from "../../../src/train/systems/system.ts";
import { loaderFixture } from "../../loader/loader-fixture.ts";
import { relativeL2 } from "../../models/parity-fixture.ts";
import { visualParsingSystem } from "../../../src/train/systems/visual-parsing.ts";
import { tinyRecipe } from "../tiny-run.ts";

beforeAll(loadTensorFlow);

const NUM_PICTURES = 5;
/** At least that of the fixture. */
const VOCABULARY_SIZE = 200;

const tinySystem = (recipe: VisualParsingRecipe = tinyRecipe): System =>
  visualParsingSystem(recipe, VOCABULARY_SIZE);

/** Without anything that is drawn by a pair's place: all four visual tokens are hidden. */
const undrawn: VisualParsingRecipe = {
  ...tinyRecipe,
  model: { ...tinyRecipe.model, transformer: { ...tinyRecipe.model.transformer, dropout: 0 } },
  objectives: { ...tinyRecipe.objectives, mfrMaskedTokens: 4 },
};

/** One batch of pictures whose texts have unequally many masked words. */
async function withBatch<Result>(use: (batch: Batch) => Promise<Result>): Promise<Result> {
  await using fixture = await loaderFixture();
  const system = tinySystem();
  await using loader = await BatchLoader.open(
    fixture.options({
      ...system.batches,
      batching: { kind: "pictures", picturesPerBatch: NUM_PICTURES },
      mlmProbability: 0.4,
    }),
  );
  for await (const batch of loader.batches({ epoch: 0, step: 0 })) return await use(batch);
  throw new RangeError("there is no batch");
}

interface Stepped {
  readonly weights: number[];
  readonly loss: number;
  readonly gradientNorm: number;
  readonly parts: StepOutcome["reading"]["parts"];
}

interface Slicing {
  readonly number: number;
  readonly loss?: BatchPlace["loss"];
  readonly recipe?: VisualParsingRecipe;
}

/** The first step on a batch that is taken in slices. */
async function stepped(
  batch: Batch,
  { loss = "whole-batch", number, recipe = tinyRecipe }: Slicing,
): Promise<Stepped> {
  const system = tinySystem(recipe);
  using program = new StepProgram(recipe, system);
  const slices = microBatches(batch, number);
  const countsOfSlices = slices.map(({ slice }) => system.counts(slice));
  const place = { seed: 3, step: 1, firstRow: 0, countsOfSlices, loss };
  const state = program.initialState();
  const before = tf.memory().numTensors;
  const { reading, state: next } = await program.runAccumulated({
    state,
    batches: onDevice(slices, system, place),
    gradientFactor: gradientFactor(place),
    step: 1,
    rateFactor: 1,
  });
  const weights = [...next.weights.dataSync()];
  disposeState(next);
  expect(tf.memory().numTensors).toBe(before);
  return { weights, ...reading };
}

describe("a batch in slices (T-4)", () => {
  it.each([2, 3, 5, 9])("T-4: in %i of them makes the same step as whole", async (number) => {
    await withBatch(async (batch) => {
      const [whole, sliced] = [
        await stepped(batch, { number: 1 }),
        await stepped(batch, { number }),
      ];
      expect(sliced.loss).toBeCloseTo(whole.loss, 5);
      expect(sliced.gradientNorm / whole.gradientNorm).toBeCloseTo(1, 5);
      expect(relativeL2(sliced.weights, whole.weights)).toBeLessThan(1e-6);
      for (const [name, part] of Object.entries(whole.parts)) {
        expect(sliced.parts[name]).toBeCloseTo(part, 4);
      }
    });
  });

  it("T-4: has unequally many masked words in them, which are weighted by their number", async () => {
    await withBatch((batch) => {
      const numWords = microBatches(batch, 2).map(({ slice }) => tinySystem().counts(slice)[0]);
      expect(numWords[0]).not.toBe(numWords[1]);
      return Promise.resolve();
    });
  });

  it("T-4: summed and not divided, as UNITER's code does, has N times the mean gradient", async () => {
    await withBatch(async (batch) => {
      const twice = doubled(batch);
      const [one, two] = [
        await stepped(batch, { number: 1, recipe: undrawn }),
        await stepped(twice, { number: 2, loss: "summed", recipe: undrawn }),
      ];
      expect(two.gradientNorm / one.gradientNorm).toBeCloseTo(2, 5);
      expect(two.loss).toBeCloseTo(one.loss, 5);
    });
  });
});

const twiceOf = (values: Int32Array): Int32Array => Int32Array.from([...values, ...values]);

/** A batch with its pictures twice. */
function doubled(batch: Batch): Batch {
  return {
    ...batch,
    shape: { ...batch.shape, numPictures: 2 * NUM_PICTURES },
    numPictures: 2 * NUM_PICTURES,
    numPairs: 2 * batch.numPairs,
    numRealPictures: 2 * NUM_PICTURES,
    pixels: Uint8Array.from([...batch.pixels, ...batch.pixels]),
    validHeights: twiceOf(batch.validHeights),
    validWidths: twiceOf(batch.validWidths),
    pictureOfPair: Int32Array.from([
      ...batch.pictureOfPair,
      ...batch.pictureOfPair.map((picture) => picture + NUM_PICTURES),
    ]),
    tokenIds: twiceOf(batch.tokenIds),
    tokenMask: twiceOf(batch.tokenMask),
    mlmLabels: twiceOf(batch.mlmLabels),
    matched: twiceOf(batch.matched),
    keys: [...batch.keys, ...batch.keys],
    textIds: [...batch.textIds, ...batch.textIds],
  };
}
