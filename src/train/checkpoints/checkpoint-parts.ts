import type * as tf from "@tensorflow/tfjs-core";
import { type LoaderState, serializeLoaderState } from "../../loader/batching/loader-state.ts";
import type { NamedTensor } from "../../tensor/weight-files/element-types.ts";
import type { RunRecord } from "../run/run-record.ts";
import type { FlatLayout } from "../step/flat-weights.ts";
import type { TrainingState } from "../step/training-state.ts";

// What a checkpoint's folder holds: the model, the optimizer's moments and, where the recipe keeps one, the weights' moving
// average, each in one file of safetensors or in several beside an index; loader.json; state.json, which names the others.

export const MODEL_STEM = "model";
export const OPTIMIZER_STEM = "optimizer";
/** The weights' moving average by their names, where the recipe keeps one. */
export const AVERAGE_STEM = "average";
export const LOADER_FILE = "loader.json";
export const STATE_FILE = "state.json";
/** Before a weight's name in the optimizer's files. */
export const momentPrefixes = { first: "first_moment.", second: "second_moment." } as const;

const FOLDER_NAME = /^step-(\d{8})$/;
/** Half-written, or about to be removed. */
const UNFINISHED_NAME = /^step-\d{8}\.part$/;

export function checkpointName(step: number): string {
  return `step-${String(step).padStart(8, "0")}`;
}

/** The step of a whole checkpoint's folder; undefined for any other name. */
export function stepOfName(name: string): number | undefined {
  const digits = FOLDER_NAME.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

export function isUnfinished(name: string): boolean {
  return UNFINISHED_NAME.test(name);
}

export interface CheckpointContent {
  readonly step: number;
  /** Of the run whose checkpoint it is; it is good for no other. */
  readonly record: RunRecord;
  readonly state: TrainingState;
  /** Where the stream of batches stands behind this step's. */
  readonly loader: LoaderState;
}

/** How the numbers of a state are named in a checkpoint. */
export interface StateLayouts {
  readonly layout: FlatLayout;
  readonly bufferLayout: FlatLayout;
}

/** Tensors that are written together. */
export interface TensorGroup {
  /** Of the files' names. */
  readonly stem: string;
  readonly tensors: readonly NamedTensor[];
}

/** A checkpoint as values that a thread can be given: later steps change nothing of it. */
export interface CheckpointParts {
  readonly step: number;
  readonly record: RunRecord;
  readonly groups: readonly TensorGroup[];
  /** The text of `LOADER_FILE`. */
  readonly loader: string;
}

/** Copies a state out of the runtime. */
export async function checkpointParts(
  { loader, record, state, step }: CheckpointContent,
  { bufferLayout, layout }: StateLayouts,
): Promise<CheckpointParts> {
  const model = [
    ...(await named(state.weights, layout)),
    ...(await named(state.buffers, bufferLayout)),
  ];
  const optimizer = [
    ...(await named(state.firstMoment, layout, momentPrefixes.first)),
    ...(await named(state.secondMoment, layout, momentPrefixes.second)),
  ];
  const groups = [
    { stem: MODEL_STEM, tensors: model },
    { stem: OPTIMIZER_STEM, tensors: optimizer },
    ...(state.average.size === 0
      ? []
      : [{ stem: AVERAGE_STEM, tensors: await named(state.average, layout) }]),
  ];
  return { step, record, groups, loader: serializeLoaderState(loader) };
}

async function named(vector: tf.Tensor1D, of: FlatLayout, prefix = ""): Promise<NamedTensor[]> {
  const flat = await copied(vector);
  let offset = 0;
  return of.specs.map(({ name, shape }, index) => {
    const start = offset;
    offset += of.sizes[index] ?? 0;
    return { name: prefix + name, dtype: "F32", shape, data: flat.subarray(start, offset) };
  });
}

/** tfjs may give the very array that a tensor was made of. */
async function copied(vector: tf.Tensor1D): Promise<Float32Array> {
  return new Float32Array(await vector.data());
}
