import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { tensor3 } from "../../../src/models/ranks.ts";
import { uniterBase, uniterLarge, uniterSpecs } from "../../../src/models/uniter/config.ts";
import { embedRegions, imageEmbeddingSpecs } from "../../../src/models/uniter/image-embedding.ts";
import { uniterPaper, uniterPresets, uniterReleased } from "../../../src/models/uniter/switches.ts";
import { initialiseWeights, type Weights, type WeightSpec } from "../../../src/models/weights.ts";
import { loadTensorFlow } from "../../../src/tensor/load.ts";
import { fixtureWeights, largestDifference, uniform } from "../parity-fixture.ts";
import { tinyBatch, tinyOutput, tinySpecs, tinyUniter } from "./tiny-uniter.ts";

beforeAll(loadTensorFlow);

const full = { hiddenSize: 768, regionFeatures: 2048 };
const types: WeightSpec = { name: "embeddings.token_type_embeddings.weight", shape: [2, 768], initialisation: "truncated-normal" }; // prettier-ignore

const drawn = (name: string, shape: [number, number, number]): tf.Tensor3D =>
  tf.abs(tf.tensor3d(uniform(2, name, shape), shape));

const freshWeights = (switches: typeof uniterPaper): Weights =>
  initialiseWeights([...imageEmbeddingSpecs(full, switches), types], { seed: 1, scale: "published" }); // prettier-ignore

const namesOf = (switches: typeof uniterPaper): string[] =>
  imageEmbeddingSpecs(full, switches).map(({ name }) => name);

describe("the image embedding", () => {
  it.each(["paper", "released"] as const)(
    "U-1, U-2: gives (B, K, 768) of (B, K, 2048) and (B, K, 7), rows of mean 0 and variance 1 when fresh (%s)",
    (preset) => {
      const switches = uniterPresets[preset];
      const regions = { features: drawn("f", [2, 3, 2048]), boxes: drawn("b", [2, 3, 7]) };
      const embedded = embedRegions(freshWeights(switches), regions, switches);
      expect(embedded.shape).toEqual([2, 3, 768]);
      const { mean, variance } = tf.moments(embedded, 2);
      expect(Math.max(...tf.abs(mean).dataSync())).toBeLessThan(1e-4);
      expect(Math.max(...tf.abs(tf.sub(variance, 1)).dataSync())).toBeLessThan(1e-4);
    },
  );

  it("U-2: has inner norms by a switch, which change it", () => {
    const added = namesOf(uniterReleased).filter((name) => !namesOf(uniterPaper).includes(name));
    expect(added).toEqual([
      "img_embeddings.img_layer_norm.weight",
      "img_embeddings.img_layer_norm.bias",
      "img_embeddings.pos_layer_norm.weight",
      "img_embeddings.pos_layer_norm.bias",
      "img_embeddings.mask_embedding.weight",
    ]);
    const regions = { features: drawn("f", [1, 2, 2048]), boxes: drawn("b", [1, 2, 7]) };
    const weights = freshWeights(uniterReleased);
    const [one, other] = [true, false].map((innerNorms) =>
      embedRegions(weights, regions, { innerNorms, learnedMaskVector: true }).dataSync(),
    );
    expect(largestDifference(one ?? [], other ?? [])).toBeGreaterThan(1e-2);
  });

  it.each(["paper", "released"] as const)(
    "U-3: keeps nothing of a masked region's features, in value and gradient (%s)",
    (preset) => {
      const config = tinyUniter(preset);
      const weights = fixtureWeights(tinySpecs(config), 3);
      const batch = tinyBatch(3);
      const outputs = (features: tf.Tensor): tf.Tensor => {
        const { text, visual } = tinyOutput(weights, config, {
          batch: { ...batch, features: tensor3(features) },
        });
        return tf.concat([text, visual], 1);
      };
      const gradient = tf.grad((features: tf.Tensor) => tf.sum(tf.square(outputs(features))))(batch.features); // prettier-ignore
      const perRegion = tf.sum(tf.abs(gradient), 2).dataSync();
      const isReal = batch.regionMask.dataSync();
      const masked = batch.masked.dataSync();
      const sums = (wanted: number): number[] =>
        [...perRegion].filter((_, row) => masked[row] === wanted && isReal[row] === 1);
      expect(sums(1)).toEqual([0, 0, 0, 0]);
      expect(Math.min(...sums(0))).toBeGreaterThan(0);
      const shifted = tf.add(batch.features, tf.mul(tf.expandDims(batch.masked, 2), 1e6));
      expect([...outputs(shifted).dataSync()]).toEqual([...outputs(batch.features).dataSync()]);
    },
  );

  it("U-3: gives the learned vector a gradient in released; paper has none", () => {
    const config = tinyUniter("released");
    const weights = fixtureWeights(tinySpecs(config), 3);
    const name = "img_embeddings.mask_embedding.weight";
    const gradient = tf.grad((table: tf.Tensor) =>
      tf.sum(
        tf.square(tinyOutput({ ...weights, [name]: table }, config, { batch: tinyBatch(3) }).text),
      ),
    )(weights[name] ?? tf.scalar(0));
    const [unused, vector] = tf.sum(tf.abs(gradient), 1).dataSync();
    expect(unused).toBe(0);
    expect(vector).toBeGreaterThan(0);
    expect(tinySpecs(tinyUniter("paper")).map((spec) => spec.name)).not.toContain(name);
  });
});

