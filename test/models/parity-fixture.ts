import { join } from "node:path";
import * as tf from "@tensorflow/tfjs-core";
import type { Weights, WeightSpec } from "../../src/models/weights.ts";
import { readSafetensors } from "../../src/tensor/safetensors.ts";

// The TypeScript side of fixtures/make-fixtures.py: the same numbers from the same seed and names.

export interface Fixture {
  readonly seed: number;
  /** The names of all reference tensors. */
  readonly names: readonly string[];
  /** The values of a reference tensor, row-major. */
  values(name: string): Float32Array;
}

/** A file that make-fixtures.py has written; `path` is below test/. */
export async function readFixture(path: string): Promise<Fixture> {
  const tensors = await readSafetensors(join(import.meta.dirname, "..", path));
  return {
    seed: tensors.get("seed")?.data[0] ?? Number.NaN,
    names: [...tensors.keys()],
    values: (name) => {
      const tensor = tensors.get(name);
      if (tensor?.dtype !== "F32") throw new RangeError(`${path} has no "${name}"`);
      return tensor.data;
    },
  };
}

const SHIFT = 2 ** 31;

/** Numbers in [-1, 1): FNV-1a of the name, then MurmurHash3's finalizer of each index. */
export function uniform(seed: number, name: string, shape: readonly number[]): Float32Array {
  let base = 0x811c9dc5;
  for (const byte of Buffer.from(`${seed}/${name}`)) base = Math.imul(base ^ byte, 0x01000193);
  return Float32Array.from({ length: sizeOf(shape) }, (_, index) => {
    let word = (Math.imul(index, 0x9e3779b9) + base) | 0;
    word = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
    word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35);
    word ^= word >>> 16;
    return (word >>> 0) / SHIFT - 1;
  });
}

/** A tensor of numbers in [-1, 1). */
export function uniformTensor(seed: number, name: string, shape: readonly number[]): tf.Tensor {
  return tf.tensor(uniform(seed, name, shape), [...shape]);
}

/** Random weights for all specs, as `fill` of make-fixtures.py draws them. */
export function fixtureWeights(specs: readonly WeightSpec[], seed: number): Weights {
  return Object.fromEntries(
    specs.map(({ name, shape }) => {
      const values = uniform(seed, name, shape);
      return [name, tf.tensor(values.map(scaling(name, shape)), [...shape])];
    }),
  );
}

function scaling(name: string, shape: readonly number[]): (value: number) => number {
  const small = Math.fround(0.3);
  if (name.toLowerCase().includes("norm") && name.endsWith(".weight")) {
    return (value) => 1 + Math.fround(small * value);
  }
  if (shape.length === 1 || name.endsWith("_table")) return (value) => small * value;
  const factor = Math.fround(Math.sqrt(3 / sizeOf(shape.slice(1))));
  return (value) => factor * value;
}

/** |actual - expected| / |expected| in the L2 norm. */
export function relativeL2(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  let [difference, norm] = [0, 0];
  for (let index = 0; index < expected.length; index += 1) {
    const wanted = expected[index] ?? Number.NaN;
    difference += ((actual[index] ?? Number.NaN) - wanted) ** 2;
    norm += wanted ** 2;
  }
  return actual.length === expected.length ? Math.sqrt(difference / norm) : Number.NaN;
}

/** The largest |actual - expected|; NaN when their lengths differ. */
export function largestDifference(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Number.NaN;
  return largest(
    Float64Array.from(expected, (wanted, index) => (actual[index] ?? Number.NaN) - wanted),
  );
}

/** The largest |value|, of as many as there may be; NaN when one is NaN. */
export function largest(values: ArrayLike<number>): number {
  let found = 0;
  for (let index = 0; index < values.length; index += 1) {
    found = Math.max(found, Math.abs(values[index] ?? 0));
  }
  return found;
}

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}
