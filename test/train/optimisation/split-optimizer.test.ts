import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { RandomStream } from "../../../src/core/random.ts";
import { loadTensorFlow } from "../../../src/tensor/load.ts";
import {
  stepScalars,
  type AdamWOptions,
  type AdamWState,
} from "../../../src/train/optimisation/adamw.ts";
import { splitStep } from "../../../src/train/optimisation/split-optimizer.ts";
import { largestDifference } from "../../models/parity-fixture.ts";

beforeAll(loadTensorFlow);

const adamW: AdamWOptions = {
  adamW: "torch",
  beta1: 0.9,
  beta2: 0.98,
  epsilon: 1e-6,
  weightDecay: 0.01,
  clipNorm: 1,
};
const sgd = { momentum: 0.9, weightDecay: 5e-4 };
/** The first three weights descend by SGD, the others are AdamW's. */
const DESCENDS = [1, 1, 1, 0, 0, 0];
const RATES = [1e-2, 1e-2, 1e-2, 1e-4, 1e-4, 1e-4];
const DECAYED = [1, 1, 0, 1, 1, 0];

const valuesOf = (tensor: tf.Tensor): number[] => [...tensor.dataSync()];

function gradientAt(step: number): number[] {
  const random = new RandomStream(5, step);
  return Array.from({ length: 6 }, () => random.nextGaussian());
}

/** `numSteps` steps from fixed weights; `trains` says which weights are not frozen. */
function run(numSteps: number, trains: readonly number[]): AdamWState {
  let state: AdamWState = {
    weights: tf.tensor1d([0.5, -1, 2, 0.5, -1, 2]),
    firstMoment: tf.zeros([6]),
    secondMoment: tf.zeros([6]),
  };
  for (let step = 1; step <= numSteps; step += 1) {
    const update = {
      state,
      gradient: tf.tensor1d(gradientAt(step)),
      scalars: tf.tensor1d(stepScalars(step, 0.5, adamW)),
      learningRates: tf.tensor1d(RATES),
      decayed: tf.tensor1d(DECAYED),
      descends: tf.tensor1d(DESCENDS),
      trains: tf.tensor1d([...trains]),
    };
    ({ state } = splitStep(update, { adamW, sgd }));
  }
  return state;
}

/** The same in double precision, written out weight by weight. */
function reference(numSteps: number): number[] {
  const weights = [0.5, -1, 2, 0.5, -1, 2];
  const [first, second] = [Array.from(weights, () => 0), Array.from(weights, () => 0)];
  for (let step = 1; step <= numSteps; step += 1) {
    const raw = gradientAt(step);
    const clip = Math.min(1, adamW.clipNorm / (Math.hypot(...raw) + 1e-6));
    for (const [place, value] of raw.entries()) {
      const [gradient, old] = [value * clip, weights[place] ?? 0];
      const [rate, decays] = [0.5 * (RATES[place] ?? 0), DECAYED[place] ?? 0];
      const moment = first[place] ?? 0;
      if (DESCENDS[place] === 1) {
        const velocity = sgd.momentum * moment + gradient + decays * sgd.weightDecay * old;
        first[place] = velocity;
        weights[place] = old - rate * velocity;
        continue;
      }
      first[place] = adamW.beta1 * moment + (1 - adamW.beta1) * gradient;
      second[place] = adamW.beta2 * (second[place] ?? 0) + (1 - adamW.beta2) * gradient ** 2;
      const mean = (first[place] ?? 0) / (1 - adamW.beta1 ** step);
      const deviation = Math.sqrt((second[place] ?? 0) / (1 - adamW.beta2 ** step));
      const direction = mean / (deviation + adamW.epsilon) + decays * adamW.weightDecay * old;
      weights[place] = old - rate * direction;
    }
  }
  return weights;
}

describe("two optimizers in one step (R-6)", () => {
  it("R-6: moves the backbone by SGD with momentum 0.9 and the rest by AdamW", () => {
    const { weights } = run(50, [1, 1, 1, 1, 1, 1]);
    expect(largestDifference(valuesOf(weights), reference(50))).toBeLessThan(1e-6);
  });

  it("R-5: leaves frozen weights and their momentum alone, digit for digit, and no others", () => {
    const frozen = run(10, [0, 0, 0, 1, 1, 1]);
    expect(valuesOf(frozen.weights).slice(0, 3)).toEqual([0.5, -1, 2]);
    expect(valuesOf(frozen.firstMoment).slice(0, 3)).toEqual([0, 0, 0]);
    const free = run(10, [1, 1, 1, 1, 1, 1]);
    expect(valuesOf(frozen.weights).slice(3)).toEqual(valuesOf(free.weights).slice(3));
    expect(valuesOf(free.weights).slice(0, 3)).not.toEqual([0.5, -1, 2]);
  });
});
