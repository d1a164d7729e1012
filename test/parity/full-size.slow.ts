import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { importWeights } from "../../src/models/exchange/import-weights.ts";
import { layoutNamed } from "../../src/models/exchange/layouts.ts";
import type { Weights, WeightSpec } from "../../src/models/weights.ts";
import { loadTensorFlow } from "../../src/tensor/load.ts";
import { readSafetensors } from "../../src/tensor/safetensors.ts";
import { probed } from "../models/parity-gradients.ts";
import { largest, largestDifference, relativeL2 } from "../models/parity-fixture.ts";
import { pythonEnvironment } from "../python-environment.ts";
import { type FullSizeModel, fullSizeModels } from "./full-size-models.ts";

// Full-size parity with PyTorch 2.13.0 and transformers 5.23.0: weights and gradients travel as the files that
// transformers saves, references are float64. Each case prints its errors and PyTorch's own in float32.

const SEED = 1;
/** Of the gradient's scale: a key's bias has none, so that only noise is there (S-9). */
const KEY_BIAS_ERROR = 1e-6;

/** Of outputs, where the table has no relative tolerance: ten times what PyTorch's own float32 shows. */
const LARGEST_RELATIVE = 1e-5;

interface Reference {
  readonly folder: string;
  readonly values: (name: string) => Float32Array;
}

async function makeReference(part: string, folder: string): Promise<Reference> {
  const python = await pythonEnvironment("requirements.txt", import.meta.dirname);
  await python.run("full_size.py", [part, "--seed", String(SEED), "--out", folder]);
  const outputs = await readSafetensors(join(folder, "outputs.safetensors"));
  return {
    folder,
    values: (name) => {
      const tensor = outputs.get(name);
      if (tensor?.dtype !== "F32") throw new RangeError(`no output ${name}`);
      return tensor.data;
    },
  };
}

/** Weights, or gradients under the names of weights, as transformers has saved them. */
async function imported(
  { folder }: Reference,
  kind: "weights" | "gradients",
  of: { readonly layout: string; readonly specs: readonly WeightSpec[] },
): Promise<ReadonlyMap<string, { shape: readonly number[]; values: Float32Array }>> {
  const options = { layout: layoutNamed(of.layout), specs: of.specs };
  await using file = await importWeights(join(folder, kind), options);
  expect([file.report.missing, file.report.outside]).toEqual([[], []]);
  const named = new Map<string, { shape: readonly number[]; values: Float32Array }>();
  for await (const { name, shape, values } of file.weights()) named.set(name, { shape, values });
  return named;
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function compareOutputs(
  actual: Readonly<Record<string, tf.Tensor>>,
  model: FullSizeModel,
  reference: Reference,
): void {
  for (const [name, tensor] of Object.entries(actual)) {
    const expected = reference.values(`float64/${name}`);
    const theirs = reference.values(`float32/${name}`);
    const ours = tensor.dataSync();
    const difference = largestDifference(ours, expected);
    const relative = relativeL2(ours, expected);
    say(
      `${model.part} ${name} [${tensor.shape.join(", ")}]: ours max ${difference.toExponential(1)}, rel ${relative.toExponential(1)}; PyTorch's float32 max ${largestDifference(theirs, expected).toExponential(1)}, rel ${relativeL2(theirs, expected).toExponential(1)}; largest value ${largest(expected).toFixed(1)}`,
    );
    expect(difference).toBeLessThan(model.tolerances.outputs?.[name] ?? Infinity);
    expect(relative).toBeLessThan(model.tolerances.relative ?? LARGEST_RELATIVE);
  }
}

/** Gradients of all trained weights, one after the other given back and let go of. */
function gradientsOf(weights: Weights, model: FullSizeModel): ReadonlyMap<string, Float32Array> {
  const names = model.specs.map(({ name }) => name);
  const trained = names.flatMap((name) => weights[name] ?? []);
  const gradients = tf.grads((...tensors: tf.Tensor[]) => {
    const moved = names.map((name, place) => [name, tensors[place] ?? tf.zeros([1])] as const);
    const outputs = model.forward({ ...weights, ...Object.fromEntries(moved) }, SEED);
    const losses = Object.entries(outputs).map(([name, output]) =>
      probed(SEED, `probe/${name}`, output),
    );
    return tf.addN(losses);
  })(trained);
  return new Map(
    gradients.map((gradient, place) => {
      const values = Float32Array.from(gradient.dataSync());
      gradient.dispose();
      return [names[place] ?? "", values];
    }),
  );
}

/** The gradient without the part that is mathematically zero, and that part. */
function withoutKeyBias(
  name: string,
  values: Float32Array,
): { readonly rest: Float32Array; readonly key: Float32Array } {
  if (name.endsWith("self.key.bias")) return { rest: new Float32Array(0), key: values };
  if (!name.endsWith("qkv.bias")) return { rest: values, key: new Float32Array(0) };
  const size = values.length / 3;
  const rest = Float32Array.of(...values.subarray(0, size), ...values.subarray(2 * size));
  return { rest, key: values.subarray(size, 2 * size) };
}

async function compareGradients(
  weights: Weights,
  model: FullSizeModel,
  reference: Reference,
): Promise<void> {
  const expected = await imported(reference, "gradients", model);
  const errors: { name: string; error: number }[] = [];
  let keyBias = 0;
  for (const [name, values] of gradientsOf(weights, model)) {
    const ours = withoutKeyBias(name, values);
    const theirs = withoutKeyBias(name, expected.get(name)?.values ?? new Float32Array(0));
    if (theirs.rest.length > 0) errors.push({ name, error: relativeL2(ours.rest, theirs.rest) });
    const query = expected.get(name.replace("self.key", "self.query"))?.values ?? values;
    if (ours.key.length > 0) keyBias = Math.max(keyBias, largest(ours.key) / largest(query));
  }
  errors.sort((a, b) => b.error - a.error);
  const [worst] = errors;
  const median = errors[Math.floor(errors.length / 2)]?.error ?? Number.NaN;
  const [theirMedian = Number.NaN, theirWorst = Number.NaN] =
    reference.values("float32/gradient_errors");
  say(
    `${model.part} gradients of ${errors.length} weights: ours median ${median.toExponential(1)}, worst ${worst?.error.toExponential(1)} (${worst?.name}); PyTorch's float32 median ${theirMedian.toExponential(1)}, worst ${theirWorst.toExponential(1)}; key biases ${keyBias.toExponential(1)} of the scale`,
  );
  expect(errors).toHaveLength(model.specs.filter(({ name }) => !name.endsWith("key.bias")).length);
  expect(worst?.error).toBeLessThan(model.tolerances.gradient ?? 0);
  expect(keyBias).toBeLessThan(KEY_BIAS_ERROR);
}

beforeAll(loadTensorFlow);

describe.each(fullSizeModels)("$part at full size", (model) => {
  it("S-8, S-9, B-2, R-3: gives what transformers gives, and the same gradients", async () => {
    expect.hasAssertions();
    const folder = await mkdtemp(join(tmpdir(), `crossweave-${model.part}-`));
    try {
      const reference = await makeReference(model.part, folder);
      const specs = [...model.specs, ...model.buffers];
      const named = await imported(reference, "weights", { layout: model.layout, specs });
      const weights: Weights = Object.fromEntries(
        [...named].map(([name, { shape, values }]) => [name, tf.tensor(values, [...shape])]),
      );
      tf.tidy(() => compareOutputs(model.forward(weights, SEED), model, reference));
      if (model.tolerances.gradient !== undefined)
        await compareGradients(weights, model, reference);
      tf.dispose(weights);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
