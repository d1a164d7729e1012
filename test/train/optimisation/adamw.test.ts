import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { loadTensorFlow } from "../../../src/tensor/load.ts";
import {
  adamWStep,
  stepScalars,
  type AdamWOptions,
  type AdamWState,
} from "../../../src/train/optimisation/adamw.ts";
import { largestDifference, readFixture, uniform } from "../../models/parity-fixture.ts";

beforeAll(loadTensorFlow);

// References: torch.optim.AdamW of PyTorch 2.13.0, and the former AdamW of transformers by its formula, in float64
// (test/models/fixtures/make-fixtures.py).

const NUM_STEPS = 50;
const SIZE = 12;
const options: AdamWOptions = {
  adamW: "torch",
  beta1: 0.9,
  beta2: 0.98,
  epsilon: 1e-6,
  weightDecay: 0.01,
  clipNorm: 1e30,
};
/** The first 8 weights decay and learn at 1e-2, the others at 1e-3. */
const isFirstGroup = (index: number): boolean => index < 8;

interface Trace {
  readonly weights: number[][];
  readonly norms: number[];
}

function traceOf(
  seed: number,
  scaleOf: (step: number) => number,
  { adamW = "torch", clipNorm = options.clipNorm }: Partial<AdamWOptions> = {},
): Trace {
  const start = uniform(seed, "weights", [SIZE]).map((value) => Math.fround(0.3) * value);
  const learningRates = tf.tensor1d(start.map((_, index) => (isFirstGroup(index) ? 1e-2 : 1e-3)));
  const decayed = tf.tensor1d(start.map((_, index) => (isFirstGroup(index) ? 1 : 0)));
  let state: AdamWState = {
    weights: tf.tensor1d(start),
    firstMoment: tf.zeros([SIZE]),
    secondMoment: tf.zeros([SIZE]),
  };
  const trace: Trace = { weights: [], norms: [] };
  for (let step = 1; step <= NUM_STEPS; step += 1) {
    const values = uniform(seed, `gradient/${step}`, [SIZE]).map((value) => value * scaleOf(step));
    const scalars = tf.tensor1d(stepScalars(step, Math.min(1, step / 10), options));
    const update = { state, gradient: tf.tensor1d(values), scalars, learningRates, decayed };
    const result = adamWStep(update, { ...options, adamW, clipNorm });
    state = result.state;
    trace.weights.push([...state.weights.dataSync()]);
    trace.norms.push(result.gradientNorm.dataSync()[0] ?? Number.NaN);
  }
  return trace;
}

/** The clipped gradient of [3, 4]: the first moment at beta1 = 0. */
const clipped = (clipNorm: number): number[] => {
  const zeros = tf.zeros<tf.Rank.R1>([2]);
  const { state } = adamWStep(
    {
      state: { weights: zeros, firstMoment: zeros, secondMoment: zeros },
      gradient: tf.tensor1d([3, 4]),
      scalars: tf.tensor1d(stepScalars(1, 1, options)),
      learningRates: tf.ones([2]),
      decayed: zeros,
    },
    { ...options, beta1: 0, clipNorm },
  );
  return [...state.firstMoment.dataSync()];
};

describe("AdamW against PyTorch (T-1)", () => {
  it.each([
    ["1", 1],
    ["1e-3", 1e-3],
    ["1e-5", 1e-5],
  ])("follows its trace of 50 steps at gradients of scale %s", async (name, scale) => {
    const fixture = await readFixture("train/fixtures/adamw.safetensors");
    const trace = traceOf(fixture.seed, () => scale);
    const expected = fixture.values(`weights/${name}`);
    expect(largestDifference(trace.weights.flat(), expected)).toBeLessThan(1e-6);
    expect(largestDifference(trace.norms, fixture.values(`norms/${name}`))).toBeLessThan(1e-6);
  });

  it.each([
    ["1", 1],
    ["1e-3", 1e-3],
    ["1e-5", 1e-5],
  ])("T-1: follows the former order's trace at gradients of scale %s", async (name, scale) => {
    const fixture = await readFixture("train/fixtures/adamw-old.safetensors");
    const trace = traceOf(fixture.seed, () => scale, { adamW: "old-hugging-face" });
    const expected = fixture.values(`weights/${name}`);
    expect(largestDifference(trace.weights.flat(), expected)).toBeLessThan(1e-6);
    // The two orders differ the more the smaller the gradients are: epsilon weighs more.
    const other = traceOf(fixture.seed, () => scale).weights.flat();
    const apart = largestDifference(other, expected);
    expect(apart).toBeGreaterThan(scale === 1e-5 ? 1e-4 : 0);
  });

  it("clips by the global norm and tells the norm before it was clipped (T-5)", async () => {
    const fixture = await readFixture("train/fixtures/adamw.safetensors");
    const trace = traceOf(fixture.seed, (step) => (step % 5) / 4, { clipNorm: 1 });
    const norms = fixture.values("norms/clipped");
    expect([norms.some((norm) => norm < 1), norms.some((norm) => norm > 1)]).toEqual([true, true]);
    expect(largestDifference(trace.norms, norms)).toBeLessThan(1e-6);
    const expected = fixture.values("weights/clipped");
    expect(largestDifference(trace.weights.flat(), expected)).toBeLessThan(1e-6);
  });

  it("scales by min(1, c / (norm + 1e-6))", () => {
    expect(clipped(10)).toEqual([3, 4]);
    const factor = 1 / (5 + 1e-6);
    expect(largestDifference(clipped(1), [3 * factor, 4 * factor])).toBeLessThan(1e-6);
  });

  it("gives back a zero gradient and a zero norm as they are", () => {
    const trace = traceOf(1, () => 0, { clipNorm: 1 });
    expect(trace.norms).toEqual(trace.norms.map(() => 0));
    expect(trace.weights.flat().every(Number.isFinite)).toBe(true);
  });
});
