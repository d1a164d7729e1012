import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import {
  BERT_NORM_EPSILON,
  gelu,
  layerNorm,
  linear,
  permuteTokens,
  stopGradient,
} from "../../src/models/layers.ts";
import { loadTensorFlow } from "../../src/tensor/load.ts";
import { largestDifference, relativeL2, uniformTensor } from "./parity-fixture.ts";

beforeAll(loadTensorFlow);

const options = { name: "norm", epsilon: 1e-5 };

/** The plain formula, which tfjs differentiates by itself. */
function plainNorm(x: tf.Tensor, scale: tf.Tensor, shift: tf.Tensor): tf.Tensor {
  const { mean, variance } = tf.moments(x, -1, true);
  const normalised = tf.div(tf.sub(x, mean), tf.sqrt(tf.add(variance, options.epsilon)));
  return tf.add(tf.mul(normalised, scale), shift);
}

function ownNorm(x: tf.Tensor, scale: tf.Tensor, shift: tf.Tensor): tf.Tensor {
  return layerNorm({ "norm.weight": scale, "norm.bias": shift }, x, options);
}

type Norm = typeof ownNorm;

function normGradients(norm: Norm, inputs: readonly tf.Tensor[]): Float32Array[] {
  const probe = uniformTensor(3, "probe", [2, 5, 6]);
  const gradients = tf.grads((...[x, scale, shift]: tf.Tensor[]) =>
    tf.sum(tf.mul(norm(x ?? probe, scale ?? probe, shift ?? probe), probe)),
  )([...inputs]);
  return gradients.map((gradient) => Float32Array.from(gradient.dataSync()));
}

const numberOf = (x: tf.Tensor): number => x.dataSync()[0] ?? Number.NaN;

const normInputs = (): tf.Tensor[] => [
  tf.add(tf.mul(uniformTensor(1, "x", [2, 5, 6]), 3), 2),
  uniformTensor(1, "scale", [6]),
  uniformTensor(1, "shift", [6]),
];

const plainGelu = (x: tf.Tensor): tf.Tensor =>
  tf.mul(x, tf.mul(tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1), 0.5));

describe("layer normalisation", () => {
  it("gives each row mean 0 and variance 1 before its scale and shift", () => {
    const [x] = normInputs();
    const normalised = ownNorm(x ?? tf.scalar(0), tf.ones([6]), tf.zeros([6]));
    const { mean, variance } = tf.moments(normalised, -1);
    expect(largestDifference(mean.dataSync(), new Float32Array(10))).toBeLessThan(1e-6);
    expect(largestDifference(variance.dataSync(), new Float32Array(10).fill(1))).toBeLessThan(1e-4);
  });

  it("has the values and the gradients of the plain formula", () => {
    const [x, scale, shift] = normInputs();
    if (!x || !scale || !shift) throw new RangeError("three inputs");
    const plain = plainNorm(x, scale, shift).dataSync();
    expect(relativeL2(ownNorm(x, scale, shift).dataSync(), plain)).toBeLessThan(1e-6);
    const expected = normGradients(plainNorm, [x, scale, shift]);
    const actual = normGradients(ownNorm, [x, scale, shift]);
    for (const [place, gradient] of actual.entries()) {
      expect(relativeL2(gradient, expected[place] ?? [])).toBeLessThan(1e-5);
    }
  });

  it("B-6: keeps the gradient of nearly equal values finite at BERT's epsilon", () => {
    expect(BERT_NORM_EPSILON).toBe(1e-12);
    const flat = tf.mul(tf.ones([1, 4]), 0.5);
    const gradient = tf.grad((x: tf.Tensor) =>
      tf.sum(
        layerNorm({ "norm.weight": tf.ones([4]), "norm.bias": tf.zeros([4]) }, x, {
          name: "norm",
          epsilon: BERT_NORM_EPSILON,
        }),
      ),
    )(flat);
    expect([...gradient.dataSync()].every(Number.isFinite)).toBe(true);
  });
});

describe("GELU", () => {
  const points = [-6, -3, -1, -0.5, 0, 0.5, 1, 3, 6];

  it("B-6: is the exact form, not the tanh approximation", () => {
    expect(numberOf(gelu(tf.scalar(1)))).toBeCloseTo(0.8413447, 6);
    expect(numberOf(gelu(tf.scalar(1)))).not.toBeCloseTo(0.841192, 5);
    expect([...gelu(tf.tensor1d([0, -50, 50])).dataSync()]).toEqual([0, -0, 50]);
  });

  it("has the gradient of the plain formula and of finite differences", () => {
    const x = tf.tensor1d(points);
    const actual = tf.grad(gelu)(x).dataSync();
    expect(largestDifference(actual, tf.grad(plainGelu)(x).dataSync())).toBeLessThan(1e-6);
    const step = 1 / 64;
    const slopes = tf.div(tf.sub(gelu(tf.add(x, step)), gelu(tf.sub(x, step))), 2 * step);
    expect(largestDifference(actual, slopes.dataSync())).toBeLessThan(1e-3);
  });
});

describe("a linear layer", () => {
  it("multiplies with [outputs, inputs] as PyTorch stores it, over the last axis", () => {
    const weights = {
      "layer.weight": tf.tensor2d([
        [1, 2],
        [3, 4],
        [5, 6],
      ]),
      "layer.bias": tf.tensor1d([0, 0, 100]),
    };
    const x = tf.tensor3d([1, 10, 2, 20], [2, 1, 2]);
    expect(linear(weights, "layer", x).arraySync()).toEqual([[[21, 43, 165]], [[42, 86, 230]]]);
    expect(() => linear(weights, "other", x)).toThrow('no weight "other.weight"');
  });
});

describe("permuting tokens", () => {
  const permutation = Int32Array.of(2, 0, 3, 1);

  it("puts token permutation[i] at place i, and its gradient goes back", () => {
    const x = tf.tensor3d([0, 1, 2, 3, 10, 11, 12, 13], [2, 4, 1]);
    expect([...permuteTokens(x, permutation).dataSync()]).toEqual([2, 0, 3, 1, 12, 10, 13, 11]);
    const probe = tf.tensor3d([1, 2, 3, 4, 5, 6, 7, 8], [2, 4, 1]);
    const gradient = tf.grad((tokens: tf.Tensor) =>
      tf.sum(tf.mul(permuteTokens(tokens, permutation), probe)),
    )(x);
    expect([...gradient.dataSync()]).toEqual([2, 4, 1, 3, 6, 8, 5, 7]);
  });

  it("is nothing at all where every token stays", () => {
    const x = tf.ones([1, 3, 2]);
    expect(permuteTokens(x, Int32Array.of(0, 1, 2))).toBe(x);
  });
});

describe("stopping a gradient", () => {
  it("keeps the value and lets no gradient through", () => {
    const x = tf.tensor1d([2, 3]);
    expect([...stopGradient(x).dataSync()]).toEqual([2, 3]);
    const gradient = tf.grad((y: tf.Tensor) => tf.sum(tf.mul(stopGradient(tf.square(y)), y)))(x);
    expect([...gradient.dataSync()]).toEqual([4, 9]);
  });

  it("shares the data, which lives until both are disposed", () => {
    const before = tf.memory().numTensors;
    const x = tf.add(tf.tensor1d([1]), 1);
    const stopped = stopGradient(x);
    x.dispose();
    expect([...stopped.dataSync()]).toEqual([2]);
    stopped.dispose();
    expect(tf.memory().numTensors).toBe(before + 1); // tf.tensor1d([1])
  });
});
