import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { matrix } from "../../../src/models/ranks.ts";
import { loadTensorFlow } from "../../../src/tensor/load.ts";
import {
  type DivergenceScale,
  type RegressionScale,
  regionDivergenceLoss,
  regionRegressionLoss,
} from "../../../src/train/objectives/regions.ts";
import { uniform } from "../../models/parity-fixture.ts";

beforeAll(loadTensorFlow);

const valueOf = (loss: tf.Tensor): number => loss.dataSync()[0] ?? Number.NaN;

/** Bottom-up attention's. */
const [FEATURES, CLASSES] = [2048, 1601];

const drawn = (name: string, shape: [number, number]): tf.Tensor2D =>
  tf.tensor2d(uniform(5, name, shape), shape);

const regression = (regressed: tf.Tensor2D, counted: number[], scale: RegressionScale): number =>
  valueOf(
    regionRegressionLoss(
      regressed,
      { features: drawn("features", [3, FEATURES]), counted: tf.tensor1d(counted) },
      scale,
    ),
  );

const distributions = (): tf.Tensor2D => tf.softmax(tf.mul(drawn("targets", [4, CLASSES]), 4));

describe("masked region feature regression", () => {
  it("G-1: is 2048 times the mean of squares in the paper's scale, and 0 when perfect", () => {
    const regressed = drawn("regressed", [3, FEATURES]);
    const [sum, mean] = (["squared-norm", "mean-square"] as const).map((scale) =>
      regression(regressed, [1, 1, 1], scale),
    );
    expect((sum ?? 0) / (mean ?? 1) / FEATURES).toBeCloseTo(1, 6);
    for (const scale of ["squared-norm", "mean-square"] as const) {
      expect(regression(drawn("features", [3, FEATURES]), [1, 1, 1], scale)).toBe(0);
    }
  });

  it("is the mean over the regions that count, and 0 without any", () => {
    const shifted = tf.add(drawn("features", [3, FEATURES]), tf.tensor2d([[1], [2], [4]]));
    expect(regression(matrix(shifted), [1, 1, 0], "mean-square")).toBeCloseTo((1 + 4) / 2, 5);
    expect(regression(matrix(shifted), [0, 0, 1], "mean-square")).toBeCloseTo(16, 4);
    expect(regression(matrix(shifted), [0, 0, 0], "squared-norm")).toBe(0);
  });
});

const divergence = (
  logits: tf.Tensor2D,
  probabilities: tf.Tensor2D,
  scale: DivergenceScale = "region",
): number => {
  const counted = tf.ones<tf.Rank.R1>([logits.shape[0]]);
  return valueOf(regionDivergenceLoss(logits, { probabilities, counted }, scale));
};

describe("masked region classification with KL divergence", () => {
  it("G-3: is not negative, and 0 where the softmax is the target", () => {
    const logits = drawn("logits", [4, CLASSES]);
    expect(divergence(logits, distributions())).toBeGreaterThan(0);
    const same = matrix(tf.add(tf.mul(drawn("targets", [4, CLASSES]), 4), 3));
    expect(Math.abs(divergence(same, distributions()))).toBeLessThan(1e-6);
  });

  it("G-3: is ln 1601 of a one-hot target and equal logits", () => {
    const target = tf.tensor2d([
      Array.from({ length: CLASSES }, (_, index) => Number(index === 7)),
    ]);
    expect(divergence(tf.zeros([1, CLASSES]), target)).toBeCloseTo(7.378384, 5);
    expect(divergence(matrix(tf.add(tf.zeros([1, CLASSES]), 3.5)), target)).toBeCloseTo(
      Math.log(CLASSES),
      5,
    );
  });

  it("G-3: is 1601 times as much for each region as for each element", () => {
    const logits = drawn("logits", [4, CLASSES]);
    const [region, element] = (["region", "element"] as const).map((scale) =>
      divergence(logits, distributions(), scale),
    );
    expect((region ?? 0) / (element ?? 1) / CLASSES).toBeCloseTo(1, 6);
  });

  it("is finite for probabilities of 0, in value and gradient", () => {
    const target = tf.tensor2d([[0, 1, 0]]);
    const gradient = tf.grad((logits: tf.Tensor) =>
      regionDivergenceLoss(
        matrix(logits),
        { probabilities: target, counted: tf.ones([1]) },
        "region",
      ),
    )(tf.zeros([1, 3]));
    const expected = [1 / 3, -2 / 3, 1 / 3];
    for (const [place, value] of [...gradient.dataSync()].entries())
      expect(value).toBeCloseTo(expected[place] ?? Number.NaN, 6);
  });
});
