import { sha256 } from "../../core/digest.ts";
import type { RemoteOptions } from "../remote/open-storage.ts";
import { fileAt } from "../remote/location.ts";
import { shardFault } from "../shard-file.ts";
import { INDEX_FILE, indexTextAt, misplacedFiles, type ShardSetIndex } from "../shard-set-index.ts";
import { isProvenIndex, rememberProvenIndex } from "./proven-indexes.ts";

/**
 * The index of a set to be read; throws what `ShardSetReader.open` throws. An index whose very bytes were found right
 * before on this machine is not looked at again: for one of 8,000 batches that takes longer than all the rest of opening.
 */
export async function readCheckedIndex(
  location: string,
  remote?: RemoteOptions,
): Promise<ShardSetIndex> {
  const text = await indexTextAt(location, remote);
  const index = await foundIndex(location, text);
  if (index.proof === undefined) return index;
  // It lies in a file of its own, of which the index's bytes prove nothing.
  const { readBoundProof } = await import("../audited/bound-proof.ts");
  await readBoundProof(location, index, remote);
  return index;
}

async function foundIndex(location: string, text: string): Promise<ShardSetIndex> {
  const digest = sha256(text);
  if (isProvenIndex(digest)) return JSON.parse(text);
  const { checkedIndex } = await import("./index-schema.ts");
  const index = checkedIndex(fileAt(location, INDEX_FILE), text);
  for (const fault of misplacedFiles(index)) {
    throw shardFault({ set: location, file: INDEX_FILE }, fault);
  }
  rememberProvenIndex(digest);
  return index;
}
