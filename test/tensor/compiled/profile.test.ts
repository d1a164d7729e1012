import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { tensorFlowBackend } from "../../../src/tensor/backend.ts";
import { profileStep, readProfile } from "../../../src/tensor/compiled/profile.ts";
import type { Step } from "../../../src/tensor/compiled/options.ts";
import { loadTensorFlow } from "../../../src/tensor/load.ts";

beforeAll(loadTensorFlow);

const twoProductsStep: Step = ([x]) => {
  if (x === undefined) return [];
  const product = tf.matMul(x, x);
  return [tf.erf(tf.matMul(product, x)), tf.sum(product)];
};

const input = (): tf.Tensor => tf.randomUniform([64, 64], -1, 1, "float32", 1);

describe("a step's profile", () => {
  it("counts its operations, as TensorFlow runs them, and adds up their times", () => {
    const { milliseconds, operations } = profileStep(twoProductsStep, [input()], {
      precision: "fp32",
      warmUps: 1,
    });
    const countOf = (pattern: RegExp): number =>
      operations
        .filter(({ operation }) => pattern.test(operation))
        .reduce((sum, { count }) => sum + count, 0);
    expect([countOf(/MatMul/), countOf(/Erf/), countOf(/Sum/)]).toEqual([2, 1, 1]);
    expect(milliseconds).toBeGreaterThan(0);
    const times = operations.map((operation) => operation.milliseconds);
    expect(times).toEqual(times.toSorted((a, b) => b - a));
    expect(times[0]).toBeGreaterThan(0);
  });

  it("is of products in bfloat16 where these are asked for", () => {
    const options = { precision: "bf16", warmUps: 0 } as const;
    const { operations } = profileStep(twoProductsStep, [input()], options);
    expect(operations.some(({ operation }) => operation === "Cast")).toBe(true);
  });

  it("leaves nothing behind", () => {
    const x = input();
    x.dataSync();
    const options = { precision: "fp32", warmUps: 1 } as const;
    profileStep(twoProductsStep, [x], options);
    const before = [tf.memory().numTensors, tensorFlowBackend().binding.getNumOfTensors()];
    profileStep(twoProductsStep, [x], options);
    expect([tf.memory().numTensors, tensorFlowBackend().binding.getNumOfTensors()]).toEqual(before);
  });

  it("is refused while nothing is captured", () => {
    expect(() => tensorFlowBackend().binding.profileCapture(0)).toThrow("no capture is under way");
  });

  it("is empty where TensorFlow has measured nothing", () => {
    expect(readProfile(new Uint8Array())).toEqual({ milliseconds: 0, operations: [] });
  });
});
