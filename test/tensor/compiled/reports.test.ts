import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { tensorFlowBackend } from "../../../src/tensor/backend.ts";
import { largestDifference } from "../../../src/tensor/compiled/agreement.ts";
import { compile } from "../../../src/tensor/compiled/compiled-step.ts";
import {
  traceText,
  type CompileOptions,
  type Step,
  type TraceReport,
} from "../../../src/tensor/compiled/options.ts";
import { loadTensorFlow } from "../../../src/tensor/load.ts";
import { statelessUniformRows } from "../../../src/tensor/stateless-random.ts";

beforeAll(loadTensorFlow);

const softmaxStep: Step = ([x]) =>
  x === undefined ? [] : [tf.softmax(tf.matMul(x, x)), tf.sum(x)];

/** The smallest of each row, by an operation that XLA does not know. */
const smallestStep: Step = ([x]) => {
  if (x === undefined) return [];
  const backend = tensorFlowBackend();
  const attributes = [
    { name: "T", type: backend.binding.TF_ATTR_TYPE, value: backend.binding.TF_FLOAT },
    { name: "reverse", type: backend.binding.TF_ATTR_BOOL, value: false },
  ];
  return [backend.executeSingleOutput("NthElement", attributes, [x, tf.scalar(0, "int32")])];
};

const drawingStep: Step = ([x]) => {
  if (x === undefined) return [];
  const key = tf.reshape<tf.Rank.R1>(tf.cast(tf.slice(x, 0, 1), "int32"), [2]);
  const firstRow = tf.slice(key, 0, 1);
  return [statelessUniformRows({ key, firstRow, numRows: 4, rowLength: 8 })];
};

const square = (): tf.Tensor => tf.tensor2d([1, 2, 3, 4], [2, 2]);

interface Outcome {
  readonly values: number[][];
  readonly reports: readonly TraceReport[];
}

function runTwice(step: Step, options: CompileOptions): Outcome {
  const reports: TraceReport[] = [];
  using compiled = compile(step, { onTrace: (report) => reports.push(report), ...options });
  tf.dispose(compiled.run([square()]));
  const values = compiled.run([square()]).map((tensor) => [...tensor.dataSync()]);
  return { values, reports };
}

describe("a trace is reported", () => {
  it("once, with its signature, its operations and how far it lies from the operations one by one", () => {
    const { reports } = runTwice(softmaxStep, { name: "soft" });
    expect(reports).toEqual([
      {
        step: "soft",
        trace: 1,
        signature: "float32[2,2]",
        numOperations: expect.any(Number),
        executedBy: "captured",
        fallback: undefined,
        captureMs: expect.any(Number),
        firstRunMs: expect.any(Number),
        difference: expect.any(Number),
        tolerance: 1e-3,
        numForgotten: 0,
      },
    ]);
    expect(reports[0]?.difference).toBeLessThan(1e-6);
    expect(reports[0]?.numOperations).toBeGreaterThan(4);
  });

  it("in one line for people", () => {
    const [report] = runTwice(softmaxStep, { name: "soft" }).reports;
    expect(
      report && traceText({ ...report, captureMs: 1000, firstRunMs: 230, difference: 2e-7 }),
    ).toMatch(
      /^compiled soft \(trace 1\): \d+ operations, 1\.2 s; within 2\.0e-7 of its operations one by one \(allowed 0\.001\)$/,
    );
  });

  it("with the number of older ones that were forgotten", () => {
    const reports: TraceReport[] = [];
    using compiled = compile(([x]) => (x ? [tf.neg(x)] : []), {
      onTrace: (report) => reports.push(report),
    });
    for (let length = 1; length <= 18; length += 1) compiled.run([tf.ones([length])]);
    expect(reports.map(({ numForgotten }) => numForgotten).slice(15)).toEqual([0, 1, 2]);
  });
});

