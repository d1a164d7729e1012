import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { attentionBias } from "../../../src/models/bert/attention.ts";
import { embeddingSpecs, embedText } from "../../../src/models/bert/embeddings.ts";
import { encode, encoderSpecs } from "../../../src/models/bert/encoder.ts";
import { noDropout, type Dropout } from "../../../src/models/dropout.ts";
import { matrix } from "../../../src/models/ranks.ts";
import type { Weights } from "../../../src/models/weights.ts";
import { loadTensorFlow } from "../../../src/tensor/load.ts";
import { fixtureWeights, largestDifference, uniformTensor } from "../parity-fixture.ts";
import { tinyBert } from "./tiny-bert.ts";

beforeAll(loadTensorFlow);

const MASK = [
  [1, 1, 1, 1, 1, 1],
  [1, 1, 1, 0, 0, 0],
];
const REAL_ROWS = [0, 1, 2, 3, 4, 5, 6, 7, 8];

/** The outputs of real tokens [9, D] for texts whose pads hold `pad`. */
function realOutputs(weights: Weights, pad: number, dropout: Dropout = noDropout): tf.Tensor {
  const tokenIds = tf.tensor2d(
    [
      [2, 5, 6, 7, 8, 3],
      [2, 9, 3, pad, pad, pad],
    ],
    [2, 6],
    "int32",
  );
  const output = encode(weights, tinyBert, {
    tokens: embedText(weights, { tokenIds, dropout }),
    bias: attentionBias(tf.tensor2d(MASK, [2, 6], "int32")),
    dropout,
  });
  return matrix(tf.slice(tf.reshape(output, [12, 16]), 0, REAL_ROWS.length));
}

const smallWeights = (): Weights =>
  fixtureWeights([...embeddingSpecs(tinyBert), ...encoderSpecs(tinyBert)], 4);

function gradientOf(name: string, pad: number): Float32Array {
  const weights = smallWeights();
  const probe = uniformTensor(4, "probe", [9, 16]);
  const gradient = tf.grad((tensor: tf.Tensor) =>
    tf.sum(tf.mul(realOutputs({ ...weights, [name]: tensor }, pad), probe)),
  )(weights[name] ?? probe);
  return Float32Array.from(gradient.dataSync());
}

describe("pads", () => {
  it("B-3: change no real token, whatever they hold", () => {
    const [zero, other] = [0, 13].map((pad) => realOutputs(smallWeights(), pad).dataSync());
    expect(largestDifference(zero ?? [], other ?? [])).toBeLessThan(1e-6);
  });

  it.each([
    "encoder.layer.0.attention.self.value.weight",
    "encoder.layer.1.intermediate.dense.weight",
    "embeddings.position_embeddings.weight",
  ])("B-3: change no gradient of %s", (name) => {
    expect(largestDifference(gradientOf(name, 0), gradientOf(name, 13))).toBeLessThan(1e-6);
  });

  it("B-3: get no gradient themselves", () => {
    const gradient = gradientOf("embeddings.word_embeddings.weight", 13);
    expect(gradient.subarray(13 * 16, 14 * 16).every((value) => value === 0)).toBe(true);
  });
});

describe("the key's bias", () => {
  it("B-5: changes nothing", () => {
    const weights = smallWeights();
    const name = "encoder.layer.0.attention.self.key.bias";
    const moved = { ...weights, [name]: tf.add(weights[name] ?? 0, 2) };
    const difference = largestDifference(
      realOutputs(moved, 0).dataSync(),
      realOutputs(weights, 0).dataSync(),
    );
    expect(difference).toBeLessThan(1e-5);
  });
});

describe("dropout", () => {
  it("is asked for the embeddings, each attention and each branch", () => {
    const shapes: string[] = [];
    realOutputs(smallWeights(), 0, () => (x) => {
      shapes.push(x.shape.join("x"));
      return x;
    });
    const layer = ["2x2x6x6", "2x6x16", "2x6x16"];
    expect(shapes).toEqual(["2x6x16", ...layer, ...layer]);
  });
});

describe("text embeddings", () => {
  it("are the normalised sum of word, position and token type", () => {
    const weights = smallWeights();
    const tokenIds = tf.tensor2d([[4, 4]], [1, 2], "int32");
    const [words, positions] = ["word", "position"].map(
      (kind) => weights[`embeddings.${kind}_embeddings.weight`],
    );
    const types = weights["embeddings.token_type_embeddings.weight"] ?? [];
    const placed = tf.add(tf.slice(words ?? [], 4, 1), tf.slice(positions ?? [], 0, 2));
    const sum = tf.add(placed, tf.slice(types, 1, 1));
    const { mean, variance } = tf.moments(sum, -1, true);
    const normalised = tf.div(tf.sub(sum, mean), tf.sqrt(tf.add(variance, 1e-12)));
    const expected = tf.add(
      tf.mul(normalised, weights["embeddings.LayerNorm.weight"] ?? 1),
      weights["embeddings.LayerNorm.bias"] ?? 0,
    );
    for (const tokenTypes of [1, tf.tensor2d([[1, 1]], [1, 2], "int32")]) {
      const actual = embedText(weights, { tokenIds, tokenTypes, dropout: noDropout });
      expect(actual.shape).toEqual([1, 2, 16]);
      expect(largestDifference(actual.dataSync(), expected.dataSync())).toBeLessThan(1e-5);
    }
  });
});
