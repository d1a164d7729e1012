import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { sha256 } from "../../../src/core/digest.ts";
import {
  commitIndex,
  type ShardEntry,
  type ShardSetIndex,
} from "../../../src/shards/shard-set-index.ts";

/**
 * Changes bytes of a shard and then every digest and size of the index that speaks of them, so that only what
 * the bytes mean can tell that they are wrong.
 */
export async function reindexed(
  folder: string,
  file: string,
  change: (bytes: Buffer) => Buffer | void,
): Promise<ShardSetIndex> {
  const path = join(folder, file);
  const before = await readFile(path);
  const bytes = change(before) ?? before;
  await writeFile(path, bytes);
  const { digest: _digest, ...content }: ShardSetIndex = JSON.parse(
    await readFile(join(folder, "index.json"), "utf8"),
  );
  const splits = content.splits.map((split) =>
    Object.assign({}, split, {
      shards: split.shards.map((shard) => (shard.file === file ? entryOf(shard, bytes) : shard)),
    }),
  );
  return commitIndex(folder, { ...content, splits });
}

function entryOf(shard: ShardEntry, bytes: Buffer): ShardEntry {
  const batches = shard.batches.map((batch) => {
    const { offset, sizeBytes, headSizeBytes } = batch;
    const headSha256 = sha256(bytes.subarray(offset, offset + headSizeBytes));
    return { ...batch, headSha256, sha256: sha256(bytes.subarray(offset, offset + sizeBytes)) };
  });
  return { ...shard, sizeBytes: bytes.length, sha256: sha256(bytes), batches };
}
