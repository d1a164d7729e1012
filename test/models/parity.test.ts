import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { attentionBias } from "../../src/models/bert/attention.ts";
import { embeddingSpecs, embedText } from "../../src/models/bert/embeddings.ts";
import { encode, encoderSpecs } from "../../src/models/bert/encoder.ts";
import { noDropout, wholeDepth } from "../../src/models/dropout.ts";
import type { BertConfig } from "../../src/models/bert/config.ts";
import { matrix, tensor3, tensor4 } from "../../src/models/ranks.ts";
import { attentionOverPicture } from "../../src/models/swin/output.ts";
import { swinForward } from "../../src/models/swin/swin.ts";
import { swinSpecs } from "../../src/models/swin/specs.ts";
import type { SwinConfig } from "../../src/models/swin/config.ts";
import type { Weights } from "../../src/models/weights.ts";
import { loadTensorFlow } from "../../src/tensor/load.ts";
import {
  fixtureWeights,
  largest,
  largestDifference,
  readFixture,
  relativeL2,
  uniformTensor,
  type Fixture,
} from "./parity-fixture.ts";

// References: PyTorch 2.13.0 and transformers 5.23.0 in float64 (fixtures/make-fixtures.py).

const swin: SwinConfig = {
  imageSize: 24,
  patchSize: 4,
  embedDim: 12,
  depths: [2, 2],
  heads: [2, 4],
  windowSize: 3,
  mlpRatio: 2,
  stochasticDepth: 0,
};

const bert: BertConfig = {
  vocabularySize: 30,
  hiddenSize: 32,
  layers: 2,
  heads: 4,
  intermediateSize: 64,
  maxPositions: 12,
  tokenTypes: 0,
  dropout: 0,
  recompute: false,
};

const VISUAL_INPUT = "visual";
const TOKEN_IDS = [
  [2, 5, 6, 7, 8, 9, 3],
  [2, 11, 5, 3, 0, 0, 0],
];

/** All gradients of the probed sum of a model's output, by the names of `weights`. */
function probedGradients(
  weights: Weights,
  probe: tf.Tensor,
  forward: (weights: Weights) => tf.Tensor,
): ReadonlyMap<string, Float32Array> {
  const names = Object.keys(weights);
  const gradients = tf.grads((...tensors: tf.Tensor[]) => {
    const named = Object.fromEntries(
      names.map((name, place) => [name, tensors[place] ?? probe] as const),
    );
    return tf.sum(tf.mul(forward(named), probe));
  })(Object.values(weights));
  return new Map(
    names.map((name, place) => [name, Float32Array.from(gradients[place]?.dataSync() ?? [])]),
  );
}

/** The part of a key's bias in query, key and value joined. */
function withoutKeyBias(values: Float32Array): { rest: number[]; key: Float32Array } {
  const size = values.length / 3;
  return {
    rest: [...values.subarray(0, size), ...values.subarray(2 * size)],
    key: values.subarray(size, 2 * size),
  };
}

function faultsOf(gradients: ReadonlyMap<string, Float32Array>, fixture: Fixture): string[] {
  return [...gradients].flatMap(([name, actual]) => {
    const expected = fixture.values(`gradient/${name}`);
    if (name.endsWith("self.key.bias")) {
      const queryBias = fixture.values(`gradient/${name.replace("key", "query")}`);
      return largest(actual) <= 1e-6 * largest(queryBias) ? [] : [`${name}: not zero`];
    }
    const isJoined = name.endsWith("qkv.bias");
    const [ours, theirs] = [actual, expected].map((values) =>
      isJoined ? withoutKeyBias(values).rest : values,
    );
    const error = relativeL2(ours ?? [], theirs ?? []);
    const keyBias = isJoined ? largest(withoutKeyBias(actual).key) : 0;
    return error <= 1e-4 && keyBias <= 1e-6 * largest(expected) ? [] : [`${name}: ${error}`];
  });
}

beforeAll(loadTensorFlow);

