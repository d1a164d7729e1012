import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs-core";
import { z } from "zod";
import { sha256OfFile } from "../../core/digest.ts";
import { errnoOf, StateError } from "../../core/errors.ts";
import { syncFolder, writeFileAtomically } from "../../core/files.ts";
import {
  type LoaderState,
  parseLoaderState,
  serializeLoaderState,
} from "../../loader/batching/loader-state.ts";
import { readSafetensors, writeSafetensors } from "../../tensor/safetensors.ts";
import type { NamedTensor } from "../../tensor/weight-files/element-types.ts";
import type { FlatLayout } from "../step/flat-weights.ts";
import type { TrainingState } from "../step/training-state.ts";
import { parseStateJson } from "./state-file.ts";

export const MODEL_FILE = "model.safetensors";
/** The weights' moving average by their names, where the recipe keeps one. */
export const AVERAGE_FILE = "average.safetensors";
const OPTIMIZER_FILE = "optimizer.safetensors";
const LOADER_FILE = "loader.json";
const STATE_FILE = "state.json";
const FOLDER_NAME = /^step-(\d{8})$/;
const UNFINISHED_NAME = /^step-\d{8}\.part$/;
/** How many checkpoints of a run are kept, the newest ones. */
const KEPT_CHECKPOINTS = 2;

const DAMAGE_REMEDY =
  "remove this checkpoint's folder; the run goes on from the one before it, or from the start";

const stateSchema = z.strictObject({
  format: z.literal("crossweave-checkpoint"),
  version: z.literal(1),
  step: z.int().nonnegative(),
  runDigest: z.string(),
  proofs: z.array(z.string().nullable()).optional(),
  files: z.array(z.strictObject({ file: z.string(), sha256: z.string() })),
});

export interface CheckpointContent {
  readonly step: number;
  /** Digest of the run's inputs; a checkpoint is good for no other run. */
  readonly runDigest: string;
  /** The run's proofs, for whoever is given the checkpoint alone; the run's digest covers them. */
  readonly proofs?: readonly (string | null)[] | undefined;
  readonly state: TrainingState;
  /** Where the stream of batches stands behind this step's. */
  readonly loader: LoaderState;
}

/** How the numbers of a state are named in a checkpoint. */
export interface StateLayouts {
  readonly layout: FlatLayout;
  readonly bufferLayout: FlatLayout;
}

/** Writes a checkpoint so that its folder's name never shows a part of it, then removes the oldest ones. */
export async function saveCheckpoint(
  folder: string,
  content: CheckpointContent,
  layouts: StateLayouts,
): Promise<void> {
  const name = `step-${String(content.step).padStart(8, "0")}`;
  const partial = join(folder, `${name}.part`);
  try {
    await writeParts(partial, content, layouts);
  } catch (error) {
    await rm(partial, { recursive: true, force: true }); // a full disk gets its space back
    throw error;
  }
  const final = join(folder, name);
  await rm(final, { recursive: true, force: true });
  await rename(partial, final);
  await syncFolder(folder);
  await removeOldest(folder);
}

/** Writes a checkpoint's files, the one that names the others last. */
async function writeParts(
  partial: string,
  content: CheckpointContent,
  { bufferLayout, layout }: StateLayouts,
): Promise<void> {
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { recursive: true });
  const { average, buffers, weights, firstMoment, secondMoment } = content.state;
  await writeSafetensors(join(partial, MODEL_FILE), [
    ...namedWeights(layout, await floats(weights)),
    ...namedWeights(bufferLayout, await floats(buffers)),
  ]);
  await writeSafetensors(join(partial, OPTIMIZER_FILE), [
    { name: "first_moment", dtype: "F32", shape: [layout.length], data: await floats(firstMoment) },
    {
      name: "second_moment",
      dtype: "F32",
      shape: [layout.length],
      data: await floats(secondMoment),
    },
  ]);
  const hasAverage = average.size > 0;
  if (hasAverage) {
    const named = namedWeights(layout, await floats(average));
    await writeSafetensors(join(partial, AVERAGE_FILE), named);
  }
  await writeFile(join(partial, LOADER_FILE), serializeLoaderState(content.loader));
  const written = [MODEL_FILE, OPTIMIZER_FILE, LOADER_FILE, ...(hasAverage ? [AVERAGE_FILE] : [])];
  const files = written.map(async (file) => ({
    file,
    sha256: await sha256OfFile(join(partial, file)),
  }));
  const state = {
    format: "crossweave-checkpoint",
    version: 1,
    step: content.step,
    runDigest: content.runDigest,
    proofs: content.proofs,
    files: await Promise.all(files),
  };
  await writeFileAtomically(join(partial, STATE_FILE), `${JSON.stringify(state, null, 2)}\n`);
}

/** The newest complete checkpoint of a run: its folder and step; undefined when there is none. */
export async function latestCheckpoint(
  folder: string,
): Promise<{ readonly folder: string; readonly step: number } | undefined> {
  const latest = (await checkpointNames(folder)).at(-1);
  if (latest === undefined) return undefined;
  return { folder: join(folder, latest), step: Number(FOLDER_NAME.exec(latest)?.[1]) };
}

