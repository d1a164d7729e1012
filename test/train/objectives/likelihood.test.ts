import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { loadTensorFlow } from "../../../src/tensor/load.ts";
import { meanNegativeLogLikelihood } from "../../../src/train/objectives/likelihood.ts";

beforeAll(loadTensorFlow);

function lossOf(logits: number[][], labels: number[], weights: number[]): number {
  const loss = meanNegativeLogLikelihood(
    tf.tensor2d(logits),
    tf.tensor1d(labels, "int32"),
    tf.tensor1d(weights),
  );
  return loss.dataSync()[0] ?? Number.NaN;
}

function equalLogits(numClasses: number): number {
  const loss = meanNegativeLogLikelihood(
    tf.zeros([2, numClasses]),
    tf.tensor1d([0, numClasses - 1], "int32"),
    tf.ones([2]),
  );
  return loss.dataSync()[0] ?? Number.NaN;
}

describe("the mean negative log likelihood", () => {
  it("of equal logits is ln V (M-4), and ln 2 for matching (I-1)", () => {
    expect(equalLogits(30_522)).toBeCloseTo(10.326203, 5);
    expect(equalLogits(28_996)).toBeCloseTo(10.274913, 5);
    expect(equalLogits(2)).toBeCloseTo(Math.LN2, 6);
  });

  it("of right and certain logits is 0 (M-4)", () => {
    expect(lossOf([[30, 0, 0], [0, 0, 40]], [0, 2], [1, 1])).toBeLessThan(1e-6); // prettier-ignore
  });

  it("is the mean over the rows that count, and 0 when none does (M-4)", () => {
    const [first, second] = [Math.log(1 + Math.exp(-1)), Math.log(1 + Math.exp(3))];
    const logits = [[1, 0], [3, 0], [50, -50]]; // prettier-ignore
    expect(lossOf(logits, [0, 1, 1], [1, 1, 0])).toBeCloseTo((first + second) / 2, 6);
    expect(lossOf(logits, [0, 1, 1], [1, 0, 0])).toBeCloseTo(first, 6);
    expect(lossOf(logits, [0, 1, 1], [0, 0, 0])).toBeCloseTo(0, 30);
  });

  it("stays finite for logits far apart", () => {
    expect(lossOf([[1e4, -1e4]], [1], [1])).toBeCloseTo(2e4, 0);
  });

  it("gives rows that don't count no gradient at all (M-5)", () => {
    const gradient = tf.grad((logits: tf.Tensor) =>
      meanNegativeLogLikelihood(
        tf.reshape(logits, [2, 3]),
        tf.tensor1d([0, 1], "int32"),
        tf.tensor1d([0, 1]),
      ),
    )(tf.tensor2d([[1, 2, 3], [1, 2, 3]])); // prettier-ignore
    const values = [...gradient.dataSync()];
    expect(values.slice(0, 3).every((value) => value === 0)).toBe(true);
    const total = Math.E + Math.E ** 2 + Math.E ** 3;
    const expected = [Math.E / total, Math.E ** 2 / total - 1, Math.E ** 3 / total];
    for (const [place, value] of expected.entries())
      expect(values[3 + place]).toBeCloseTo(value, 6);
  });
});
