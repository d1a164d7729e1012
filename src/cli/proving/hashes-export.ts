import {
  type HashedPicture,
  type HashesFile,
  hashedNames,
} from "../../audit/hidden/hashes-file.ts";
import { viewsOfRecords } from "../../audit/hidden/hidden-records.ts";
import { canonicalJson, sha256 } from "../../core/digest.ts";
import { ConfigError } from "../../core/errors.ts";
import { listingOf } from "../../shards/reading/listed-set.ts";
import { ShardSetReader } from "../../shards/shard-set-reader.ts";
import { NearCache } from "../auditing/near-cache.ts";
import {
  type ComparedShard,
  comparedShards,
  makeRecords,
  recordSource,
} from "../auditing/near-records.ts";
import { NearThreads } from "../auditing/near-threads.ts";
import type { CommandContext } from "../frame.ts";

export interface ExportChoice {
  readonly salt?: string;
  /** Whether perceptual hashes are told. */
  readonly near: boolean;
}

/**
 * The hashes of all pictures of the evaluation splits of the sets. ConfigError where there are none; the errors of a
 * reader otherwise.
 */
export async function hashesOfSets(
  folders: readonly string[],
  choice: ExportChoice,
  context: CommandContext,
): Promise<Omit<HashesFile, "digest">> {
  await using opened = new AsyncDisposableStack();
  const readers: ShardSetReader[] = [];
  for (const folder of folders) readers.push(opened.use(await ShardSetReader.open(folder)));
  const indexes = readers.map(({ index }) => index);
  const salt = choice.salt ?? sha256(canonicalJson(indexes.map(({ digest }) => digest).toSorted()));
  const shards = comparedShards(indexes).filter(({ role }) => role === "eval");
  if (shards.length === 0) {
    throw new ConfigError(`${folders.join(", ")}: no split of it is evaluated on`, {
      remedy: "name a shard set with an evaluation split",
    });
  }
  const views = choice.near ? viewsOf(folders, { readers, shards }, context) : undefined;
  const pictures: HashedPicture[] = [];
  for await (const names of namesOf(readers, { shards, salt }, context.signal)) {
    const next = await views?.next();
    pictures.push({ names, views: next?.done === false ? next.value : null });
  }
  return { salt, pictures };
}

/** The hashed names of all pictures, shard by shard. */
async function* namesOf(
  readers: readonly ShardSetReader[],
  { salt, shards }: { readonly salt: string; readonly shards: readonly ComparedShard[] },
  signal: AbortSignal,
): AsyncGenerator<HashedPicture["names"]> {
  for (const { firstScene, numScenes, setIndex, split } of shards) {
    const reader = readers[setIndex]?.split(split);
    for (let scene = firstScene; scene < firstScene + numScenes; scene += 1) {
      signal.throwIfAborted();
      const head = await reader?.head(scene);
      for (const picture of head?.pictures ?? []) yield hashedNames(picture, salt);
    }
  }
}

/** The perceptual hashes of all pictures, in the same order. */
async function* viewsOf(
  locations: readonly string[],
  {
    readers,
    shards,
  }: { readonly readers: readonly ShardSetReader[]; readonly shards: readonly ComparedShard[] },
  { progress, signal }: CommandContext,
): AsyncGenerator<Uint8Array> {
  const listings = readers.map(({ index }, at) => listingOf(locations[at] ?? "", index));
  await using threads = new NearThreads({ listings }, { signal });
  const making = { cache: new NearCache(signal), threads, progress, signal };
  await makeRecords(
    shards.map((shard) => ({ shard, kind: "bank" as const })),
    making,
  );
  const source = recordSource(shards, "bank", making);
  for (let shardIndex = 0; shardIndex < source.numShards; shardIndex += 1) {
    yield* viewsOfRecords(await source.read(shardIndex));
  }
}
