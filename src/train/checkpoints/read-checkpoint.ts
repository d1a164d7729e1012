import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs-core";
import { z } from "zod";
import { sha256OfFile } from "../../core/digest.ts";
import { errnoOf, StateError } from "../../core/errors.ts";
import { parseLoaderState } from "../../loader/batching/loader-state.ts";
import type { NamedTensor } from "../../tensor/weight-files/element-types.ts";
import { TensorFiles } from "../../tensor/weight-files/tensor-files.ts";
import { INDEX_SUFFIX, SAFETENSORS_SUFFIX } from "../../tensor/weight-files/tensor-writer.ts";
import { differingInputs, isOfRun, type RunRecord } from "../run/run-record.ts";
import { recordSchema, withRecipe } from "../run/run-record-schema.ts";
import { parseStateJson } from "../run/state-file.ts";
import type { FlatLayout } from "../step/flat-weights.ts";
import {
  AVERAGE_STEM,
  type CheckpointContent,
  LOADER_FILE,
  MODEL_STEM,
  momentPrefixes,
  OPTIMIZER_STEM,
  STATE_FILE,
  type StateLayouts,
  stepOfName,
} from "./checkpoint-parts.ts";

const DAMAGE_REMEDY =
  "remove this checkpoint's folder; the run goes on from the one before it, or from the start";

const stateSchema = z.strictObject({
  format: z.literal("crossweave-checkpoint"),
  version: z.literal(2),
  step: z.int().nonnegative(),
  record: recordSchema,
  files: z.array(z.strictObject({ file: z.string(), sha256: z.string() })),
});

/** The newest complete checkpoint of a run: its folder and step; undefined when there is none. */
export async function latestCheckpoint(
  folder: string,
): Promise<{ readonly folder: string; readonly step: number } | undefined> {
  const names = await readdir(folder).catch((error: unknown) => {
    if (errnoOf(error) === "ENOENT") return [];
    throw error;
  });
  const steps = names.map((name) => ({ name, step: stepOfName(name) ?? -1 }));
  const latest = steps.toSorted((a, b) => a.step - b.step).at(-1);
  if (latest === undefined || latest.step < 0) return undefined;
  return { folder: join(folder, latest.name), step: latest.step };
}

/** What a whole checkpoint holds. */
export interface VerifiedCheckpoint {
  readonly step: number;
  /** Of the run that wrote it. */
  readonly record: RunRecord;
  /** Whether the weights' moving average is there. */
  readonly hasAverage: boolean;
}

/** Checks that a checkpoint is whole. StateError when it is damaged. */
export async function verifyCheckpoint(folder: string): Promise<VerifiedCheckpoint> {
  const statePath = join(folder, STATE_FILE);
  const text = await presentIn(statePath, readFile(statePath, "utf8"));
  const place = { file: statePath, remedy: DAMAGE_REMEDY };
  const { step, record, files } = parseStateJson(stateSchema, text, place);
  for (const { file, sha256 } of files) {
    const path = join(folder, file);
    const actual = await presentIn(path, sha256OfFile(path));
    if (actual !== sha256) throw damaged(path, `sha256 ${actual}, recorded ${sha256}`);
  }
  const hasAverage = files.some(({ file }) => file.startsWith(AVERAGE_STEM));
  return { step, record: withRecipe(record, statePath), hasAverage };
}

/** Checks that a checkpoint is whole and one of the run's. StateError when it is damaged, or another run's, with what differs. */
export async function verifyCheckpointOf(
  folder: string,
  run: RunRecord,
): Promise<VerifiedCheckpoint> {
  const verified = await verifyCheckpoint(folder);
  if (isOfRun(run, verified.record.digest)) return verified;
  const lines = differingInputs(verified.record, run).map((difference) => `\n  ${difference}`);
  throw new StateError(`${folder} belongs to another run, which differs in:${lines.join("")}`, {
    file: join(folder, STATE_FILE),
    remedy: "train into another folder, or start over with --fresh",
  });
}

/** Loads a checkpoint after checking it; StateError when it is damaged or belongs to another run. */
export async function loadCheckpoint(
  folder: string,
  expected: StateLayouts & { readonly record: RunRecord },
): Promise<CheckpointContent> {
  const { bufferLayout, layout } = expected;
  const { hasAverage, record, step } = await verifyCheckpointOf(folder, expected.record);
  const loaderPath = join(folder, LOADER_FILE);
  const loader = parseLoaderState(
    await presentIn(loaderPath, readFile(loaderPath, "utf8")),
    loaderPath,
  );
  const read = async (stem: string, of: FlatLayout, prefix = ""): Promise<tf.Tensor1D> =>
    tf.tensor1d(await flatValues(filesOf(folder, stem), of, prefix));
  const state = {
    weights: await read(MODEL_STEM, layout),
    buffers: await read(MODEL_STEM, bufferLayout),
    average: hasAverage ? await read(AVERAGE_STEM, layout) : tf.zeros<tf.Rank.R1>([0]),
    firstMoment: await read(OPTIMIZER_STEM, layout, momentPrefixes.first),
    secondMoment: await read(OPTIMIZER_STEM, layout, momentPrefixes.second),
  };
  return { step, record, loader, state };
}

/** The model that a checkpoint gives: its weights and buffers, the weights' average where it keeps one. */
export async function modelOf(
  folder: string,
  { hasAverage }: Pick<VerifiedCheckpoint, "hasAverage">,
): Promise<ReadonlyMap<string, NamedTensor>> {
  const stems = hasAverage ? [MODEL_STEM, AVERAGE_STEM] : [MODEL_STEM];
  const named = new Map<string, NamedTensor>();
  for (const stem of stems) {
    await using files = await TensorFiles.open(filesOf(folder, stem));
    for (const entry of files.entries) named.set(entry.name, await files.read(entry));
  }
  return named;
}

/** The file of a checkpoint's tensors, or the index of several. */
export function filesOf(folder: string, stem: string = MODEL_STEM): string {
  const index = join(folder, stem + INDEX_SUFFIX);
  return existsSync(index) ? index : join(folder, stem + SAFETENSORS_SUFFIX);
}

async function flatValues(path: string, layout: FlatLayout, prefix: string): Promise<Float32Array> {
  await using files = await TensorFiles.open(path);
  const entries = new Map(files.entries.map((entry) => [entry.name, entry]));
  const flat = new Float32Array(layout.length);
  let offset = 0;
  for (const [index, spec] of layout.specs.entries()) {
    const length = layout.sizes[index] ?? 0;
    const name = prefix + spec.name;
    const entry = entries.get(name);
    const tensor = entry && (await files.read(entry));
    if (tensor?.dtype !== "F32" || tensor.data.length !== length) {
      const seen = tensor === undefined ? "none" : `${tensor.data.length} of ${tensor.dtype}`;
      throw damaged(path, `${name} should have ${length} values of F32, found ${seen}`);
    }
    flat.set(tensor.data, offset);
    offset += length;
  }
  return flat;
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
