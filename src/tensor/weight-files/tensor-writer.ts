import assert from "node:assert/strict";
import { open, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { syncFolder, writeFileAtomically } from "../../core/files.ts";
import { elementBytes, type NamedTensor, sizeOfShape } from "./element-types.ts";
import { headerBytes, METADATA, type TensorDescription } from "./header.ts";

/** A tensor that is made when its turn to be written comes, so that a file of any size needs one in memory. */
export interface TensorSource extends TensorDescription {
  readonly load: () => Promise<NamedTensor["data"]>;
}

export const SAFETENSORS_SUFFIX = ".safetensors";
export const INDEX_SUFFIX = ".safetensors.index.json";

/**
 * Writes tensors in the order given, one after the other, and the file's name only when it is whole.
 * Equal tensors make equal bytes. Names are distinct and not "__metadata__".
 */
export async function writeTensors(path: string, tensors: readonly TensorSource[]): Promise<void> {
  requireWritable(tensors);
  const temporary = `${path}.part`;
  try {
    await using file = await open(temporary, "w");
    await file.writeFile(headerBytes(tensors));
    for (const tensor of tensors) await file.writeFile(await bytesOf(tensor));
    await file.sync();
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await rename(temporary, path);
  await syncFolder(dirname(path));
}

/**
 * Writes files of at most `maxFileBytes` of tensors each (one larger tensor has a file of its own), named and indexed as
 * the transformers library does: model-00001-of-00002.safetensors beside model.safetensors.index.json, which comes last
 * and is `path` here. Gives the names of the files of tensors.
 */
export async function writeTensorShards(
  path: string,
  tensors: readonly TensorSource[],
  maxFileBytes: number,
): Promise<string[]> {
  requireWritable(tensors);
  assert(path.endsWith(INDEX_SUFFIX), `${path} does not end in ${INDEX_SUFFIX}`);
  const stem = basename(path).slice(0, -INDEX_SUFFIX.length);
  const shards = shardsOf(tensors, maxFileBytes);
  const weightMap: Record<string, string> = {};
  const files: string[] = [];
  for (const [index, shard] of shards.entries()) {
    const [place, count] = [index + 1, shards.length].map((part) => String(part).padStart(5, "0"));
    const file = `${stem}-${place}-of-${count}${SAFETENSORS_SUFFIX}`;
    await writeTensors(join(dirname(path), file), shard);
    files.push(file);
    for (const { name } of shard) weightMap[name] = file;
  }
  const totalBytes = tensors.reduce((sum, tensor) => sum + sizeBytesOf(tensor), 0);
  const content = { metadata: { total_size: totalBytes }, weight_map: weightMap };
  await writeFileAtomically(path, `${JSON.stringify(content, null, 2)}\n`);
  return files;
}

function shardsOf(tensors: readonly TensorSource[], maxFileBytes: number): TensorSource[][] {
  const shards: TensorSource[][] = [];
  let filled = Infinity;
  for (const tensor of tensors) {
    const sizeBytes = sizeBytesOf(tensor);
    if (filled + sizeBytes > maxFileBytes) {
      shards.push([]);
      filled = 0;
    }
    shards.at(-1)?.push(tensor);
    filled += sizeBytes;
  }
  return shards;
}

function sizeBytesOf({ dtype, shape }: TensorDescription): number {
  return sizeOfShape(shape) * elementBytes[dtype];
}

async function bytesOf(tensor: TensorSource): Promise<Uint8Array> {
  const data = await tensor.load();
  const expected = sizeOfShape(tensor.shape);
  assert(
    data.length === expected,
    `${tensor.name} has ${data.length} elements, its shape ${expected}`,
  );
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

function requireWritable(tensors: readonly TensorSource[]): void {
  const names = new Set(tensors.map(({ name }) => name));
  assert(names.size === tensors.length, "two tensors of one name");
  assert(!names.has(METADATA), `a tensor named ${METADATA}`);
}