const countOf = (config: typeof uniterBase): number =>
  uniterSpecs(config)
    .filter(({ name }) => /^(encoder|img_embeddings)\./.test(name))
    .reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);

const firstOf = <R extends tf.Rank>(x: tf.Tensor<R>): tf.Tensor<R> => tf.slice(x, 0, 1);

describe("UNITER's Transformer", () => {
  it("B-4: permutes region outputs with the regions and their boxes, and leaves the text's alone", () => {
    const config = tinyUniter("released");
    const weights = fixtureWeights(tinySpecs(config), 3);
    const batch = tinyBatch(3);
    // Of the first pair, whose five regions are all real.
    const order = [3, 0, 4, 1, 2];
    const permuted = <T extends tf.Tensor>(x: T): T => tf.gather(x, order, 1);
    const one = {
      tokenIds: firstOf(batch.tokenIds),
      tokenMask: firstOf(batch.tokenMask),
      regionMask: firstOf(batch.regionMask),
      features: firstOf(batch.features),
      boxes: firstOf(batch.boxes),
      masked: firstOf(batch.masked),
    };
    const moved = {
      ...one,
      features: permuted(one.features),
      boxes: permuted(one.boxes),
      masked: permuted(one.masked),
    };
    const [before, after] = [one, moved].map((regions) => tinyOutput(weights, config, { batch: regions })); // prettier-ignore
    expect(largestDifference(before?.text.dataSync() ?? [], after?.text.dataSync() ?? [])).toBeLessThan(1e-5); // prettier-ignore
    const expected = before === undefined ? tf.scalar(0) : permuted(before.visual);
    expect(largestDifference(after?.visual.dataSync() ?? [], expected.dataSync())).toBeLessThan(1e-5); // prettier-ignore
    const unmoved = largestDifference(before?.visual.dataSync() ?? [], expected.dataSync());
    expect(unmoved).toBeGreaterThan(1e-2);
  });

  it("has the paper's 86 and 303 million parameters in its layers and image embedding", () => {
    expect(Math.floor(countOf(uniterBase) / 1e6)).toBe(86);
    const embedding = 2048 * 768 + 768 + 7 * 768 + 768 + 2 * 768;
    expect(countOf(uniterBase)).toBe(85_054_464 + embedding);
    expect(Math.abs(countOf(uniterLarge) / 303e6 - 1)).toBeLessThan(0.01);
  });
});
