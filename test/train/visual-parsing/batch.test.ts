import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { BatchLoader } from "../../../src/loader/batch-loader.ts";
import { imageKey } from "../../../src/core/keys.ts";
import type { Batch } from "../../../src/loader/options.ts";
import { tensorFlowBackend } from "../../../src/tensor/backend.ts";
import { loadTensorFlow } from "../../../src/tensor/load.ts";
import {
  batchCounts,
  deviceBatch,
  type MaskingContext,
} from "../../../src/train/visual-parsing/batch.ts";
import type { VisualParsingBatch } from "../../../src/train/visual-parsing/losses.ts";
import { loaderFixture } from "../../loader/loader-fixture.ts";

beforeAll(loadTensorFlow);

const shape = {
  numPictures: 2,
  textsPerPicture: 2,
  textTokens: 10,
  pictureHeight: 2,
  pictureWidth: 2,
  regionsPerPicture: 0,
  featuresPerRegion: 0,
  classesPerRegion: 0,
  hasTextBoxes: false,
  hasRegionMasks: false,
};
const context: MaskingContext = {
  visualTokens: 49,
  randomTokens: 0,
  seed: 3,
  step: 5,
  firstPair: 0,
  epoch: 0,
  totals: [4, 8, 4],
};

/** A batch of 2 pictures and 4 pairs; `predicted` are the places of words to predict, each with its place as label. */
function batchOf(predicted: readonly number[]): Batch {
  const mlmLabels = new Int32Array(40).fill(-1);
  for (const place of predicted) mlmLabels[place] = place;
  return {
    epoch: 0,
    batchIndex: 0,
    shape,
    numPictures: 2,
    numPairs: 4,
    numRealPictures: 2,
    pixels: Uint8Array.from({ length: 24 }, (_, place) => place * 10),
    validHeights: Int32Array.of(2, 2),
    validWidths: Int32Array.of(2, 2),
    pictureOfPair: Int32Array.of(0, 0, 1, 1),
    tokenIds: Int32Array.from({ length: 40 }, (_, place) => place),
    tokenMask: new Int32Array(40).fill(1),
    mlmLabels,
    matched: Int32Array.of(1, 0, 1, 0),
    numRegions: new Int32Array(),
    regionBoxes: new Float32Array(),
    regionFeatures: new Float32Array(),
    classProbabilities: new Float32Array(),
    textBoxes: new Float32Array(),
    hasTextBox: new Int32Array(),
    keys: [imageKey("coco", 1), imageKey("coco", 2)],
    textIds: ["a", "b", "c", "d"],
    maskedRegions: new Int32Array(),
    task: null,
    statistics: { numRedraws: 0, numRepeats: 0, numCutTexts: 0, numDroppedTexts: 0, skipped: [] },
  };
}

const pivotsFrom = (firstPair: number): number[] =>
  valuesOf(deviceBatch(batchOf([]), { ...context, firstPair }), "pivots");

const valuesOf = (batch: VisualParsingBatch, name: keyof VisualParsingBatch): number[] => [
  ...(batch[name]?.dataSync() ?? []),
];

const pivotsAt = (step: number, seed = 3): number[] =>
  valuesOf(deviceBatch(batchOf([]), { ...context, seed, step }), "pivots");