describe("a compiled step is compared with its operations", () => {
  it("and refused beyond the tolerance, leaving no tensor and no function behind", () => {
    using compiled = compile(softmaxStep, { name: "soft", tolerance: -1 });
    const input = square();
    const before = tf.memory().numTensors;
    expect(() => compiled.run([input])).toThrow("soft, compiled, differs from its operations");
    expect(tf.memory().numTensors).toBe(before);
  });

  it("by the largest difference over the largest magnitude of a result", () => {
    const expected = [tf.tensor1d([1, -4]), tf.tensor1d([100, 0])];
    const actual = [tf.tensor1d([1, -4.1]), tf.tensor1d([101, 0.5])];
    expect(largestDifference(expected, actual)?.difference).toBeCloseTo(0.1 / 4, 6);
    expect(largestDifference(expected, actual)?.place).toBe(0);
    expect(largestDifference(expected, expected)).toEqual({ difference: 0, place: 0 });
  });

  it("where whole numbers differ, shapes differ or only one of the two is not finite, without measure", () => {
    const whole = tf.tensor1d([1, 2], "int32");
    expect(largestDifference([whole], [tf.tensor1d([1, 3], "int32")])?.difference).toBe(1);
    expect(largestDifference([whole], [tf.tensor1d([1], "int32")])?.difference).toBe(1);
    const nan = tf.tensor1d([Number.NaN]);
    expect(largestDifference([tf.tensor1d([1])], [nan])?.difference).toBe(Infinity);
    expect(largestDifference([nan], [tf.tensor1d([1])])).toBeUndefined();
  });
});

describe("a step by XLA", () => {
  it("gives what it gives without, and says so", () => {
    const plain = runTwice(softmaxStep, {});
    const compiled = runTwice(softmaxStep, { execution: "xla-required" });
    expect(compiled.reports[0]?.executedBy).toBe("xla");
    for (const [index, value] of (compiled.values[0] ?? []).entries()) {
      expect(value).toBeCloseTo(plain.values[0]?.[index] ?? Number.NaN, 5);
    }
  });

  it("goes on without it where XLA cannot, and tells the reason", () => {
    const { reports, values } = runTwice(smallestStep, { execution: "xla" });
    expect(values).toEqual([[1, 3]]);
    expect(reports[0]?.executedBy).toBe("captured");
    expect(reports[0]?.fallback).toContain("NthElement");
    expect(reports[0] && traceText(reports[0])).toContain("without XLA: ");
  });

  it("goes on without it where XLA draws other random numbers than TensorFlow's operations", () => {
    const { reports } = runTwice(drawingStep, { name: "draw", execution: "xla" });
    expect(reports[0]?.executedBy).toBe("captured");
    expect(reports[0]?.fallback).toContain("draw, compiled, differs from its operations");
    expect(reports[0]?.difference).toBe(0);
  });

  it("stops where XLA cannot and nothing else will do", () => {
    expect(() => runTwice(smallestStep, { name: "smallest", execution: "xla-required" })).toThrow(
      "XLA cannot compile smallest",
    );
  });
});

describe("a step that is not compiled", () => {
  it("runs its operations one by one, reports no trace and leaves its inputs alive", () => {
    let runs = 0;
    const reports: TraceReport[] = [];
    const step: Step = ([x]) => {
      runs += 1;
      return x ? [x, tf.mul(x, 2)] : [];
    };
    using eager = compile(step, { execution: "eager", onTrace: (report) => reports.push(report) });
    const input = tf.tensor1d([1, 2]);
    for (let run = 0; run < 2; run += 1) {
      const results = eager.run([input]);
      expect(results.map((tensor) => [...tensor.dataSync()])).toEqual([
        [1, 2],
        [2, 4],
      ]);
      tf.dispose(results);
    }
    expect([...input.dataSync()]).toEqual([1, 2]);
    expect([runs, reports.length]).toEqual([2, 0]);
  });

  it("may not draw from a state either", () => {
    using eager = compile(([x]) => (x ? [tf.dropout(x, 0.5)] : []), { execution: "eager" });
    expect(() => eager.run([square()])).toThrow("Math.random");
  });
});
