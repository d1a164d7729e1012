import { join } from "node:path";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { gelu, layerNorm, linear, softmax } from "../../../src/models/layers.ts";
import { compile } from "../../../src/tensor/compiled/compiled-step.ts";
import type { TraceReport } from "../../../src/tensor/compiled/options.ts";
import {
  ownColumnSums,
  ownGelu,
  ownGeluGradient,
  ownLayerNorm,
  ownLayerNormGradient,
  ownSoftmaxGradient,
  withoutOwnKernels,
} from "../../../src/tensor/fused/own-kernels.ts";
import { loadTensorFlow } from "../../../src/tensor/load.ts";
import { runChild } from "../../../src/tensor/runtime/child-process.ts";
import { relativeL2, uniformTensor } from "../../models/parity-fixture.ts";

// The widths are none, one and many times those of a register (16, 8 or 4 numbers), and between.

beforeAll(loadTensorFlow);

const EQUAL = 1e-6;

type Shape = readonly number[];

/** Numbers of both signs, some of them large. */
const spread = (name: string, shape: Shape): tf.Tensor =>
  tf.mul(uniformTensor(5, name, shape), tf.add(tf.square(uniformTensor(6, name, shape)), 3));

function gradientsOf(map: (...inputs: tf.Tensor[]) => tf.Tensor, inputs: tf.Tensor[]): tf.Tensor[] {
  const probe = tf.tidy(() => uniformTensor(7, "probe", map(...inputs).shape));
  return [
    map(...inputs),
    ...tf.grads((...given: tf.Tensor[]) => tf.sum(tf.mul(map(...given), probe)))(inputs),
  ];
}

/** How far what a layer gives, and its gradients, lie from those composed of TensorFlow's operations. */
function differences(map: (...inputs: tf.Tensor[]) => tf.Tensor, inputs: tf.Tensor[]): number[] {
  const own = gradientsOf(map, inputs);
  const composed = withoutOwnKernels(() => gradientsOf(map, inputs));
  return own.map((tensor, place) =>
    relativeL2(tensor.dataSync(), composed[place]?.dataSync() ?? []),
  );
}

const norm = (x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor): tf.Tensor =>
  layerNorm({ "n.weight": gamma, "n.bias": beta }, x, { name: "n", epsilon: 1e-5 });

const affine = (x: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor): tf.Tensor =>
  linear({ "l.weight": kernel, "l.bias": bias }, "l", x);

/** The first number of a tensor. */
const numberOf = (x: tf.Tensor): number => x.dataSync()[0] ?? Number.NaN;