describe("a batch on the device", () => {
  it("has the loader's numbers in their shapes", () => {
    const loaded = batchOf([]);
    const batch = deviceBatch(loaded, context);
    expect(batch.pixels.shape).toEqual([2, 2, 2, 3]);
    expect(batch.tokenIds.shape).toEqual([4, 10]);
    for (const name of ["pixels", "pictureOfPair", "tokenIds", "tokenMask", "matched"] as const) {
      expect(batch[name].dtype).toBe("int32");
      expect(valuesOf(batch, name)).toEqual([...loaded[name]]);
    }
  });

  it("keeps its numbers when the loader takes its arrays back", () => {
    const loaded = batchOf([4]);
    const batch = deviceBatch(loaded, context);
    const names = ["pictureOfPair", "tokenIds", "tokenMask", "matched"] as const;
    const before = names.map((name) => valuesOf(batch, name));
    for (const name of names) loaded[name].fill(7);
    expect(names.map((name) => valuesOf(batch, name))).toEqual(before);
  });

  it("looks at pictures that begin on 64 bytes where they lie, until it is disposed", () => {
    const pixels = Uint8Array.from({ length: 24 }, (_, place) => place);
    const shared = new Uint8Array(new SharedArrayBuffer(24, { maxByteLength: 24 }));
    shared.set(pixels);
    const batch = deviceBatch({ ...batchOf([4]), pixels: shared }, context);
    const { binding } = tensorFlowBackend();
    expect(valuesOf(batch, "pixels")).toEqual([...pixels]);
    expect(binding.getNumOfBorrowedBuffers()).toBe(1);
    tf.dispose(Object.values(batch));
    expect(binding.getNumOfBorrowedBuffers()).toBe(0);
  });

  it("holds the pictures of a loader byte by byte", async () => {
    await using fixture = await loaderFixture();
    await using loader = await BatchLoader.open(fixture.options({}));
    for await (const loaded of loader.batches({ epoch: 0, step: 0 })) {
      const batch = deviceBatch(loaded, context);
      expect(valuesOf(batch, "pixels")).toEqual([...loaded.pixels]);
      tf.dispose(Object.values(batch));
      break;
    }
  });

  it.each([
    { predicted: [], padded: 32 },
    { predicted: [3, 17, 39], padded: 32 },
    { predicted: Array.from({ length: 33 }, (_, place) => place), padded: 64 },
  ])("pads its predicted words to $padded, those of weight 0", ({ predicted, padded }) => {
    const batch = deviceBatch(batchOf(predicted), context);
    const padding = Array.from({ length: padded - predicted.length }, () => 0);
    expect(valuesOf(batch, "maskedRows")).toEqual([...predicted, ...padding]);
    expect(valuesOf(batch, "maskedLabels")).toEqual([...predicted, ...padding]);
    expect(valuesOf(batch, "maskedWeights")).toEqual([...predicted.map(() => 1), ...padding]);
  });

  it("F-1: draws its pivots by seed, step and pair, evenly over the visual tokens", () => {
    expect(pivotsAt(5)).toEqual(pivotsAt(5));
    expect(pivotsAt(6)).not.toEqual(pivotsAt(5));
    expect(pivotsAt(5, 4)).not.toEqual(pivotsAt(5));
    const drawn = Array.from({ length: 2000 }, (_, step) => pivotsAt(step)).flat();
    const counts = Array.from(
      { length: 49 },
      (_, token) => drawn.filter((pivot) => pivot === token).length,
    );
    const expected = drawn.length / 49;
    const chiSquare = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    expect(chiSquare).toBeLessThan(84.04); // 48 degrees of freedom, p = 0.001
  });
});

describe("tokens that chance hides", () => {
  it("F-8: come with the batch, as many as asked for, where chance chooses", () => {
    const batch = deviceBatch(batchOf([]), { ...context, randomTokens: 7 });
    expect(batch.randomTokens?.shape).toEqual([4, 7]);
    expect(deviceBatch(batchOf([]), context).randomTokens).toBeUndefined();
  });
});

describe("a rank's share of a batch", () => {
  it("draws the pivots of its place in the global batch", () => {
    expect(pivotsFrom(2).slice(0, 2)).toEqual(pivotsFrom(0).slice(2));
  });

  it("counts what its losses are means over, padding left out", () => {
    const padded = { ...batchOf([3, 17, 39]), matched: Int32Array.of(1, 0, -1, -1) };
    expect(batchCounts(padded)).toEqual([3, 2, 1]);
  });

  it("says how much of the global batch it is, 0 of nothing", () => {
    const batch = deviceBatch(batchOf([]), { ...context, totals: [0, 8, 4] });
    expect(valuesOf(batch, "shares")).toEqual([0, 0.5, 0.5]);
  });
});

describe("what a batch takes", () => {
  it("is given back tensor by tensor", () => {
    const before = tf.memory().numTensors;
    tf.dispose(Object.values(deviceBatch(batchOf([1]), context)));
    expect(tf.memory().numTensors).toBe(before);
  });
});
