import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs-core";
import { expect } from "vitest";
import { z } from "zod";
import type { ImportedWeights } from "../../../src/models/exchange/import-weights.ts";
import type { Weights } from "../../../src/models/weights.ts";
import { loadTensorFlow } from "../../../src/tensor/load.ts";
import { type TensorSource, writeTensors } from "../../../src/tensor/weight-files/tensor-writer.ts";
import {
  type Fixture,
  largestDifference,
  readFixture,
  relativeL2,
  uniform,
} from "../parity-fixture.ts";

// The TypeScript side of fixtures/make_fixtures.py: files with the names and shapes that published programs save.

const FIXTURES = join(import.meta.dirname, "fixtures");
const namesSchema = z.record(z.string(), z.record(z.string(), z.array(z.int())));

/** Names and shapes of the tensors that a program saves, by the fixture's name of the program. */
export async function publishedShapes(program: string): Promise<Record<string, number[]>> {
  const text = await readFile(join(FIXTURES, "names.json"), "utf8");
  const shapes = namesSchema.parse(JSON.parse(text))[program];
  if (shapes === undefined) throw new RangeError(`names.json has no "${program}"`);
  return shapes;
}

/** The tensors of such a file, with the values that `weight_of` of test/parity/drawing.py draws. */
export function publishedTensors(
  shapes: Readonly<Record<string, readonly number[]>>,
  seed: number,
): TensorSource[] {
  return Object.entries(shapes).map(([name, shape]) =>
    name.endsWith(".num_batches_tracked")
      ? { name, dtype: "I32", shape, load: () => Promise.resolve(new Int32Array(1)) }
      : { name, dtype: "F32", shape, load: () => Promise.resolve(drawn(seed, name, shape)) },
  );
}

/** Values drawn by name. */
export function drawn(seed: number, name: string, shape: readonly number[]): Float32Array {
  return uniform(seed, name, shape).map(scaling(name, shape));
}

function scaling(name: string, shape: readonly number[]): (value: number) => number {
  const small = Math.fround(0.3);
  const isNorm = name.toLowerCase().includes("norm") && name.endsWith(".weight");
  if (isNorm || name.endsWith(".running_var")) return (value) => 1 + Math.fround(small * value);
  if (shape.length <= 1 || name.endsWith("_table")) return (value) => small * value;
  const fanIn = shape.slice(1).reduce((product, size) => product * size, 1);
  const factor = Math.fround(Math.sqrt(3 / fanIn));
  return (value) => factor * value;
}

/** The fixtures of one test file, and a folder for the files it writes. */
export interface Published extends AsyncDisposable {
  readonly fixture: Fixture;
  /** Writes a file of these tensors. */
  readonly fileOf: (tensors: readonly TensorSource[]) => Promise<string>;
  /** The tensors that a program saves. */
  readonly tensorsOf: (program: string) => Promise<TensorSource[]>;
  /** Holds a tensor to a reference, as section 5.2 of the reference does. */
  readonly expectClose: (actual: tf.Tensor, name: string, tolerance: number) => void;
}

export async function openPublished(): Promise<Published> {
  await loadTensorFlow();
  const folder = await mkdtemp(join(tmpdir(), "crossweave-published-"));
  const fixture = await readFixture("models/exchange/fixtures/outputs.safetensors");
  return {
    fixture,
    fileOf: async (tensors) => {
      const path = join(folder, "model.safetensors");
      await writeTensors(path, tensors);
      return path;
    },
    tensorsOf: async (program) => publishedTensors(await publishedShapes(program), fixture.seed),
    expectClose: (actual, name, tolerance) => {
      const expected = fixture.values(name);
      expect(largestDifference(actual.dataSync(), expected)).toBeLessThan(tolerance);
      expect(relativeL2(actual.dataSync(), expected)).toBeLessThan(1e-5);
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  };
}

/** All weights as tensors, by their names without `prefix`. */
export async function importedTensors(imported: ImportedWeights, prefix = ""): Promise<Weights> {
  const named: Record<string, tf.Tensor> = {};
  for await (const { name, shape, values } of imported.weights()) {
    named[name.slice(prefix.length)] = tf.tensor(values, [...shape]);
  }
  return named;
}