describe("our own kernels", () => {
  it.each([[[3, 5]], [[2, 3, 16]], [[7, 129]], [[300, 400]]])(
    "give GELU and its gradient as composed operations do, of shape %j",
    (shape) => {
      for (const difference of differences(gelu, [spread("x", shape)]))
        expect(difference).toBeLessThan(EQUAL);
    },
  );

  it.each([[[3, 5]], [[2, 3, 16]], [[7, 129]], [[1500, 96]]])(
    "give layer normalisation and its three gradients as composed operations do, of shape %j",
    (shape) => {
      const width = shape.at(-1) ?? 1;
      const inputs = [spread("x", shape), spread("gamma", [width]), spread("beta", [width])];
      for (const difference of differences(norm, inputs)) expect(difference).toBeLessThan(EQUAL);
    },
  );

  it.each([[[3, 5]], [[2, 3, 16]], [[7, 129]], [[2, 6, 160, 160]]])(
    "give the gradient of a softmax as composed operations do, of shape %j",
    (shape) => {
      for (const difference of differences(softmax, [spread("x", shape)]))
        expect(difference).toBeLessThan(EQUAL);
    },
  );

  it.each([[[1, 1]], [[3, 5]], [[2, 3, 16]], [[7, 129]], [[3000, 48]]])(
    "give the gradient of a bias as composed operations do, of shape %j",
    (shape) => {
      const inputs = [
        spread("x", shape),
        spread("kernel", [5, shape.at(-1) ?? 1]),
        spread("bias", [5]),
      ];
      for (const difference of differences(affine, inputs)) expect(difference).toBeLessThan(EQUAL);
    },
  );

  it("B-6: give gelu(1) = 0.8413447 and the tails of GELU", () => {
    const x = tf.tensor1d([1, -1, 0, 12, -12, 3.5, -3.5]);
    // x / 2 erfc(-x / sqrt(2)) by scipy 1.17
    const expected = [
      0.841344746068543, -0.158655253931457, 0, 12, 0, 3.49918579683213, -0.000814203167874,
    ];
    for (const [place, value] of ownGelu(x).dataSync().entries())
      expect(Math.abs(value - (expected[place] ?? Number.NaN))).toBeLessThan(4e-7);
    expect(numberOf(ownGelu(tf.scalar(1)))).toBeCloseTo(0.841344746, 7);
  });

  it("hand on what is not a number", () => {
    const x = tf.tensor2d([[1, Number.NaN, 2]]);
    expect(ownGelu(x).dataSync()[1]).toBeNaN();
    expect(ownGeluGradient(x, tf.onesLike(x)).dataSync()[1]).toBeNaN();
    expect(ownColumnSums(x).dataSync()[1]).toBeNaN();
    const { normalised } = ownLayerNorm({
      x,
      gamma: tf.ones([3]),
      beta: tf.zeros([3]),
      epsilon: 0,
    });
    expect(normalised.dataSync()[0]).toBeNaN();
  });

  it("take tensors without elements", () => {
    const rows = tf.zeros([3, 0]);
    expect(ownGelu(tf.zeros([0])).shape).toEqual([0]);
    expect(ownColumnSums(rows).shape).toEqual([0]);
    expect([...ownColumnSums(tf.zeros([0, 2])).dataSync()]).toEqual([0, 0]);
    expect(ownSoftmaxGradient(rows, rows).shape).toEqual([3, 0]);
    const { normalised } = ownLayerNorm({
      x: rows,
      gamma: tf.zeros([0]),
      beta: tf.zeros([0]),
      epsilon: 1,
    });
    expect(normalised.shape).toEqual([3, 0]);
  });

  it("leave their arguments as they are", () => {
    const [x, dy] = [spread("x", [3, 5]), spread("dy", [3, 5])];
    const before = [...x.dataSync(), ...dy.dataSync()];
    ownGelu(x);
    ownGeluGradient(x, dy);
    ownSoftmaxGradient(x, dy);
    ownLayerNormGradient([dy, x, tf.zeros([3]), tf.ones([3]), tf.ones([5])]);
    expect([...x.dataSync(), ...dy.dataSync()]).toEqual(before);
  });

  it("give the same digits each time, side by side too", () => {
    const x = spread("x", [4096, 96]);
    const once = [...ownColumnSums(x).dataSync()];
    const step = compile(([rows = x]) => [1, 2, 3, 4].map(() => ownColumnSums(rows)));
    for (let run = 0; run < 5; run += 1) {
      for (const sums of step.run([x])) expect([...sums.dataSync()]).toEqual(once);
    }
    step[Symbol.dispose]();
  });
});

const matrix = (): tf.Tensor => tf.zeros([2, 3]);
const three = (): tf.Tensor => tf.zeros([3]);
const two = (): tf.Tensor => tf.zeros([2]);

describe("sums over rows", () => {
  it("have the same digits with one thread and with two", async () => {
    const script = join(import.meta.dirname, "fixtures", "row-sums.ts");
    const printed = ["1", "2"].map(async (threads) => {
      const env = { ...process.env, TF_NUM_INTRAOP_THREADS: threads };
      return (await runChild([process.execPath, script], { env })).stdout;
    });
    const [alone, together] = await Promise.all(printed);
    expect(alone?.split("\n").length).toBe(5);
    expect(together).toBe(alone);
  });
});

describe("a fault of our own kernels", () => {
  it.each([
    [
      "shapes that differ",
      () => ownGeluGradient(matrix(), three()),
      /x and dy are not of one shape/,
    ],
    ["a scalar", () => ownColumnSums(tf.scalar(1)), /a scalar has no last axis/],
    [
      "gamma of another size",
      () => ownLayerNorm({ x: matrix(), gamma: two(), beta: three(), epsilon: 0 }),
      /gamma is not of the size of x's last axis/,
    ],
    [
      "beta of another size",
      () => ownLayerNorm({ x: matrix(), gamma: three(), beta: matrix(), epsilon: 0 }),
      /beta is not of the size of x's last axis/,
    ],
    [
      "means of another number",
      () => ownLayerNormGradient([matrix(), matrix(), three(), three(), three()]),
      /mean has not one number for each row of x/,
    ],
    ["another type", () => ownGelu(tf.zeros([2], "int32")), /expected to be a float/],
  ])("is an error: %s", (_, call, message) => {
    expect(call).toThrow(message);
  });
});

describe("a step that XLA compiles", () => {
  it("has none of our own operations", () => {
    const reports: TraceReport[] = [];
    const step = compile(([x = tf.scalar(0)]) => [gelu(softmax(x))], {
      execution: "xla-required",
      onTrace: (report) => reports.push(report),
    });
    const x = spread("x", [3, 5]);
    const [compiled] = step.run([x]);
    expect(reports.map(({ executedBy }) => executedBy)).toEqual(["xla"]);
    expect(relativeL2(compiled?.dataSync() ?? [], gelu(softmax(x)).dataSync())).toBeLessThan(EQUAL);
    step[Symbol.dispose]();
  });
});
