import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { tensor4 } from "../../../src/models/ranks.ts";
import { compile } from "../../../src/tensor/compiled/compiled-step.ts";
import type { CompileOptions, Step } from "../../../src/tensor/compiled/options.ts";
import { loadTensorFlow } from "../../../src/tensor/load.ts";

beforeAll(loadTensorFlow);

/** 1 + 2^-9 needs 9 bits behind the point; bfloat16 has 7. */
const FINE = 1 + 2 ** -9;

const valuesOf = (step: Step, inputs: tf.Tensor[], options: CompileOptions): number[][] => {
  using compiled = compile(step, options);
  return compiled.run(inputs).map((tensor) => [...tensor.dataSync()]);
};

const productStep: Step = ([x, y]) => (x && y ? [tf.matMul(x, y), tf.add(x, y)] : []);

const gradientStep: Step = ([x, y]) => {
  if (!x || !y) return [];
  const [dx] = tf.grads((a: tf.Tensor, b: tf.Tensor) => tf.sum(tf.matMul(a, b)))([x, y]);
  const convolved = tf.grads((a: tf.Tensor, b: tf.Tensor) =>
    tf.conv2d(tensor4(a), tensor4(b), 1, "valid"),
  );
  const [picture, kernel] = [
    tf.reshape(x, [1, 2, 2, 1]),
    tf.reshape(tf.slice(x, 0, 1), [1, 2, 1, 1]),
  ];
  return [...(dx ? [dx] : []), ...convolved([picture, kernel])];
};

const wholeStep: Step = ([x, y]) => (x && y ? [tf.matMul(x, y)] : []);

const inputs = (): tf.Tensor[] => [
  tf.tensor2d([FINE, 0, 0, 1], [2, 2]),
  tf.tensor2d([1, 0, 0, 1], [2, 2]),
];

describe("a step in bfloat16", () => {
  it.each(["captured", "eager"] as const)(
    "rounds what matrices are multiplied by and nothing else (%s)",
    (execution) => {
      const [product, sum] = valuesOf(productStep, inputs(), { execution, precision: "bf16" });
      expect(product).toEqual([1, 0, 0, 1]);
      expect(sum?.[0]).toBe(FINE + 1);
    },
  );

  it("is in float32 unless it is asked for", () => {
    expect(valuesOf(productStep, inputs(), {})[0]?.[0]).toBe(FINE);
  });

  it("rounds in the gradient's products and convolutions, too", () => {
    const [x] = inputs();
    const identity = tf.tensor2d([FINE, 0, 0, 0], [2, 2]);
    const rounded = valuesOf(gradientStep, [x ?? identity, identity], { precision: "bf16" });
    const exact = valuesOf(gradientStep, [x ?? identity, identity], {});
    expect(exact.map((values) => values.includes(FINE))).toEqual([true, true, true]);
    expect(rounded.map((values) => values.includes(FINE))).toEqual([false, false, false]);
  });

  it("leaves whole numbers as they are", () => {
    const whole = [tf.tensor2d([300, 1], [1, 2], "int32"), tf.tensor2d([257, 1], [2, 1], "int32")];
    expect(valuesOf(wholeStep, whole, { precision: "bf16" })).toEqual([[300 * 257 + 1]]);
  });

  it("leaves no tensor behind but its results", () => {
    using compiled = compile(productStep, { execution: "eager", precision: "bf16" });
    const given = inputs();
    const before = tf.memory().numTensors;
    tf.dispose(compiled.run(given));
    expect(tf.memory().numTensors).toBe(before);
  });
});
