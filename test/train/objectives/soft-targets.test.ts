import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { VQA_ANSWERS } from "../../../src/models/heads/classifier.ts";
import { matrix } from "../../../src/models/ranks.ts";
import { loadTensorFlow } from "../../../src/tensor/load.ts";
import {
  labelLoss,
  referringLoss,
  softTargetLoss,
} from "../../../src/train/objectives/soft-targets.ts";
import { uniform } from "../../models/parity-fixture.ts";

beforeAll(loadTensorFlow);

const valueOf = (loss: tf.Tensor): number => loss.dataSync()[0] ?? Number.NaN;

const drawn = (name: string): Float32Array => uniform(3, name, [2, VQA_ANSWERS]);

/** -t log s - (1 - t) log (1 - s) in double precision. */
function entropyOf(logit: number, target: number): number {
  const likelihood = 1 / (1 + Math.exp(-logit));
  return -target * Math.log(likelihood) - (1 - target) * Math.log(1 - likelihood);
}

describe("binary cross-entropy with soft targets", () => {
  it("H-1: is 2168.8577 for zero logits, whatever the targets", () => {
    const targets = tf.abs(tf.tensor2d(drawn("targets"), [2, VQA_ANSWERS]));
    const loss = valueOf(softTargetLoss(tf.zeros([2, VQA_ANSWERS]), matrix(targets)));
    expect(Math.abs(loss / 2168.8577 - 1)).toBeLessThan(1e-5);
  });

  it("H-1: is the mean over all elements times 3129, the sum over answers averaged over the batch", () => {
    const logits = drawn("logits").map((value) => 4 * value);
    const targets = drawn("targets").map(Math.abs);
    const elements = Array.from(logits, (logit, at) => entropyOf(logit, targets[at] ?? 0));
    const mean = elements.reduce((sum, value) => sum + value, 0) / elements.length;
    const loss = valueOf(
      softTargetLoss(tf.tensor2d(logits, [2, VQA_ANSWERS]), tf.tensor2d(targets, [2, VQA_ANSWERS])),
    );
    expect(Math.abs(loss / (mean * VQA_ANSWERS) - 1)).toBeLessThan(1e-6);
  });

  it("stays finite for logits far apart, and its gradient is sigmoid minus target", () => {
    const targets = tf.tensor2d([[1, 0, 0.3]]);
    const logits = tf.tensor2d([[-200, 200, 0]]);
    expect(valueOf(softTargetLoss(logits, targets))).toBeCloseTo(400 + Math.LN2, 4);
    const gradient = tf.grad((x: tf.Tensor) => softTargetLoss(matrix(x), targets))(logits);
    const expected = [-1, 1, 0.2];
    for (const [place, value] of [...gradient.dataSync()].entries())
      expect(value).toBeCloseTo(expected[place] ?? Number.NaN, 6);
  });
});

const logits = (): tf.Tensor2D => tf.tensor2d([[0.3, -1, 2], [1, 0.5, -0.5]]); // prettier-ignore
const labels = (): tf.Tensor1D => tf.tensor1d([2, 1], "int32");

describe("the loss of labels", () => {
  it("H-1: of three answers is their cross-entropy, or that of soft targets as for VQA", () => {
    const rows = [[0.3, -1, 2], [1, 0.5, -0.5]]; // prettier-ignore
    const own = [2, 1];
    const exponentials = rows.map((row) => row.reduce((sum, value) => sum + Math.exp(value), 0));
    const entropies = rows.map((row, at) => Math.log(exponentials[at] ?? 0) - (row[own[at] ?? 0] ?? 0)); // prettier-ignore
    const mean = entropies.reduce((a, b) => a + b, 0) / 2;
    expect(valueOf(labelLoss(logits(), labels(), "cross-entropy"))).toBeCloseTo(mean, 6);
    const soft = rows.flatMap((row, at) =>
      row.map((logit, answer) => entropyOf(logit, Number(answer === own[at]))),
    );
    const expected = soft.reduce((a, b) => a + b, 0) / 2;
    expect(valueOf(labelLoss(logits(), labels(), "soft-targets"))).toBeCloseTo(expected, 5);
  });

  it("H-3: of a referring expression is the batch's mean, or its sum as in the released code", () => {
    const mean = valueOf(referringLoss(logits(), labels(), "mean"));
    expect(valueOf(referringLoss(logits(), labels(), "sum"))).toBeCloseTo(2 * mean, 6);
    expect(mean).toBeCloseTo(valueOf(labelLoss(logits(), labels(), "cross-entropy")), 6);
  });
});
