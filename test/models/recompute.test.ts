import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { attentionBias } from "../../src/models/bert/attention.ts";
import { encode, encoderSpecs } from "../../src/models/bert/encoder.ts";
import { noDropout, type Dropout } from "../../src/models/dropout.ts";
import { tensor3, vector } from "../../src/models/ranks.ts";
import { recomputed, type ModelPart } from "../../src/models/recompute.ts";
import type { Weights } from "../../src/models/weights.ts";
import { compile } from "../../src/tensor/compiled/compiled-step.ts";
import { loadTensorFlow } from "../../src/tensor/load.ts";
import { keyedDropout } from "../../src/train/step/keyed-dropout.ts";
import { tinyBert } from "./bert/tiny-bert.ts";
import { fixtureWeights, relativeL2, uniformTensor } from "./parity-fixture.ts";

beforeAll(loadTensorFlow);

const [BATCH, LENGTH, SIZE] = [2, 6, tinyBert.hiddenSize];
const specs = encoderSpecs(tinyBert);

interface Run {
  readonly loss: number;
  readonly gradients: Float32Array[];
}

const dropoutOf = (rate: number): Dropout =>
  keyedDropout(rate, { randomKey: tf.tensor1d([7, 3, 0], "int32"), numPairs: BATCH });

/** Loss and gradients, of the tokens first, of an encoder under dropout. */
function runOf(recompute: boolean, rate: number): Run {
  const weights = fixtureWeights(specs, 4);
  // Made before the forward pass, whose tensors are gone when a layer is computed again.
  const dropout = rate === 0 ? noDropout : dropoutOf(rate);
  const inputs = [uniformTensor(4, "tokens", [BATCH, LENGTH, SIZE]), ...Object.values(weights)];
  const { grads, value } = tf.valueAndGrads((tokens: tf.Tensor, ...tensors: tf.Tensor[]) => {
    const named: Weights = Object.fromEntries(
      Object.keys(weights).map((name, place) => [name, tensors[place] ?? tokens]),
    );
    const mask = tf.tensor2d([1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0], [BATCH, LENGTH], "int32");
    const output = encode(
      named,
      { ...tinyBert, recompute },
      {
        tokens: tensor3(tokens),
        bias: attentionBias(mask),
        dropout,
      },
    );
    return tf.sum(tf.mul(output, uniformTensor(4, "probe", [BATCH, LENGTH, SIZE])));
  })(inputs);
  return {
    loss: value.dataSync()[0] ?? Number.NaN,
    gradients: grads.map((gradient) => Float32Array.from(gradient.dataSync())),
  };
}

/** The worst relative difference of a gradient; key biases, whose gradient is noise, are left out. */
function worstDifference(actual: Run, expected: Run): number {
  const names = ["tokens", ...specs.map(({ name }) => name)];
  return Math.max(
    ...actual.gradients.map((gradient, place) =>
      names[place]?.endsWith("key.bias") === true
        ? 0
        : relativeL2(gradient, expected.gradients[place] ?? []),
    ),
  );
}

/** exp(2 x) */
const doubledExponential: ModelPart = {
  weights: [],
  constants: [],
  run: (x) => tf.exp(tf.mul(x, 2)),
};

describe("computing layers again in the backward pass", () => {
  it.each([0, 0.3])("B-7: changes neither loss nor gradients, with dropout %d", (rate) => {
    const [kept, again] = [runOf(false, rate), runOf(true, rate)];
    expect(again.loss).toBe(kept.loss);
    expect(worstDifference(again, kept)).toBeLessThan(1e-6);
  });

  it("B-7: would be seen if the second computation drew anew", () => {
    expect(worstDifference(runOf(true, 0.3), runOf(true, 0))).toBeGreaterThan(1e-2);
  });

  it("keeps nothing when it is done", () => {
    runOf(true, 0.3);
    const before = tf.memory().numTensors;
    tf.tidy(() => void runOf(true, 0.3));
    expect(tf.memory().numTensors).toBe(before);
  });

  it("is the same inside a compiled step", () => {
    const x = uniformTensor(1, "x", [2, 3]);
    using step = compile(([input]) => {
      const gradient = tf.grad((value: tf.Tensor) =>
        tf.sum(recomputed({}, doubledExponential, value)),
      )(vector(tf.reshape(input ?? x, [-1])));
      return [gradient];
    });
    const expected = tf.mul(tf.exp(tf.mul(x, 2)), 2).dataSync();
    for (const _ of [1, 2]) {
      expect(relativeL2(step.run([x])[0]?.dataSync() ?? [], expected)).toBeLessThan(1e-6);
    }
  });
});
