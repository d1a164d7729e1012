import { join } from "node:path";
import {
  decodeHits,
  encodeHits,
  TEXT_HITS_VERSION,
  type TextMemory,
  type TextShard,
} from "../../audit/text-memory/text-hits.ts";
import type { RelatedSplit } from "../../audit/relate-splits.ts";
import type { ShardSetReader } from "../../shards/shard-set-reader.ts";
import type { KeptFiles } from "./kept-files.ts";

/** The cache as the memory of a comparison of texts: training shards by their digests, in whatever sets and order they are. */
export function keptTexts(
  readers: readonly ShardSetReader[],
  { kept, signal }: { readonly kept: KeptFiles; readonly signal: AbortSignal },
): TextMemory {
  return {
    shardsOf: (split) => shardsOf(readers, split, signal),
    read: async (shardSha256, evaluated) => {
      const bytes = await kept.readSealed(pathOf(shardSha256, evaluated));
      return bytes === undefined ? undefined : decodeHits(bytes);
    },
    write: (shardSha256, evaluated, hits) =>
      kept.writeSealed(pathOf(shardSha256, evaluated), encodeHits(hits)),
  };
}

function pathOf(shardSha256: string, evaluated: string): string {
  return join(`texts-${TEXT_HITS_VERSION}`, `${shardSha256}.${evaluated}`);
}

function shardsOf(
  readers: readonly ShardSetReader[],
  { digest, split }: RelatedSplit,
  signal: AbortSignal,
): readonly TextShard[] {
  const reader = readers.find(({ index }) => index.digest === digest);
  const shards = reader?.index.splits.find(({ name }) => name === split)?.shards ?? [];
  const scenes = reader?.split(split);
  let first = 0;
  return shards.flatMap(({ numScenes, sha256 }): readonly TextShard[] => {
    const start = first;
    first += numScenes;
    if (scenes === undefined) return [];
    return [
      {
        sha256,
        heads: () => scenes.heads(signal, { first: start, end: start + numScenes }),
        head: (scene) => scenes.head(start + scene),
      },
    ];
  });
}