async function loadedSwin(): Promise<{ fixture: Fixture; weights: Weights; pixels: tf.Tensor4D }> {
  const fixture = await readFixture("models/fixtures/swin.safetensors");
  const weights = fixtureWeights(swinSpecs(swin), fixture.seed);
  const pixels = tensor4(uniformTensor(fixture.seed, "pixels", [2, 24, 24, 3]));
  return { fixture, weights, pixels };
}

async function loadedBert(): Promise<{ fixture: Fixture; weights: Weights }> {
  const fixture = await readFixture("models/fixtures/bert.safetensors");
  const specs = [...embeddingSpecs(bert), ...encoderSpecs(bert)];
  const visual = uniformTensor(fixture.seed, VISUAL_INPUT, [2, 4, 32]);
  return { fixture, weights: { ...fixtureWeights(specs, fixture.seed), [VISUAL_INPUT]: visual } };
}

function joinedBert(weights: Weights): { text: tf.Tensor3D; joint: tf.Tensor3D } {
  const tokenIds = tf.tensor2d(TOKEN_IDS, [2, 7], "int32");
  const text = embedText(weights, { tokenIds, dropout: noDropout });
  const isToken = tf.cast(tf.greater(tokenIds, 0), "int32");
  const mask = matrix(tf.concat([isToken, tf.ones([2, 4], "int32")], 1));
  const visual = tensor3(weights[VISUAL_INPUT] ?? text);
  const input = {
    tokens: tensor3(tf.concat([text, visual], 1)),
    bias: attentionBias(mask),
    dropout: noDropout,
  };
  return { text, joint: encode(weights, bert, input) };
}

describe("Swin against transformers (S-8, S-9)", () => {
  it("has the same tokens and the same last attention", async () => {
    const { fixture, weights, pixels } = await loadedSwin();
    const output = swinForward(weights, swin, { pixels, depth: wholeDepth });
    const { tokens } = output;
    expect(largestDifference(tokens.dataSync(), fixture.values("tokens"))).toBeLessThan(2e-4);
    expect(relativeL2(tokens.dataSync(), fixture.values("tokens"))).toBeLessThan(1e-5);
    const weightsOfLast = attentionOverPicture(output).dataSync();
    expect(largestDifference(weightsOfLast, fixture.values("attention"))).toBeLessThan(1e-5);
  });

  it("has the same gradient for every weight; the key bias has none", async () => {
    const { fixture, weights, pixels } = await loadedSwin();
    const probe = uniformTensor(fixture.seed, "probe", [2, 9, 24]);
    const gradients = probedGradients(
      weights,
      probe,
      (named) => swinForward(named, swin, { pixels, depth: wholeDepth }).tokens,
    );
    expect(faultsOf(gradients, fixture)).toEqual([]);
    const expected = fixture.names.filter((name) => name.startsWith("gradient/"));
    expect(gradients.size).toBe(expected.length);
  });
});

describe("BERT against transformers (B-2)", () => {
  it("has the same embeddings and the same output behind text, pads and visual tokens", async () => {
    const { fixture, weights } = await loadedBert();
    const { joint, text } = joinedBert(weights);
    expect(largestDifference(text.dataSync(), fixture.values("text"))).toBeLessThan(1e-5);
    expect(largestDifference(joint.dataSync(), fixture.values("joint"))).toBeLessThan(1e-4);
    expect(relativeL2(joint.dataSync(), fixture.values("joint"))).toBeLessThan(1e-5);
  });

  it("has the same gradient for every weight and for the visual tokens; the key bias has none", async () => {
    const { fixture, weights } = await loadedBert();
    const probe = uniformTensor(fixture.seed, "probe", [2, 11, 32]);
    const gradients = probedGradients(weights, probe, (named) => joinedBert(named).joint);
    expect(faultsOf(gradients, fixture)).toEqual([]);
    const expected = fixture.names.filter((name) => name.startsWith("gradient/"));
    expect(gradients.size).toBe(expected.length);
  });
});
