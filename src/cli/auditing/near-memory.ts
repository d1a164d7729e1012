import type { NearSettings } from "../../audit/near/near-settings.ts";
import type { CandidateMemory, ShardCandidates } from "../../audit/near/shard-candidates.ts";
import type { NearCache } from "./near-cache.ts";
import type { StoredSide } from "./near-comparison.ts";

/** The cache as a search's memory: shards by their digests, in whatever sets and order they are. */
export function candidateMemory(
  search: {
    readonly train: StoredSide;
    readonly eval: StoredSide;
    readonly settings: NearSettings;
  },
  cache: NearCache,
): CandidateMemory {
  const { train, eval: evaluated, settings } = search;
  return {
    read: async (trainShard) => {
      const known = await cache.readCandidates(digestOf(train, trainShard), settings);
      const ofShards = new Map<number, ShardCandidates>();
      for (const [shardIndex, { sha256 }] of evaluated.shards.entries()) {
        const found = known.get(sha256);
        if (found !== undefined) ofShards.set(shardIndex, found);
      }
      return ofShards;
    },
    write: async (trainShard, found) => {
      const digest = digestOf(train, trainShard);
      const known = await cache.readCandidates(digest, settings);
      const added = [...found].map(
        ([shardIndex, cell]) => [digestOf(evaluated, shardIndex), cell] as const,
      );
      await cache.writeCandidates(digest, settings, new Map([...known, ...added]));
    },
  };
}

function digestOf(side: StoredSide, shardIndex: number): string {
  const shard = side.shards[shardIndex];
  if (shard === undefined) throw new RangeError(`there is no shard ${shardIndex}`);
  return shard.sha256;
}
