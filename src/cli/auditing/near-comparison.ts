import type { Candidate } from "../../audit/near/shard-candidates.ts";
import type { PixelScore } from "../../audit/near/near-findings.ts";
import type { RecordSide } from "../../audit/near/record-side.ts";
import type { Progress } from "../../core/progress.ts";
import type { KnownScores, NearCache } from "./near-cache.ts";
import type { ComparedShard } from "./near-records.ts";
import type { NearThreads, PairToCompare, StoredPlace } from "./near-threads.ts";

/** The pictures of one side and where they are stored. */
export interface StoredSide {
  readonly records: RecordSide;
  readonly shards: readonly ComparedShard[];
}

/** A picture of a side where it is stored. */
export interface FoundPicture extends StoredPlace {
  readonly shard: ComparedShard;
  /** In the shard. */
  readonly row: number;
}

/** Where the picture with a number is stored. */
export async function pictureAt(side: StoredSide, picture: number): Promise<FoundPicture> {
  const { records, row, shardIndex } = await side.records.at(picture);
  const shard = side.shards[shardIndex];
  if (shard === undefined) throw new RangeError(`there is no shard ${shardIndex}`);
  return {
    shard,
    row,
    setIndex: shard.setIndex,
    split: shard.split,
    sceneIndex: shard.firstScene + records.sceneIndex(row),
    pictureIndex: records.pictureIndex(row),
  };
}

/** A candidate and where its pictures are. */
export interface FoundPair {
  readonly candidate: Candidate;
  readonly train: FoundPicture;
  readonly eval: FoundPicture;
}

export interface ComparisonTools {
  readonly cache: NearCache;
  readonly threads: NearThreads;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

const PAIRS_PER_TASK = 64;

/**
 * What the pixels of each pair say, in the order of the pairs. Pairs that were compared before are not compared again;
 * what is new is kept as soon as all pairs of a training shard are done.
 */
export async function comparePairs(
  pairs: readonly FoundPair[],
  tools: ComparisonTools,
): Promise<readonly PixelScore[]> {
  const scores = new Map<FoundPair, PixelScore>();
  let done = 0;
  for (const [shardSha256, ofShard] of Map.groupBy(pairs, ({ train }) => train.shard.sha256)) {
    tools.signal.throwIfAborted();
    const known = await tools.cache.readScores(shardSha256);
    const unknown = ofShard.filter((pair) => !known.has(pairName(pair)));
    const onDone = (numPairs: number): void => {
      done += numPairs;
      tools.progress.report({
        activity: "compare pairs",
        done,
        total: pairs.length,
        unit: "pairs",
      });
    };
    onDone(ofShard.length - unknown.length);
    await compareUnknown(unknown, { known, threads: tools.threads, onDone });
    if (unknown.length > 0) await tools.cache.writeScores(shardSha256, known);
    for (const pair of ofShard) {
      const score = known.get(pairName(pair));
      if (score !== undefined) scores.set(pair, score);
    }
  }
  return pairs.flatMap((pair) => scores.get(pair) ?? []);
}

async function compareUnknown(
  pairs: readonly FoundPair[],
  to: {
    readonly known: KnownScores;
    readonly threads: NearThreads;
    readonly onDone: (numPairs: number) => void;
  },
): Promise<void> {
  // Neighbours have pictures in common, which a thread then decodes once.
  const tasks = Array.from({ length: Math.ceil(pairs.length / PAIRS_PER_TASK) }, (_, at) =>
    pairs.slice(at * PAIRS_PER_TASK, (at + 1) * PAIRS_PER_TASK),
  );
  await Promise.all(
    tasks.map(async (task) => {
      const scores = await to.threads.compare(task.map(pairToCompare));
      for (const [at, pair] of task.entries()) {
        const score = scores[at];
        if (score !== undefined) to.known.set(pairName(pair), score);
      }
      to.onDone(task.length);
    }),
  );
}

function pairToCompare({ candidate, train, eval: evalPicture }: FoundPair): PairToCompare {
  return {
    train: storedPlace(train),
    eval: storedPlace(evalPicture),
    trainView: candidate.trainView,
    evalView: candidate.evalView,
  };
}

function storedPlace({ setIndex, split, sceneIndex, pictureIndex }: FoundPicture): StoredPlace {
  return { setIndex, split, sceneIndex, pictureIndex };
}

/** The pair in the training picture's shard: by what the score depends on, wherever the shards are. */
function pairName({ candidate, train, eval: evalPicture }: FoundPair): string {
  const { trainView, evalView } = candidate;
  return [train.row, trainView, evalPicture.shard.sha256, evalPicture.row, evalView].join(" ");
}
