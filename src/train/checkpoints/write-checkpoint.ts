import { mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { sha256OfFile } from "../../core/digest.ts";
import { syncFolder, writeFileAtomically } from "../../core/files.ts";
import type { NamedTensor } from "../../tensor/weight-files/element-types.ts";
import {
  INDEX_SUFFIX,
  SAFETENSORS_SUFFIX,
  writeTensors,
  writeTensorShards,
} from "../../tensor/weight-files/tensor-writer.ts";
import {
  checkpointName,
  type CheckpointParts,
  isUnfinished,
  LOADER_FILE,
  STATE_FILE,
  stepOfName,
  type TensorGroup,
} from "./checkpoint-parts.ts";

/** What a file of tensors holds at most: many programs and file systems take no more than 2 GB. */
const MAX_FILE_BYTES = 2e9;

export interface WriteOptions {
  /** The newest checkpoints that stay. */
  readonly keepLast: number;
  /** The step of one that stays beside them. */
  readonly keepStep?: number | undefined;
  /** 2 GB when left out. */
  readonly maxFileBytes?: number;
}

/** Writes a checkpoint so that its folder's name never shows a part of it, then removes those that are not kept. Gives its size. */
export async function writeCheckpoint(
  folder: string,
  parts: CheckpointParts,
  options: WriteOptions,
): Promise<{ readonly sizeBytes: number }> {
  const final = join(folder, checkpointName(parts.step));
  const partial = `${final}.part`;
  let sizeBytes = 0;
  try {
    sizeBytes = await writeParts(partial, parts, options.maxFileBytes ?? MAX_FILE_BYTES);
  } catch (error) {
    await rm(partial, { recursive: true, force: true }); // a full disk gets its space back
    throw error;
  }
  await rm(final, { recursive: true, force: true });
  await rename(partial, final);
  await syncFolder(folder);
  await removeOthers(folder, options);
  return { sizeBytes };
}

/** Writes a checkpoint's files, the one that names the others last; gives their size. */
async function writeParts(
  partial: string,
  { groups, loader, record, step }: CheckpointParts,
  maxFileBytes: number,
): Promise<number> {
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { recursive: true });
  const names: string[] = [];
  for (const group of groups) names.push(...(await writeGroup(partial, group, maxFileBytes)));
  await writeFileAtomically(join(partial, LOADER_FILE), loader);
  names.push(LOADER_FILE);
  const files = names.map(async (file) => ({
    file,
    sha256: await sha256OfFile(join(partial, file)),
  }));
  const sizes = await Promise.all(
    names.map(async (file) => (await stat(join(partial, file))).size),
  );
  const format = { format: "crossweave-checkpoint", version: 2 };
  const state = { ...format, step, record, files: await Promise.all(files) };
  await writeFileAtomically(join(partial, STATE_FILE), `${JSON.stringify(state, null, 2)}\n`);
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** Gives the files' names. */
async function writeGroup(
  folder: string,
  { stem, tensors }: TensorGroup,
  maxFileBytes: number,
): Promise<string[]> {
  const sources = tensors.map(({ data, ...description }) => ({
    ...description,
    load: () => Promise.resolve<NamedTensor["data"]>(data),
  }));
  const sizeBytes = tensors.reduce((sum, { data }) => sum + data.byteLength, 0);
  if (sizeBytes <= maxFileBytes) {
    await writeTensors(join(folder, stem + SAFETENSORS_SUFFIX), sources);
    return [stem + SAFETENSORS_SUFFIX];
  }
  const index = stem + INDEX_SUFFIX;
  return [...(await writeTensorShards(join(folder, index), sources, maxFileBytes)), index];
}

/** Removes checkpoints that are not kept, and what a kill has left half-written. */
async function removeOthers(folder: string, { keepLast, keepStep }: WriteOptions): Promise<void> {
  const names = (await readdir(folder)).toSorted();
  const whole = names.filter((name) => stepOfName(name) !== undefined);
  const others = whole.slice(0, -keepLast).filter((name) => stepOfName(name) !== keepStep);
  for (const name of others) {
    // A kill in the middle of the removal leaves no part of it under its name.
    await rm(join(folder, `${name}.part`), { recursive: true, force: true });
    await rename(join(folder, name), join(folder, `${name}.part`));
  }
  for (const name of [...names.filter(isUnfinished), ...others.map((other) => `${other}.part`)]) {
    await rm(join(folder, name), { recursive: true, force: true });
  }
}
