import type { RecordKind } from "../../audit/near/near-settings.ts";
import type { RecordSource } from "../../audit/near/record-side.ts";
import type { Progress } from "../../core/progress.ts";
import type { SplitRole } from "../../core/records.ts";
import type { ShardSetIndex } from "../../shards/shard-set-index.ts";
import type { NearCache } from "./near-cache.ts";
import type { NearThreads } from "./near-threads.ts";

/** A shard whose pictures are compared. */
export interface ComparedShard {
  readonly set: string;
  /** Of the sets as they were given. */
  readonly setIndex: number;
  readonly split: string;
  readonly role: SplitRole;
  readonly sha256: string;
  /** Of the split. */
  readonly firstScene: number;
  readonly numScenes: number;
}

/** All shards of the sets, in an order that does not depend on that of the sets. */
export function comparedShards(indexes: readonly ShardSetIndex[]): readonly ComparedShard[] {
  return indexes
    .map((index, setIndex) => ({ index, setIndex }))
    .toSorted((one, other) => compareTexts(setName(one.index), setName(other.index)))
    .flatMap(({ index, setIndex }) =>
      index.splits
        .toSorted((one, other) => compareTexts(one.name, other.name))
        .flatMap((split) => {
          let firstScene = 0;
          return split.shards.map(({ sha256, numScenes }): ComparedShard => {
            firstScene += numScenes;
            return {
              set: index.name,
              setIndex,
              split: split.name,
              role: split.role,
              sha256,
              firstScene: firstScene - numScenes,
              numScenes,
            };
          });
        }),
    );
}

function setName({ name, digest }: ShardSetIndex): string {
  return `${name}\n${digest}`;
}

function compareTexts(one: string, other: string): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}

export interface RecordMaking {
  readonly cache: NearCache;
  readonly threads: NearThreads;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/** Scenes that a thread is given at once. */
const SCENES_PER_TASK = 32;
/** Shards in the making, so that no thread waits for the last scenes of one. */
const SHARDS_IN_HAND = 2;

/** Makes the records that the cache lacks, shard by shard; each shard is kept as soon as it is done. */
export async function makeRecords(
  wanted: readonly { readonly shard: ComparedShard; readonly kind: RecordKind }[],
  making: RecordMaking,
): Promise<void> {
  const { cache, threads, progress, signal } = making;
  const missing: (typeof wanted)[number][] = [];
  for (const each of wanted) {
    signal.throwIfAborted();
    if ((await cache.readRecords(each.shard.sha256, each.kind)) === undefined) missing.push(each);
  }
  const total = missing.reduce((sum, { shard }) => sum + shard.numScenes, 0);
  let done = 0;
  const onDone = (numScenes: number): void => {
    done += numScenes;
    progress.report({ activity: "hash pictures", done, total, unit: "scenes" });
  };
  const rest = missing.values();
  const lanes = Array.from({ length: SHARDS_IN_HAND }, async () => {
    for (const { shard, kind } of rest) {
      const records = await recordsOf(shard, kind, { threads, onDone });
      signal.throwIfAborted();
      await cache.writeRecords(shard.sha256, kind, records);
    }
  });
  await Promise.all(lanes);
}

async function recordsOf(
  shard: ComparedShard,
  recordKind: RecordKind,
  { threads, onDone }: { threads: NearThreads; onDone: (numScenes: number) => void },
): Promise<Uint8Array> {
  const { firstScene: shardStart, numScenes, setIndex, split } = shard;
  const starts = Array.from({ length: Math.ceil(numScenes / SCENES_PER_TASK) }, (_, at) => at);
  const parts = await Promise.all(
    starts.map(async (at) => {
      const before = at * SCENES_PER_TASK;
      const numOfTask = Math.min(SCENES_PER_TASK, numScenes - before);
      const firstScene = shardStart + before;
      const task = { setIndex, split, firstScene, numScenes: numOfTask, shardStart, recordKind };
      const records = await threads.hash(task);
      onDone(numOfTask);
      return records;
    }),
  );
  return Buffer.concat(parts);
}

/** The records of shards that `makeRecords` has made. */
export function recordSource(
  shards: readonly ComparedShard[],
  kind: RecordKind,
  making: RecordMaking,
): RecordSource {
  return {
    kind,
    numShards: shards.length,
    read: async (shardIndex) => {
      const shard = shards[shardIndex];
      if (shard === undefined) throw new RangeError(`there is no shard ${shardIndex}`);
      const known = await making.cache.readRecords(shard.sha256, kind);
      if (known !== undefined) return known;
      // Somebody has emptied the cache meanwhile.
      return recordsOf(shard, kind, { threads: making.threads, onDone: () => undefined });
    },
  };
}
