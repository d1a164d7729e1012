import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { tensorFlowBackend } from "../../../src/tensor/backend.ts";
import { compile } from "../../../src/tensor/compiled/compiled-step.ts";
import type { Step } from "../../../src/tensor/compiled/options.ts";
import { loadTensorFlow } from "../../../src/tensor/load.ts";
import { statelessUniform } from "../../../src/tensor/stateless-random.ts";

beforeAll(loadTensorFlow);

const valuesOf = (tensors: readonly tf.Tensor[]): number[][] =>
  tensors.map((tensor) => [...tensor.dataSync()]);

/** The results of one run of a step that is compiled for it alone. */
function runOnce(step: Step, inputs: readonly tf.Tensor[]): number[][] {
  using compiled = compile(step);
  return valuesOf(compiled.run(inputs));
}

function at(inputs: readonly tf.Tensor[], place: number): tf.Tensor {
  const input = inputs[place];
  if (input === undefined) throw new RangeError(`no input ${place}`);
  return input;
}

/** A step with lists, constants, broadcasts, a softmax and a gradient. */
const gradientStep: Step = (inputs) => {
  const [x, kernel] = [at(inputs, 0), at(inputs, 1)];
  const loss = (weights: tf.Tensor): tf.Scalar => {
    const scores = tf.matMul(tf.reshape(x, [4, 3]), tf.reshape(weights, [3, 3]));
    const joined = tf.concat([tf.softmax(scores), tf.tensor2d([[1, 2, 3]])]);
    return tf.sum(tf.mul(tf.stack([joined, tf.square(joined)]), 0.5));
  };
  const { value, grad } = tf.valueAndGrad(loss)(kernel);
  return [value, grad, tf.addN([grad, grad, tf.onesLike(grad)])];
};

const inputsOf = (offset: number): tf.Tensor[] => [
  tf.tensor2d(
    Array.from({ length: 12 }, (_, index) => Math.sin(index + offset)),
    [4, 3],
  ),
  tf.tensor2d(
    Array.from({ length: 9 }, (_, index) => Math.cos(index * offset)),
    [3, 3],
  ),
];

/** A step that counts how often it is run operation by operation. */
function countingStep(): { readonly step: Step; readonly runs: () => number } {
  let runs = 0;
  const step: Step = (inputs) => {
    runs += 1;
    return [tf.mul(at(inputs, 0), 2)];
  };
  return { step, runs: () => runs };
}

const two = (): tf.Tensor => tf.tensor1d([1, 2]);

const readingStep: Step = (inputs) => [tf.mul(at(inputs, 0), at(inputs, 0).dataSync()[0] ?? 0)];

/** Reads what it has made itself. */
const ownValueStep: Step = (inputs) => {
  const doubled = tf.mul(at(inputs, 0), 2);
  return [tf.add(doubled, doubled.arraySync() === null ? 1 : 0)];
};

const multinomialStep: Step = (inputs) => [
  tf.multinomial(tf.reshape<tf.Rank.R1>(at(inputs, 0), [2]), 3, 7),
];

const failingStep: Step = (inputs) =>
  tensorFlowBackend().executeMultipleOutputs("Nothing", [], inputs, 1);

const maskStep: Step = (inputs) => {
  const seed: tf.Tensor1D = tf.reshape(at(inputs, 0), [2]);
  return [tf.cast(tf.greaterEqual(statelessUniform([64], seed), 0.5), "float32")];
};
const keyOf = (seed: number, step: number): tf.Tensor =>
  tf.tensor1d(Int32Array.of(seed, step), "int32");

const wholeNumberStep: Step = (inputs) => [
  tf.add(at(inputs, 0), tf.scalar(1, "int32")),
  tf.cast(at(inputs, 0), "float32"),
];

const passingStep: Step = (inputs) => {
  const sum = tf.add(at(inputs, 0), at(inputs, 1));
  return [at(inputs, 0), sum, sum, tf.scalar(7)];
};

describe("a compiled step", () => {
  it("gives what its operations give one by one, for the inputs it was captured with and for others", () => {
    using compiled = compile(gradientStep);
    for (const offset of [1, 2, 3]) {
      const inputs = inputsOf(offset);
      const eager = valuesOf(tf.tidy(() => gradientStep(inputs)));
      const results = valuesOf(compiled.run(inputs));
      for (const [place, values] of results.entries()) {
        for (const [index, value] of values.entries()) {
          expect(value).toBeCloseTo(eager[place]?.[index] ?? Number.NaN, 5);
        }
      }
    }
  });

  it("takes and gives whole numbers", () => {
    using compiled = compile(wholeNumberStep);
    for (const start of [5, -7]) {
      const results = compiled.run([tf.tensor1d([start, start * 2], "int32")]);
      expect(results.map(({ dtype }) => dtype)).toEqual(["int32", "float32"]);
      expect(valuesOf(results)).toEqual([
        [start + 1, start * 2 + 1],
        [start, start * 2],
      ]);
    }
  });

  it("gives an input, a constant and the same value twice as results, and leaves the inputs alive", () => {
    using compiled = compile(passingStep);
    for (const value of [1, 10]) {
      const inputs = [tf.tensor1d([value]), tf.tensor1d([2])];
      const results = compiled.run(inputs);
      expect(valuesOf(results)).toEqual([[value], [value + 2], [value + 2], [7]]);
      tf.dispose(results);
      expect(valuesOf(inputs)).toEqual([[value], [2]]);
    }
  });

  it("tells inputs apart that were one tensor when another run was captured", () => {
    using compiled = compile((inputs) => [tf.sub(at(inputs, 0), at(inputs, 1))]);
    const [five, three] = [tf.tensor1d([5]), tf.tensor1d([3])];
    expect(valuesOf(compiled.run([five, five]))).toEqual([[0]]);
    expect(valuesOf(compiled.run([five, three]))).toEqual([[2]]);
    expect(valuesOf(compiled.run([three, tf.clone(three)]))).toEqual([[0]]);
  });

  it("leaves no tensor behind but its results", () => {
    using compiled = compile(gradientStep);
    const inputs = inputsOf(1);
    tf.dispose(compiled.run(inputs));
    const [before, held] = [tf.memory(), tensorFlowBackend().binding.getNumOfTensors()];
    for (let run = 0; run < 20; run += 1) tf.dispose(compiled.run(inputs));
    expect(tf.memory()).toEqual(before);
    expect(tensorFlowBackend().binding.getNumOfTensors()).toBe(held);
  });
});

