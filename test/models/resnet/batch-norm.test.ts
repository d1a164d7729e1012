import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { tensor4 } from "../../../src/models/ranks.ts";
import { batchNorm, runningSpecs } from "../../../src/models/resnet/batch-norm.ts";
import { initialiseWeights, type Weights } from "../../../src/models/weights.ts";
import { loadTensorFlow } from "../../../src/tensor/load.ts";
import { largestDifference, uniformTensor } from "../parity-fixture.ts";

beforeAll(loadTensorFlow);

describe("batch normalisation", () => {
  it('in mode "frozen" trains neither scale nor shift, in mode "eval" both', () => {
    const running = initialiseWeights(runningSpecs("bn", 4), { seed: 1, scale: "published" });
    const gradientIn = (mode: "eval" | "frozen"): boolean[] =>
      tf
        .grads((gamma: tf.Tensor, beta: tf.Tensor, x: tf.Tensor) => {
          const weights = { ...running, "bn.weight": gamma, "bn.bias": beta };
          const options = { name: "bn", mode, collect: () => undefined };
          const output = batchNorm(weights, tensor4(x), options);
          return tf.add(tf.sum(tf.square(output)), tf.mul(tf.sum(tf.add(gamma, beta)), 0));
        })([tf.ones([4]), tf.ones([4]), uniformTensor(1, "x", [2, 3, 3, 4])])
        .map((gradient) => gradient.dataSync().every((value) => value === 0));
    expect(gradientIn("frozen")).toEqual([true, true, false]);
    expect(gradientIn("eval")).toEqual([false, false, false]);
  });
});

describe("synchronised batch normalisation", () => {
  it("of two ranks with halves of a batch is that of the whole batch", () => {
    const weights = { "bn.weight": tf.tensor1d([1, 2, 3]), "bn.bias": tf.tensor1d([0, 1, 2]) };
    const whole = uniformTensor(5, "whole", [4, 2, 2, 3]);
    const probe = uniformTensor(5, "probe", [4, 2, 2, 3]);
    const expected = normalised({ weights, x: whole, probe });
    const [front = whole, back = whole] = tf.split(whole, 2);
    const probes = tf.split(probe, 2);
    const sums = sumsOfTwo(
      (sumOverRanks) => normalised({ weights, x: front, probe: probes[0], sumOverRanks }),
      (sumOverRanks) => normalised({ weights, x: back, probe: probes[1], sumOverRanks }),
    );
    for (const name of ["output", "gradient"] as const) {
      const halves = sums.flatMap((half) => [...half[name]]);
      expect(largestDifference(halves, expected[name])).toBeLessThan(1e-5);
    }
    for (const half of sums) {
      expect(largestDifference(half.variance, expected.variance)).toBeLessThan(1e-6);
    }
  });
});

type Sum = (x: tf.Tensor) => tf.Tensor;

interface NormCall {
  readonly weights: Weights;
  readonly x: tf.Tensor;
  readonly probe: tf.Tensor | undefined;
  readonly sumOverRanks?: Sum;
}

interface NormResult {
  readonly output: Float32Array;
  readonly gradient: Float32Array;
  readonly variance: Float32Array;
}

function normalised({ probe = tf.scalar(0), sumOverRanks, weights, x }: NormCall): NormResult {
  const found = new Map<string, Float32Array>();
  const keep = (name: string, tensor: tf.Tensor): unknown =>
    found.set(name, Float32Array.from(tensor.dataSync()));
  const gradient = tf.grad((values: tf.Tensor) => {
    const options = { name: "bn", mode: "train", collect: keep, sumOverRanks } as const;
    const output = batchNorm(weights, tensor4(values), options);
    keep("output", output);
    return tf.sum(tf.mul(output, probe));
  })(x);
  const empty = new Float32Array();
  return {
    output: found.get("output") ?? empty,
    gradient: Float32Array.from(gradient.dataSync()),
    variance: found.get("bn.running_var") ?? empty,
  };
}

/** More than the sums that one normalisation asks for, each of which depends on those before. */
const ROUNDS = 8;

/** Runs two ranks that sum with each other: over and over, with what the other has told the time before. */
function sumsOfTwo<Result>(...ranks: readonly ((sum: Sum) => Result)[]): Result[] {
  const told: tf.Tensor[][] = ranks.map(() => []);
  let results: Result[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    results = ranks.map((rank, place) => {
      const own: tf.Tensor[] = [];
      const others = told[1 - place] ?? [];
      const result = rank((x) => {
        const other = others[own.length];
        own.push(tf.keep(tf.clone(x)));
        return other === undefined ? tf.clone(x) : tf.add(x, other);
      });
      told[place] = own;
      return result;
    });
  }
  return results;
}
