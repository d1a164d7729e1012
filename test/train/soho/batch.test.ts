import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { imageKey } from "../../../src/core/keys.ts";
import type { Batch } from "../../../src/loader/options.ts";
import { loadTensorFlow } from "../../../src/tensor/load.ts";
import type { SohoRecipe } from "../../../src/train/recipes/soho-recipe.ts";
import { sohoSystem } from "../../../src/train/systems/soho.ts";
import type { BatchContext, StepBatch } from "../../../src/train/systems/system.ts";
import { tinySohoRecipe, VOCABULARY_SIZE } from "./tiny-soho.ts";

beforeAll(loadTensorFlow);

const recipe: SohoRecipe = {
  ...tinySohoRecipe,
  model: {
    ...tinySohoRecipe.model,
    dictionary: { ...tinySohoRecipe.model.dictionary, restartAfterSteps: 5 },
  },
  optimisation: { ...tinySohoRecipe.optimisation, frozenVisualEpochs: 10 },
};

const context: BatchContext = { seed: 3, step: 5, firstPair: 0, epoch: 0, totals: [0, 4, 2] };

/** Two pictures in a frame of 128 x 192, which has 2 x 3 cells; of the second, 64 x 128 is no padding. */
const batch: Batch = {
  epoch: 0,
  batchIndex: 0,
  shape: {
    numPictures: 2,
    textsPerPicture: 2,
    textTokens: 3,
    pictureHeight: 128,
    pictureWidth: 192,
    regionsPerPicture: 0,
    featuresPerRegion: 0,
    classesPerRegion: 0,
    hasTextBoxes: false,
    hasRegionMasks: false,
  },
  numPictures: 2,
  numPairs: 4,
  numRealPictures: 2,
  pixels: new Uint8Array(2 * 128 * 192 * 3),
  validHeights: Int32Array.of(128, 64),
  validWidths: Int32Array.of(192, 128),
  pictureOfPair: Int32Array.of(0, 0, 1, 1),
  tokenIds: new Int32Array(12),
  tokenMask: new Int32Array(12).fill(1),
  mlmLabels: new Int32Array(12).fill(-1),
  matched: Int32Array.of(1, 0, 1, 0),
  numRegions: new Int32Array(),
  regionBoxes: new Float32Array(),
  regionFeatures: new Float32Array(),
  classProbabilities: new Float32Array(),
  textBoxes: new Float32Array(),
  hasTextBox: new Int32Array(),
  maskedRegions: new Int32Array(),
  keys: [imageKey("coco", "1"), imageKey("coco", "2")],
  textIds: ["a", "b", "c", "d"],
  task: null,
  statistics: { numRedraws: 0, numRepeats: 0, numCutTexts: 0, numDroppedTexts: 0, skipped: [] },
};

const onDevice = (changes: Partial<BatchContext>, of: Batch = batch): StepBatch =>
  sohoSystem(recipe, VOCABULARY_SIZE).deviceBatch(of, { ...context, ...changes });

function valuesOf(name: string, changes: Partial<BatchContext>, of: Batch = batch): number[] {
  const { tensors } = onDevice(changes, of);
  const values = [...(tensors[name]?.dataSync() ?? [])];
  tf.dispose(Object.values(tensors));
  return values;
}

/** One picture of the batch with its pairs, from this pair on. */
const half = (first: number): Batch => ({
  ...batch,
  numPairs: 2,
  numPictures: 1,
  pictureOfPair: Int32Array.of(0, 0),
  validHeights: batch.validHeights.slice(first / 2, first / 2 + 1),
  validWidths: batch.validWidths.slice(first / 2, first / 2 + 1),
  tokenIds: new Int32Array(6),
  tokenMask: new Int32Array(6),
  matched: Int32Array.of(1, 0),
  pixels: new Uint8Array(128 * 192 * 3),
});

describe("a batch for SOHO", () => {
  it("R-5: trains all parts from epoch 10 on, and not before", () => {
    const variants = [0, 9, 10, 11].map((epoch) => onDevice({ epoch }).variant);
    expect(variants).toEqual(["frozen-backbone", "frozen-backbone", "all-parts", "all-parts"]);
  });

  it("draws MVM's numbers by seed, step and pair of the global batch, and one location for all ranks", () => {
    const whole = valuesOf("mvmUniforms", {});
    expect(valuesOf("mvmUniforms", {})).toEqual(whole);
    expect(valuesOf("mvmUniforms", { step: 6 })).not.toEqual(whole);
    expect(valuesOf("mvmUniforms", { firstPair: 2 }).slice(0, 2)).toEqual(whole.slice(2));
    expect(valuesOf("mvmLocation", { firstPair: 2 })).toEqual(valuesOf("mvmLocation", {}));
    expect(whole.every((uniform) => uniform >= 0 && uniform < 1)).toBe(true);
  });

  it("V-8: draws features to begin anew at from cells that lie in their picture", () => {
    const places = [1, 2, 3, 4].map((step) => valuesOf("restartPlaces", { step }));
    expect(places[0]).toEqual(valuesOf("restartPlaces", { step: 1 }));
    expect(places[0]).not.toEqual(places[1]);
    // All six cells of the first picture, and two of the first row of the second.
    expect(new Set(places.flat())).toEqual(new Set([0, 1, 2, 3, 4, 5, 6, 7]));
  });

  it("V-8: lets each feature be offered by the one rank that holds its pair", () => {
    const owned = [0, 2].map((firstPair) =>
      valuesOf("restartIsOwn", { firstPair }, half(firstPair)),
    );
    expect(owned[0]?.map((own, code) => own + (owned[1]?.[code] ?? 0))).toEqual(
      Array.from({ length: 12 }, () => 1),
    );
    const whole = valuesOf("restartPlaces", {});
    const parts = [0, 2].map((firstPair) =>
      valuesOf("restartPlaces", { firstPair }, half(firstPair)),
    );
    const joined = whole.map((_, code) =>
      owned[0]?.[code] === 1 ? parts[0]?.[code] : 6 + (parts[1]?.[code] ?? 0),
    );
    expect(joined).toEqual(whole);
  });
});
