import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { uniterBase } from "../../../src/models/uniter/config.ts";
import { uniterReleased } from "../../../src/models/uniter/switches.ts";
import { loadTensorFlow } from "../../../src/tensor/load.ts";
import {
  gradientShares,
  gradientsOfSteps,
  measuredGradients,
} from "../../../src/train/objectives/loss-audit.ts";
import { uniterLossScales } from "../../../src/train/uniter/loss-scales.ts";

beforeAll(loadTensorFlow);

describe("gradient shares", () => {
  it("are the norms of the weighted terms, of their sum", () => {
    const weights = tf.tensor1d([1, -2, 2]);
    const measured = measuredGradients(weights, (flat) => ({
      square: tf.mul(tf.sum(tf.square(flat)), 0.5),
      linear: tf.mul(tf.sum(flat), 2),
      constant: tf.scalar(7),
    }));
    expect(measured.map(({ loss }) => loss)).toEqual(["square", "linear", "constant"]);
    const norms = measured.map(({ gradientNorm }) => gradientNorm);
    expect(norms[0]).toBeCloseTo(3, 5);
    expect(norms[1]).toBeCloseTo(2 * Math.sqrt(3), 5);
    expect(norms[2]).toBe(0);
    const shares = gradientShares(measured).map(({ share }) => share);
    expect(shares[0]).toBeCloseTo(3 / (3 + 2 * Math.sqrt(3)), 6);
    expect(shares.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 9);
  });

  it("count a loss as often as it is trained, where each step trains one", () => {
    const steps = [
      { loss: "itm", gradientNorm: 2 },
      { loss: "mlm", gradientNorm: 1 },
      { loss: "itm", gradientNorm: 4 },
      { loss: "itm", gradientNorm: 3 },
    ];
    const measured = gradientsOfSteps(steps);
    expect(measured).toEqual([
      { loss: "itm", gradientNorm: 3, frequency: 0.75 },
      { loss: "mlm", gradientNorm: 1, frequency: 0.25 },
    ]);
    expect(gradientShares(measured).map(({ share }) => share)).toEqual([0.9, 0.1]);
  });

  it("are 0 where nothing has a gradient", () => {
    const none = [{ loss: "itm", gradientNorm: 0, frequency: 1 }];
    expect(gradientShares(none)).toEqual([{ loss: "itm", gradientNorm: 0, share: 0 }]);
  });

  it("leave no tensor behind", () => {
    const weights = tf.tensor1d([1, 2]);
    const before = tf.memory().numTensors;
    measuredGradients(weights, (flat) => ({ sum: tf.sum(flat) }));
    expect(tf.memory().numTensors).toBe(before);
  });
});

const factors = (config: typeof uniterBase): Record<string, number> =>
  Object.fromEntries(
    uniterLossScales(config, { wraWeight: 0.1 }).map(({ factor, loss }) => [loss, factor]),
  );

describe("UNITER's losses", () => {
  it("are the paper's in paper, and smaller by 2048 and 1601 in released", () => {
    expect(factors(uniterBase)).toEqual({ itm: 1, wra: 0.1, mlm: 1, mrfr: 1, mrc: 1, mrcKl: 1 });
    const released = factors({ ...uniterBase, switches: uniterReleased });
    expect(1 / (released["mrfr"] ?? 0)).toBe(2048);
    expect(1 / (released["mrcKl"] ?? 0)).toBe(1601);
  });

  it("say what they compute and what the paper defines", () => {
    const config = { ...uniterBase, switches: uniterReleased };
    expect(uniterLossScales(config, { wraWeight: 0.1 })[3]).toMatchObject({
      loss: "mrfr",
      computed: "mean of 2048 squares",
      published: "squared norm of a region",
    });
  });
});