/** What a whole checkpoint holds. */
export interface VerifiedCheckpoint {
  readonly step: number;
  /** Whether the weights' moving average is there. */
  readonly hasAverage: boolean;
}

/** Checks that a checkpoint is whole and belongs to the run of this digest. StateError when it is damaged or another run's. */
export async function verifyCheckpoint(
  folder: string,
  expectedRun: string,
): Promise<VerifiedCheckpoint> {
  const statePath = join(folder, STATE_FILE);
  const text = await presentIn(statePath, readFile(statePath, "utf8"));
  const place = { file: statePath, remedy: DAMAGE_REMEDY };
  const { step, runDigest, files } = parseStateJson(stateSchema, text, place);
  if (runDigest !== expectedRun) {
    throw new StateError(
      `${folder} belongs to another run: other recipe, vocabulary or shard sets`,
      { file: statePath, remedy: "train into another folder, or start over with --fresh" },
    );
  }
  for (const { file, sha256 } of files) {
    const path = join(folder, file);
    const actual = await presentIn(path, sha256OfFile(path));
    if (actual !== sha256) throw damaged(path, `sha256 ${actual}, recorded ${sha256}`);
  }
  return { step, hasAverage: files.some(({ file }) => file === AVERAGE_FILE) };
}

/** Loads a checkpoint after checking it; StateError when it is damaged or belongs to another run. */
export async function loadCheckpoint(
  folder: string,
  expected: StateLayouts & { readonly runDigest: string },
): Promise<CheckpointContent> {
  const { bufferLayout, runDigest, layout } = expected;
  const { hasAverage, step } = await verifyCheckpoint(folder, runDigest);
  const loaderPath = join(folder, LOADER_FILE);
  const loader = parseLoaderState(
    await presentIn(loaderPath, readFile(loaderPath, "utf8")),
    loaderPath,
  );
  const path = join(folder, OPTIMIZER_FILE);
  const optimizer = await readSafetensors(path);
  const moment = (name: string): tf.Tensor1D =>
    tf.tensor1d(valuesOf(optimizer, { path, name, length: layout.length }));
  return {
    step,
    runDigest,
    loader,
    state: {
      weights: tf.tensor1d(await flatWeights(join(folder, MODEL_FILE), layout)),
      buffers: tf.tensor1d(await flatWeights(join(folder, MODEL_FILE), bufferLayout)),
      average: hasAverage
        ? tf.tensor1d(await flatWeights(join(folder, AVERAGE_FILE), layout))
        : tf.zeros([0]),
      firstMoment: moment("first_moment"),
      secondMoment: moment("second_moment"),
    },
  };
}

async function flatWeights(path: string, layout: FlatLayout): Promise<Float32Array> {
  const named = await readSafetensors(path);
  const flat = new Float32Array(layout.length);
  let offset = 0;
  for (const [index, spec] of layout.specs.entries()) {
    const length = layout.sizes[index] ?? 0;
    flat.set(valuesOf(named, { path, name: spec.name, length }), offset);
    offset += length;
  }
  return flat;
}

function valuesOf(
  tensors: ReadonlyMap<string, NamedTensor>,
  wanted: { readonly path: string; readonly name: string; readonly length: number },
): Float32Array {
  const { path, name, length } = wanted;
  const found = tensors.get(name);
  if (found?.dtype === "F32" && found.data.length === length) return found.data;
  const seen = found === undefined ? "none" : `${found.data.length} of ${found.dtype}`;
  throw damaged(path, `${name} should have ${length} values of F32, found ${seen}`);
}

function namedWeights(layout: FlatLayout, flat: Float32Array): NamedTensor[] {
  let offset = 0;
  return layout.specs.map((spec, index) => {
    const start = offset;
    offset += layout.sizes[index] ?? 0;
    return { name: spec.name, dtype: "F32", shape: spec.shape, data: flat.subarray(start, offset) };
  });
}

async function floats(tensor: tf.Tensor1D): Promise<Float32Array> {
  return new Float32Array(await tensor.data());
}

async function checkpointNames(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch((error: unknown) => {
    if (errnoOf(error) === "ENOENT") return [];
    throw error;
  });
  return names.filter((name) => FOLDER_NAME.test(name)).toSorted();
}

/** Removes all but the newest checkpoints, and what a kill has left half-written. */
async function removeOldest(folder: string): Promise<void> {
  const old = (await checkpointNames(folder)).slice(0, -KEPT_CHECKPOINTS);
  const unfinished = (await readdir(folder)).filter((name) => UNFINISHED_NAME.test(name));
  for (const name of [...old, ...unfinished]) {
    await rm(join(folder, name), { recursive: true, force: true });
  }
}

/** What a file of a checkpoint gives; StateError when it is not there. */
async function presentIn<Value>(path: string, reading: Promise<Value>): Promise<Value> {
  try {
    return await reading;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") throw damaged(path, "the file is missing");
    throw error;
  }
}

function damaged(file: string, fault: string): StateError {
  return new StateError(`${file}: the checkpoint is damaged: ${fault}`, {
    file,
    remedy: DAMAGE_REMEDY,
  });
}
