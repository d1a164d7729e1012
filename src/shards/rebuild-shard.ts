import { lstat, mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { RefusedError, ShardError } from "../core/errors.ts";
import { explainedWriteError } from "../core/files.ts";
import type { Scene } from "../core/records.ts";
import { encodeBatch, type EncodedBatch, sha256OfBatch } from "./arrow/file-writer.ts";
import { OpenShard, type ShardTarget } from "./open-shard.ts";
import { sceneFields } from "./scene-columns.ts";
import type { BatchEntry, ShardEntry } from "./shard-set-index.ts";

/**
 * Writes a shard of a finished set once more from its scenes, the first of which `scenes` gives next. The
 * file is put in its place only when all of it has the digests of the index: a set is never changed.
 * Throws `RefusedError` where a folder is in its place, and `ShardError`, naming the first batch that comes out
 * otherwise; then it leaves everything as it was.
 */
export async function rebuildShard(
  target: ShardTarget,
  shard: ShardEntry,
  scenes: AsyncIterator<Scene>,
): Promise<void> {
  const path = join(target.folder, shard.file);
  const shardIndex = Number.parseInt(shard.file.slice(shard.file.lastIndexOf("/") + 1), 10);
  await refuseFolder(path);
  try {
    await mkdir(dirname(path), { recursive: true });
    const open = await OpenShard.create(target, shardIndex);
    if (await isRebuilt(open, shard, scenes)) return;
  } catch (error) {
    throw explainedWriteError(error, target.folder);
  }
  throw changed(path, "its schema or footer");
}

/** Nobody knows what a folder is there for, so that it is not removed. */
async function refuseFolder(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (found?.isDirectory() !== true) return;
  throw new RefusedError(`${path} is a folder where a shard belongs`, {
    file: path,
    remedy: "move the folder away, then run the same command again",
  });
}

async function isRebuilt(
  open: OpenShard,
  shard: ShardEntry,
  scenes: AsyncIterator<Scene>,
): Promise<boolean> {
  let isOpen = true;
  try {
    for (const [index, entry] of shard.batches.entries()) {
      const batch = await nextBatch(entry, scenes);
      if (batch === undefined || sha256OfBatch(batch) !== entry.sha256) {
        throw changed(shard.file, `batch ${index}`);
      }
      await open.write(batch, { numScenes: batch.numRows, numPictures: 0, numTexts: 0 });
    }
    isOpen = false;
    return await open.finishAs(shard);
  } finally {
    if (isOpen) await open.abandon();
  }
}

/** Undefined when the scenes end before the batch is full. */
async function nextBatch(
  { numScenes }: BatchEntry,
  scenes: AsyncIterator<Scene>,
): Promise<EncodedBatch | undefined> {
  const rows: Scene[] = [];
  while (rows.length < numScenes) {
    const next = await scenes.next();
    if (next.done === true) return undefined;
    rows.push(next.value);
  }
  return encodeBatch(rows, sceneFields);
}

function changed(file: string, part: string): ShardError {
  return new ShardError(`${file}: ${part} made from the source is not what the index says`, {
    file,
    record: part,
    remedy:
      "bring the source files back as they were and use the version of crossweave that wrote the set, or build it again with `crossweave prepare … --fresh`",
  });
}
