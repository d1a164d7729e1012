import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConfigError } from "../../core/errors.ts";
import type { Progress } from "../../core/progress.ts";
import { benchLoader, type LoaderBench } from "../../loader/measuring/loader-bench.ts";
import { ownVocabulary } from "../../loader/measuring/own-vocabulary.ts";
import type { LoaderOptions, LoaderSet, PictureSizing } from "../../loader/options.ts";
import { SampleSource } from "../../loader/sample-source.ts";
import { WordPieceTokenizer } from "../../loader/text/word-piece.ts";
import { defaultCache } from "../../shards/remote/cache-plan.ts";
import { readIndex } from "../../shards/shard-set-index.ts";

/** The options of the command as they were given. */
export interface BenchFlags {
  readonly split?: readonly string[];
  readonly batch: number;
  readonly size: number;
  /** Shorter and longest side. */
  readonly keepRatio?: readonly [shorter: number, longer: number];
  readonly crop?: true;
  readonly workers?: number;
  readonly stepMs?: readonly number[];
  readonly seconds: number;
  readonly vocabulary?: string;
  readonly cache?: string;
  readonly cacheGigabytes?: number;
}

/** The document of `bench-loader --json`: what was measured, and the measurements. */
export interface LoaderBenchResult extends LoaderBench {
  readonly sets: readonly { readonly folder: string; readonly splits: readonly string[] }[];
  readonly settings: {
    readonly picturesPerBatch: number;
    readonly textsPerPicture: number;
    readonly pictures: PictureSizing;
    /** Whether a random part of each picture is shown. */
    readonly crop: boolean;
    readonly seed: number;
    /** Null: one of the set's own words. */
    readonly vocabulary: string | null;
    readonly secondsPerMeasurement: number;
  };
}

interface BenchCall extends BenchFlags {
  readonly sets: readonly string[];
  readonly seed: number;
}

// Visual Parsing's pairs, with texts cut where its recipe cuts them.
const PAIRS = { kind: "matched-unmatched", matched: 2, unmatched: 2 } as const;
const MAX_TEXT_TOKENS = 40;
// torchvision's RandomResizedCrop
const CROP = { scale: [0.08, 1], ratio: [3 / 4, 4 / 3] } as const;

/**
 * Measures the loader on shard sets. ConfigError for splits that a set has not, or fewer scenes than a batch takes;
 * SourceError, ShardError or IncompleteError when a set cannot be read.
 */
export async function runLoaderBench(
  call: BenchCall,
  context: { readonly progress: Progress; readonly signal: AbortSignal },
): Promise<LoaderBenchResult> {
  const found = await Promise.all(call.sets.map((folder) => findSet(folder, call)));
  requireBatch(found, call);
  const sets = found.map(({ set }) => set);
  await using vocabulary = await vocabularyFor(sets, call, context.signal);
  const options = loaderOptions(sets, { ...call, vocabulary: vocabulary.path });
  const measured = await benchLoader(
    {
      options,
      workerCounts: call.workers === undefined ? undefined : [call.workers],
      stepsMs: call.stepMs,
      seconds: call.seconds,
    },
    context,
  );
  return {
    sets: sets.map(({ folder, splits }) => ({ folder, splits })),
    settings: {
      picturesPerBatch: call.batch,
      textsPerPicture: PAIRS.matched + PAIRS.unmatched,
      pictures: options.pictures,
      crop: call.crop === true,
      seed: call.seed,
      vocabulary: call.vocabulary ?? null,
      secondsPerMeasurement: call.seconds,
    },
    ...measured,
  };
}

interface FoundSet {
  readonly set: LoaderSet;
  readonly numScenes: number;
}

/** The set with the splits that are asked for: those that train, or all where none does, unless they are named. */
async function findSet(folder: string, call: BenchCall): Promise<FoundSet> {
  const usual = defaultCache();
  const { cache = usual.folder, cacheGigabytes: gigabytes } = call;
  const maxBytes = gigabytes === undefined ? usual.maxBytes : gigabytes * 1e9;
  const index = await readIndex(folder);
  const training = index.splits.filter(({ role }) => role === "train");
  const usualSplits = training.length > 0 ? training : index.splits;
  const splits = call.split ?? usualSplits.map(({ name }) => name);
  const read = index.splits.filter(({ name }) => splits.includes(name));
  const numScenes = read.reduce((sum, split) => sum + split.numScenes, 0);
  return { set: { folder, splits, cache: { folder: cache, maxBytes } }, numScenes };
}

function requireBatch(found: readonly FoundSet[], { batch, split }: BenchCall): void {
  const numScenes = found.reduce((sum, set) => sum + set.numScenes, 0);
  // A split that is not there is told by the reader, which knows the names of the others.
  if (numScenes >= batch || (numScenes === 0 && split !== undefined)) return;
  throw new ConfigError(`the splits hold ${numScenes} scenes, a batch takes ${batch} pictures`, {
    remedy: `add --batch ${Math.max(1, numScenes)}, or name more splits`,
  });
}

/** The file that was named, or one of the sets' own words in a temporary folder. */
async function vocabularyFor(
  sets: readonly LoaderSet[],
  { vocabulary }: BenchCall,
  signal: AbortSignal,
): Promise<AsyncDisposable & { readonly path: string }> {
  if (vocabulary !== undefined) {
    await WordPieceTokenizer.fromFile(vocabulary); // its faults are told before anything is measured
    return { path: vocabulary, [Symbol.asyncDispose]: async () => {} };
  }
  await using source = await SampleSource.open(sets);
  const folder = await mkdtemp(join(tmpdir(), "crossweave-vocabulary-"));
  const path = join(folder, "vocab.txt");
  await writeFile(path, (await ownVocabulary(source, signal)).join("\n"));
  return { path, [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) };
}

function loaderOptions(
  sets: readonly LoaderSet[],
  call: BenchCall & { readonly vocabulary: string },
): LoaderOptions {
  const { batch, crop, keepRatio, seed, size, vocabulary } = call;
  return {
    sets,
    vocabulary,
    seed,
    batching: { kind: "pictures", picturesPerBatch: batch },
    grouping: "none",
    pairing: PAIRS,
    text: { maxTokens: MAX_TEXT_TOKENS, longer: "cut" },
    pictures:
      keepRatio === undefined
        ? { kind: "square", size }
        : { kind: "keep-ratio", shorter: keepRatio[0], longer: keepRatio[1] },
    augment: { crop: crop === true ? CROP : "none", flip: "never", randAugment: null },
    onDamage: "stop",
    mlmProbability: 0.15,
    rank: 0,
    worldSize: 1,
    numWorkers: 1,
    prefetchBatches: 1,
  };
}
