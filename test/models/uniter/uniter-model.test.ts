import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { noDropout } from "../../../src/models/dropout.ts";
import { regionTensors, uniterModel } from "../../../src/models/uniter/uniter.ts";
import { loadTensorFlow } from "../../../src/tensor/load.ts";
import { fixtureWeights, largestDifference, relativeL2 } from "../parity-fixture.ts";
import { firstOnes, NUM_PAIRS, REGION_COUNTS, SIZES, SLOTS, tinyBatch, tinyOutput, tinySpecs, tinyUniter } from "./tiny-uniter.ts"; // prettier-ignore

beforeAll(loadTensorFlow);

const WORDS = "embeddings.word_embeddings.weight";
const MASKS = { regionFeatures: 3, side: 10 };

describe("UNITER for evaluation", () => {
  it.each(["paper", "released"] as const)(
    "is the same model, with nothing masked (%s)",
    (preset) => {
      const config = tinyUniter(preset);
      const weights = fixtureWeights(tinySpecs(config), 4);
      const batch = { ...tinyBatch(4), masked: tf.zeros<tf.Rank.R2>([NUM_PAIRS, SLOTS.regions]) };
      const model = uniterModel(config);
      const pictures = { regionFeatures: batch.features, regionNumbers: batch.boxes, regionMask: batch.regionMask }; // prettier-ignore
      const { tokenIds, tokenMask } = batch;
      const visual = model.embed(weights, pictures);
      const output = model.fuse(weights, { tokenIds, tokenMask, visual, dropout: noDropout });
      const expected = tinyOutput(weights, config, { batch });
      expect(largestDifference(output.text.dataSync(), expected.text.dataSync())).toBe(0);
      expect(model.matchingLogits(weights, output).shape).toEqual([NUM_PAIRS, 2]);
      const states = tf.reshape<tf.Rank.R2>(output.text, [-1, SIZES.hidden]);
      expect(model.languageLogits(weights, states).shape).toEqual([NUM_PAIRS * SLOTS.text, SIZES.vocabulary]); // prettier-ignore
      expect(model.buffers).toEqual([]);
    },
  );

  it("takes a batch's regions: which rows are some, and their seven numbers", () => {
    const numRegions = Int32Array.from(REGION_COUNTS);
    const rows = NUM_PAIRS * SLOTS.regions;
    const tensors = regionTensors({
      numPictures: NUM_PAIRS,
      shape: {
        pictureHeight: 0,
        pictureWidth: 0,
        regionsPerPicture: SLOTS.regions,
        featuresPerRegion: MASKS.regionFeatures,
        classesPerRegion: 0,
      },
      pixels: new Uint8Array(),
      validHeights: new Int32Array(NUM_PAIRS).fill(MASKS.side),
      validWidths: new Int32Array(NUM_PAIRS).fill(MASKS.side),
      numRegions,
      regionBoxes: new Float32Array(4 * rows).fill(5),
      regionFeatures: new Float32Array(MASKS.regionFeatures * rows).fill(1),
    });
    const mask = [...(tensors["regionMask"]?.dataSync() ?? [])];
    expect(mask).toEqual([...firstOnes(REGION_COUNTS, SLOTS.regions).dataSync()]);
    expect(tensors["regionFeatures"]?.shape).toEqual([NUM_PAIRS, SLOTS.regions, 3]);
    const numbers = tensors["regionNumbers"]?.dataSync() ?? [];
    expect(Array.from(numbers.slice(0, 7))).toEqual([0.5, 0.5, 1, 1, 0.5, 0.5, 0.25]);
  });

  it("M-6: gives the word embeddings the gradient of both uses, as input and as decoder", () => {
    const config = tinyUniter("paper");
    const weights = fixtureWeights(tinySpecs(config), 4);
    const model = uniterModel(config);
    const batch = tinyBatch(4);
    const { tokenIds, tokenMask } = batch;
    const pictures = { regionFeatures: batch.features, regionNumbers: batch.boxes, regionMask: batch.regionMask }; // prettier-ignore
    const loss = (input: tf.Tensor, decoder: tf.Tensor): tf.Scalar => {
      const named = { ...weights, [WORDS]: input };
      const visual = model.embed(named, pictures);
      const { text } = model.fuse(named, { tokenIds, tokenMask, visual, dropout: noDropout });
      const states = tf.reshape<tf.Rank.R2>(text, [-1, SIZES.hidden]);
      return tf.mean(tf.square(model.languageLogits({ ...weights, [WORDS]: decoder }, states)));
    };
    const table = weights[WORDS] ?? tf.scalar(0);
    const both = tf
      .grad((x: tf.Tensor) => loss(x, x))(table)
      .dataSync();
    const parts = tf.grads((a: tf.Tensor, b: tf.Tensor) => loss(a, b))([table, table.clone()]);
    const sum = tf.addN(parts).dataSync();
    expect(relativeL2(both, sum)).toBeLessThan(1e-6);
    expect(parts.every((part) => (tf.norm(part).dataSync()[0] ?? 0) > 1e-3)).toBe(true);
  });
});
