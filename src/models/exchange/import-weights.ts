import assert from "node:assert/strict";
import { StateError } from "../../core/errors.ts";
import { sizeOfShape, type TensorEntry } from "../../tensor/weight-files/element-types.ts";
import { TensorFiles } from "../../tensor/weight-files/tensor-files.ts";
import type { WeightSpec } from "../weights.ts";
import { type MappedWeight, type MappingReport, mapWeights } from "./mapping.ts";
import type { NameLayout } from "./name-layout.ts";

/** A weight by our name, row-major. */
export interface NamedWeight {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** Makes the values of a weight whose shape in the file is another. */
export interface ShapeFitting {
  readonly fits: (spec: WeightSpec, shape: readonly number[]) => boolean;
  readonly fit: (weight: NamedWeight, shape: readonly number[]) => Float32Array;
}

export interface ImportOptions {
  readonly layout: NameLayout;
  /** The model's weights and buffers; left out: whatever the file has. */
  readonly specs?: readonly WeightSpec[];
  /** What our names begin with, such as "visual."; only such weights take part. */
  readonly prefix?: string;
  /** Left out: another shape is refused. */
  readonly fitting?: ShapeFitting;
}

/** Weights of a published file under our names, read one by one as they are asked for; to be disposed. */
export interface ImportedWeights extends AsyncDisposable {
  readonly report: MappingReport;
  readonly mapped: readonly MappedWeight[];
  readonly read: (weight: MappedWeight) => Promise<NamedWeight>;
  readonly weights: () => AsyncGenerator<NamedWeight>;
}

/**
 * Opens a file, or an index of several, and says what becomes of each tensor in it and of each weight of the model; no
 * tensor is read yet. Throws StateError where they do not fit (`mapWeights`).
 */
export async function importWeights(
  path: string,
  options: ImportOptions,
): Promise<ImportedWeights> {
  const files = await TensorFiles.open(path);
  try {
    const { fitting, layout, prefix = "", specs } = options;
    const request = { file: path, layout, prefix, specs, ...(fitting && { fits: fitting.fits }) };
    const { report, weights: mapped } = mapWeights(files.entries, request);
    const source = { files, path, fitting };
    return {
      report,
      mapped,
      read: (weight) => readWeight(weight, source),
      weights: async function* weights() {
        for (const weight of mapped) yield await readWeight(weight, source);
      },
      [Symbol.asyncDispose]: () => files[Symbol.asyncDispose](),
    };
  } catch (error) {
    await files[Symbol.asyncDispose]();
    throw error;
  }
}

interface Source {
  readonly files: TensorFiles;
  readonly path: string;
  readonly fitting: ShapeFitting | undefined;
}

async function readWeight(weight: MappedWeight, source: Source): Promise<NamedWeight> {
  const { name, parts, shape } = weight;
  const values = await joinedValues(parts, source);
  if (weight.addedRow !== undefined) {
    const table = await floatsOf(weight.addedRow, source);
    addRow(values, table.subarray(0, shape.at(-1)));
  }
  if (source.fitting === undefined || values.length === sizeOfShape(shape))
    return { name, shape, values };
  // Another shape was let through for this alone.
  const fitted = source.fitting.fit({ name, shape, values }, parts[0]?.shape ?? []);
  assert(fitted.length === sizeOfShape(shape), `${name} was fitted to ${fitted.length} values`);
  return { name, shape, values: fitted };
}

async function joinedValues(parts: readonly TensorEntry[], source: Source): Promise<Float32Array> {
  const [first] = parts;
  if (parts.length === 1 && first !== undefined) return floatsOf(first, source);
  const length = parts.reduce((sum, { shape }) => sum + sizeOfShape(shape), 0);
  const values = new Float32Array(length);
  let offset = 0;
  for (const part of parts) {
    values.set(await floatsOf(part, source), offset);
    offset += sizeOfShape(part.shape);
  }
  return values;
}

async function floatsOf(entry: TensorEntry, { files, path }: Source): Promise<Float32Array> {
  const tensor = await files.read(entry);
  if (tensor.dtype === "F32") return tensor.data;
  throw new StateError(`${path}: ${entry.name} has integers (${entry.dtype}), weights are floats`, {
    file: path,
    record: entry.name,
    remedy: "take a file whose weights are not quantised",
  });
}

function addRow(values: Float32Array, row: Float32Array): void {
  for (let index = 0; index < values.length; index += 1) {
    values[index] = (values[index] ?? 0) + (row[index % row.length] ?? 0);
  }
}
