import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { matrix } from "../../../src/models/ranks.ts";
import { loadTensorFlow } from "../../../src/tensor/load.ts";
import type { FeatureReduction } from "../../../src/train/objectives/mask-choice.ts";
import {
  gatherTokens,
  hideTokens,
  maskedFeatureLoss,
  maskOfIndices,
} from "../../../src/train/objectives/masked-features.ts";

beforeAll(loadTensorFlow);

describe("masked tokens", () => {
  it("becomes ones where a token is hidden", () => {
    const indices = tf.tensor2d([[2, 0], [1, 3]], [2, 2], "int32"); // prettier-ignore
    expect(maskOfIndices(indices, 4).arraySync()).toEqual([
      [1, 0, 1, 0],
      [0, 1, 0, 1],
    ]);
  });
});

const middleMask = (): tf.Tensor2D => tf.tensor2d([[0, 1, 0]]);
const replacement = (): tf.Tensor3D => tf.tensor3d([[[7, 7], [8, 8], [9, 9]]]); // prettier-ignore

const hideMiddle = (visual: tf.Tensor): tf.Tensor3D =>
  hideTokens(tf.reshape(visual, [1, 3, 2]), middleMask(), replacement());

describe("hidden tokens", () => {
  it("F-5: leave nothing of themselves, in value and gradient", () => {
    const [one, other] = [5, -1e30].map((value) =>
      hideMiddle(tf.tensor1d([1, 2, value, value, 3, 4])),
    );
    expect(one?.arraySync()).toEqual([[[1, 2], [8, 8], [3, 4]]]); // prettier-ignore
    expect(other?.arraySync()).toEqual(one?.arraySync());
    const gradient = tf.grad((visual: tf.Tensor) => tf.sum(hideMiddle(visual)))(tf.ones([6]));
    expect([...gradient.dataSync()]).toEqual([1, 1, 0, 0, 1, 1]);
  });

  it("are gathered from the grid of each pair", () => {
    const grids = tf.tensor3d([[[0], [1], [2]], [[10], [11], [12]]]); // prettier-ignore
    const indices = tf.tensor2d([[2, 0], [1, 2], [0, 1]], [3, 2], "int32"); // prettier-ignore
    const gathered = gatherTokens(grids, tf.tensor1d([1, 0, 1], "int32"), indices);
    expect(gathered.arraySync()).toEqual([[12], [10], [1], [2], [10], [11]]);
  });
});

const features = (): tf.Tensor2D => tf.tensor2d([[1, 2], [3, 4], [5, 6], [7, 8]]); // prettier-ignore

const lossOf = (error: number, counted: number[], reduction: FeatureReduction = "sum"): number => {
  const regressed = matrix(tf.add(features(), error));
  const loss = maskedFeatureLoss({
    features: features(),
    regressed,
    counted: tf.tensor1d(counted),
    reduction,
  });
  return loss.dataSync()[0] ?? Number.NaN;
};

describe("masked feature regression", () => {
  it("F-6: is the sum over masked tokens of squared distances, the mean over pairs; 0 when perfect", () => {
    expect(lossOf(0, [1, 1])).toBe(0);
    expect(lossOf(0.5, [1, 1])).toBeCloseTo(2 * 2 * 0.25, 6);
  });

  it.each(["sum", "mean"] as const)(
    "F-6: is four times as much at twice the error: %s",
    (reduction) => {
      const ratio = lossOf(1, [1, 1], reduction) / lossOf(0.5, [1, 1], reduction);
      expect(Math.abs(ratio / 4 - 1)).toBeLessThan(1e-6);
    },
  );

  it("F-6: is as a mean exactly k c times less, whichever pairs count", () => {
    const [k, c] = [2, 2];
    for (const counted of [
      [1, 1],
      [0, 1],
    ]) {
      expect(lossOf(0.5, counted)).toBe(k * c * lossOf(0.5, counted, "mean"));
    }
  });

  it("F-8: leaves pairs out that do not count, and is 0 without any", () => {
    expect(lossOf(1, [1, 0])).toBeCloseTo(lossOf(1, [1, 1]), 6);
    expect(lossOf(1, [0, 0])).toBe(0);
    const gradient = tf.grad((regressed: tf.Tensor) =>
      maskedFeatureLoss({
        features: features(),
        regressed: tf.reshape(regressed, [4, 2]),
        counted: tf.tensor1d([0, 1]),
        reduction: "sum",
      }),
    )(tf.zeros([4, 2]));
    expect(tf.reshape(gradient, [4, 2]).arraySync()).toEqual([
      [-0, -0],
      [-0, -0],
      [-10, -12],
      [-14, -16],
    ]);
  });
});