describe("the traces of a compiled step", () => {
  it("are one for each signature of shapes and types", () => {
    const { step, runs } = countingStep();
    using compiled = compile(step);
    for (const length of [1, 2, 1, 2, 1]) compiled.run([tf.zeros([length])]);
    expect(runs()).toBe(2);
    compiled.run([tf.zeros([2], "int32")]);
    compiled.run([tf.zeros([1, 2])]);
    expect(runs()).toBe(4);
  });

  it("are at most 16: the 17th signature takes the place of the oldest", () => {
    const { step, runs } = countingStep();
    using compiled = compile(step);
    for (let length = 1; length <= 17; length += 1) compiled.run([tf.ones([length])]);
    expect(runs()).toBe(17);
    compiled.run([tf.ones([2])]);
    compiled.run([tf.ones([17])]);
    expect(runs()).toBe(17);
    expect(valuesOf(compiled.run([tf.ones([1])]))).toEqual([[2]]);
    expect(runs()).toBe(18);
  });
});

describe("a step that cannot be compiled is refused", () => {
  it("when it reads a value", () => {
    const read = "a value is read inside the step";
    expect(() => runOnce(readingStep, [two()])).toThrow(`${read}: an argument`);
    expect(() => runOnce(ownValueStep, [two()])).toThrow(`${read}: the result of Mul`);
  });

  it("when it uses a tensor from outside, used before or not", () => {
    const used = two();
    tf.add(used, 1).dispose();
    expect(() => runOnce((inputs) => [tf.add(at(inputs, 0), used)], [two()])).toThrow(
      "not among its arguments",
    );
    const unused = two();
    expect(() => runOnce((inputs) => [tf.add(at(inputs, 0), unused)], [two()])).toThrow(
      "not among its arguments",
    );
    const result = two();
    expect(() => runOnce(() => [result], [two()])).toThrow("not among its arguments");
    expect(valuesOf([used, unused])).toEqual([
      [1, 2],
      [1, 2],
    ]);
  });

  it("when it draws from a state, whether TensorFlow's or JavaScript's", () => {
    expect(() => runOnce(multinomialStep, [two()])).toThrow("the step draws by Multinomial");
    expect(() => runOnce((inputs) => [tf.dropout(at(inputs, 0), 0.5)], [two()])).toThrow(
      "the step draws by Math.random (tf.dropout",
    );
    expect(Math.random()).toBeLessThan(1);
  });

  it("when it runs another compiled step, new or captured already", () => {
    using inner = compile((inputs) => [tf.mul(at(inputs, 0), 2)]);
    const outer: Step = (inputs) => inner.run(inputs);
    expect(() => runOnce(outer, [two()])).toThrow("inside another");
    expect(valuesOf(inner.run([two()]))).toEqual([[2, 4]]);
    expect(() => runOnce(outer, [two()])).toThrow("crossweave_step");
    expect(valuesOf(inner.run([two()]))).toEqual([[2, 4]]);
  });

  it("and leaves nothing behind: the next step is captured, and operations run as ever", () => {
    using broken = compile(() => {
      tf.add(two(), 1);
      throw new Error("stopped half-way");
    });
    const input = two();
    const before = tf.memory().numTensors;
    for (let attempt = 0; attempt < 2; attempt += 1) {
      expect(() => broken.run([input])).toThrow("stopped half-way");
    }
    expect(tf.memory().numTensors).toBe(before);
    expect(valuesOf([tf.add(input, 1)])).toEqual([[2, 3]]);
    expect(runOnce((inputs) => [tf.mul(at(inputs, 0), 3)], [two()])).toEqual([[3, 6]]);
  });

  it("by TensorFlow's own words when an operation fails", () => {
    expect(() => runOnce(failingStep, [two()])).toThrow("Nothing");
    expect(runOnce((inputs) => [tf.neg(at(inputs, 0))], [two()])).toEqual([[-1, -2]]);
  });
});

describe("dropout in a compiled step", () => {
  it("differs by step and by seed, and repeats for both the same", () => {
    using compiled = compile(maskStep);
    const drawn = (seed: number, step: number): string =>
      valuesOf(compiled.run([keyOf(seed, step)])).join();
    expect(drawn(1, 1)).toBe(drawn(1, 1));
    expect(new Set([drawn(1, 1), drawn(1, 2), drawn(2, 1), drawn(2, 2)]).size).toBe(4);
    expect([[drawn(3, 5)]].join()).toBe(runOnce(maskStep, [keyOf(3, 5)]).join());
  });
});
