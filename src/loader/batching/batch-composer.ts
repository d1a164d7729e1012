import { strict as assert } from "node:assert";
import { setImmediate as turn } from "node:timers/promises";

import { mixSeed } from "../../core/random.ts";
import { drawPurposes, type SampleKey } from "../draws.ts";
import { rowsOf } from "../labelled/labelled-task.ts";
import {
  type BatchingOptions,
  fixedBatchSize,
  type LoaderOptions,
  samplesAreTexts,
} from "../options.ts";
import { permutation } from "../order.ts";
import { optionsOfTask, taskOf } from "../tasks.ts";
import { lastAtMost } from "./members.ts";
import { MixingSchedule } from "./mixing.ts";
import { makePools, type SetSize } from "./make-pools.ts";
import { type SampleLength, SampleLengths } from "./sample-lengths.ts";
import type { SamplePool, Visit } from "./sample-pool.ts";
import { NOT_PAIRED, type SceneTable, TextNumbers } from "./scene-table.ts";
import { batchSizes, byLength, largestBatch } from "./token-buckets.ts";

/** Where a batch's samples come from; with it, a batch is composed without a look at any other. */
export interface BatchPlace {
  readonly pool: number;
  /** Samples sorted together by length; batches of a fixed size have one bucket an epoch. */
  readonly bucket: number;
  /** The batch's number in its bucket. */
  readonly index: number;
}

/** The samples of a global batch, in order, and how long its rows of tokens are. */
export interface ComposedBatch {
  readonly samples: readonly SampleKey[];
  /** For how many samples there is room, where that is more than there are. */
  readonly room?: number;
  readonly textTokens: number;
  /** The most regions of a picture, where batches are measured by them. */
  readonly regionsPerPicture?: number;
}

/** So many samples of so many tokens are the most that some batch holds. */
interface LargestBatch extends Omit<ComposedBatch, "samples" | "room"> {
  readonly numSamples: number;
}

/** How many batches an epoch has, and where each of them comes from. */
export interface EpochPlan {
  readonly epoch: number;
  readonly numBatches: number;
  /** Samples of incomplete batches, which are left out; other ones each epoch. */
  readonly numDropped: number;
  place(batchIndex: number): BatchPlace;
}

export interface ComposerOptions {
  readonly options: LoaderOptions;
  readonly sets: readonly SetSize[];
  readonly table: SceneTable;
}

type TokenBatching = Extract<BatchingOptions, { kind: "tokens" }>;

interface Bucket {
  readonly samples: readonly SampleKey[];
  readonly lengths: readonly SampleLength[];
  /** How many of the batch's tokens each takes. */
  readonly totals: readonly number[];
  readonly sizes: readonly number[];
}

// Well under a millisecond of the thread that gives out the batches.
const PLANNED_AT_ONCE = 1024;

/**
 * Says which samples make which batch: a pure function of the sets' sizes and tables, the options and (epoch, batch).
 * Ranks, workers and prefetching do not occur in it.
 */
export class BatchComposer {
  /** Samples of an epoch, those left out included. */
  readonly numSamples: number;
  readonly #options: LoaderOptions;
  readonly #pools: readonly SamplePool[];
  readonly #table: SceneTable;
  readonly #texts: TextNumbers | undefined;
  /** Rows of tokens that a sample takes of a batch's tokens, each beside the picture. */
  readonly #rowsPerSample: number;
  readonly #sampleLengths: SampleLengths;
  #latestBucket: { readonly name: string; readonly bucket: Bucket } | undefined;

  constructor({ options, sets, table }: ComposerOptions) {
    this.#options = options;
    this.#table = table;
    this.#texts = samplesAreTexts(options) ? new TextNumbers(table.textCounts) : undefined;
    this.#rowsPerSample = options.pairing.kind === "labelled" ? rowsOf(options.pairing.task) : 1;
    this.#sampleLengths = new SampleLengths({ options, sets, table });
    this.#pools = makePools({ options, sets, table, texts: this.#texts });
    this.numSamples = this.#pools.reduce((sum, { visitsPerEpoch }) => sum + visitsPerEpoch, 0);
  }

  /** Texts that are no samples where samples are texts. */
  get numLeftOutTexts(): number {
    if (this.#texts === undefined) return 0;
    const { longer, maxTokens } = this.#options.text;
    return this.#table.textLengths.reduce((count, length) => {
      const isLeftOut = length === NOT_PAIRED || (longer === "drop" && length > maxTokens);
      return count + Number(isLeftOut);
    }, 0);
  }

  /** Whether every epoch has equally many batches. */
  get epochsAreEqual(): boolean {
    return fixedBatchSize(this.#options.batching) !== undefined;
  }

  /**
   * Batches of a fixed size are counted at once, and every epoch has equally many. Batches of tokens are counted
   * bucket by bucket, a look at every sample's length, with pauses for other work.
   */
  async epochPlan(epoch: number, signal?: AbortSignal): Promise<EpochPlan> {
    const { batching } = this.#options;
    const counts: number[][] = [];
    let numDropped = 0;
    for (const [index, pool] of this.#pools.entries()) {
      const unit = batching.kind === "tokens" ? batching.multipleOf : sizeOf(batching);
      numDropped += pool.visitsPerEpoch % unit;
      counts.push(
        batching.kind === "tokens"
          ? await this.#bucketCounts(index, { epoch, batching, signal })
          : [Math.floor(pool.visitsPerEpoch / unit)],
      );
    }
    return planOf(epoch, counts, numDropped);
  }

  /** The samples of a batch, by its place in its epoch's plan. */
  compose(epoch: number, batchIndex: number, place: BatchPlace): ComposedBatch {
    const { batching, text } = this.#options;
    if (batching.kind !== "tokens") {
      const count = sizeOf(batching);
      const first = place.index * count;
      const visits = this.#visits(place.pool, { epoch, first, count });
      const samples = visits.map((visit) => this.#sample(visit));
      return { samples: placed(samples, { epoch, batchIndex }), textTokens: text.maxTokens };
    }
    const { lengths, samples, sizes, totals } = this.#bucket({ ...place, epoch, batching });
    const inBucket = this.#bucketOrder(epoch, place, sizes.length)(place.index);
    const first = sizes.slice(0, inBucket).reduce((sum, size) => sum + size, 0);
    const chosen = samples.slice(first, first + (sizes[inBucket] ?? 0));
    const task = taskOf(this.#options, { epoch, batchIndex });
    const { pairing } = optionsOfTask(this.#options, task);
    const chosenLengths = chosen.map((key, index) => {
      const length = lengths[first + index] ?? { textTokens: 0, pictureTokens: 0 };
      return this.#sampleLengths.underPairing(length, key, pairing);
    });
    const longest = Math.max(0, ...totals.slice(first, first + chosen.length));
    return {
      samples: placed(chosen, { epoch, batchIndex }),
      ...((batching.lengthMultiple ?? 1) > 1 && { room: this.#mostSamples(longest, batching) }),
      ...widest(chosenLengths, batching),
    };
  }

  /** All numbers of samples and tokens that a batch can have; each pair is the most samples of so many tokens. */
  largestBatches(): readonly LargestBatch[] {
    const { batching, text } = this.#options;
    if (batching.kind !== "tokens") {
      return [{ numSamples: sizeOf(batching), textTokens: text.maxTokens }];
    }
    const shortest = this.#table.textLengths.reduce(
      (least, length) => (length === NOT_PAIRED ? least : Math.min(least, length)),
      text.maxTokens,
    );
    const { least, most } = this.#sampleLengths.pictureRange();
    return Array.from({ length: text.maxTokens - shortest + 1 }, (_, more) =>
      Array.from({ length: most - least + 1 }, (_unused, moreOfPicture) => {
        const [textTokens, pictureTokens] = [shortest + more, least + moreOfPicture];
        // The longest text and the most regions may be of two samples.
        const longest = Math.max(textTokens + least, pictureTokens + shortest);
        const numSamples = this.#mostSamples(longest * this.#rowsPerSample, batching);
        return { numSamples, ...widest([{ textTokens, pictureTokens }], batching) };
      }),
    ).flat();
  }

  async #bucketCounts(
    pool: number,
    {
      epoch,
      batching,
      signal,
    }: { epoch: number; batching: TokenBatching; signal: AbortSignal | undefined },
  ): Promise<number[]> {
    const counts: number[] = [];
    const numKept = this.#numKept(pool, batching);
    for (let bucket = 0; bucket < numKept; bucket += batching.bucketSize) {
      const end = Math.min(bucket + batching.bucketSize, numKept);
      const lengths: number[] = [];
      for (let first = bucket; first < end; first += PLANNED_AT_ONCE) {
        const count = Math.min(PLANNED_AT_ONCE, end - first);
        const ofSlice = this.#lengths(this.#visits(pool, { epoch, first, count }));
        lengths.push(...ofSlice.map((length) => this.#totalTokens(length)));
        await turn();
        signal?.throwIfAborted();
      }
      counts.push(batchSizes(lengths, batching).length);
    }
    return counts;
  }

  /** Buckets are used batch after batch, so the latest one is kept. */
  #bucket(of: { pool: number; bucket: number; epoch: number; batching: TokenBatching }): Bucket {
    const { batching, bucket: index, epoch, pool } = of;
    const name = `${epoch}/${pool}/${index}`;
    if (this.#latestBucket?.name === name) return this.#latestBucket.bucket;
    const first = index * batching.bucketSize;
    const count = Math.min(batching.bucketSize, this.#numKept(pool, batching) - first);
    const visits = this.#visits(pool, { epoch, first, count });
    const given = this.#lengths(visits);
    const totals = given.map((length) => this.#totalTokens(length));
    const order = byLength(totals);
    const bucket = {
      samples: Array.from(order, (place) => this.#sample(visits[place] ?? { unit: 0, cycle: 0 })),
      lengths: Array.from(order).flatMap((place) => given[place] ?? []),
      totals: Array.from(order, (place) => totals[place] ?? 0),
      sizes: batchSizes(totals, batching),
    };
    this.#latestBucket = { name, bucket };
    return bucket;
  }

  /** A bucket's batches come in a drawn order, or an epoch would go from long to short texts again and again. */
  #bucketOrder(
    epoch: number,
    { bucket, pool }: BatchPlace,
    size: number,
  ): (index: number) => number {
    const seed = mixSeed(this.#options.seed, drawPurposes.batching, epoch, pool, bucket);
    return permutation({ size, seed });
  }

  #visits(
    pool: number,
    { epoch, first, count }: { epoch: number; first: number; count: number },
  ): Visit[] {
    return Array.from({ length: count }, (_, index) =>
      this.#pool(pool).visit(epoch, first + index),
    );
  }

  #lengths(visits: readonly Visit[]): SampleLength[] {
    return visits.map((visit) => this.#sampleLengths.of(visit.unit, () => this.#sample(visit)));
  }

  /** How many samples of so many tokens a batch can have. */
  #mostSamples(longest: number, batching: TokenBatching): number {
    return Math.min(largestBatch(longest, batching), batching.bucketSize);
  }

  #totalTokens({ pictureTokens, textTokens }: SampleLength): number {
    return this.#rowsPerSample * (textTokens + pictureTokens);
  }

  #numKept(pool: number, { multipleOf }: TokenBatching): number {
    return Math.floor(this.#pool(pool).visitsPerEpoch / multipleOf) * multipleOf;
  }

  #sample({ unit, cycle }: Visit): SampleKey {
    const { seed } = this.#options;
    if (this.#texts === undefined) return { seed, epoch: cycle, sampleIndex: unit };
    const { scene, textIndex } = this.#texts.locate(unit);
    return { seed, epoch: cycle, sampleIndex: scene, textIndex };
  }

  #pool(index: number): SamplePool {
    const pool = this.#pools[index];
    if (pool === undefined) assert.fail(`pool ${index} of ${this.#pools.length}`);
    return pool;
  }
}

function sizeOf(batching: Exclude<BatchingOptions, TokenBatching>): number {
  return batching.kind === "texts" ? batching.textsPerBatch : batching.picturesPerBatch;
}

/** The sizes of the rows that hold samples of these lengths. */
function widest(
  lengths: readonly SampleLength[],
  { tokensPerPicture }: TokenBatching,
): Omit<ComposedBatch, "samples" | "room"> {
  const textTokens = Math.max(0, ...lengths.map((length) => length.textTokens));
  if (tokensPerPicture !== "regions") return { textTokens };
  return {
    textTokens,
    regionsPerPicture: Math.max(0, ...lengths.map(({ pictureTokens }) => pictureTokens)),
  };
}

function placed(
  samples: readonly SampleKey[],
  batch: { readonly epoch: number; readonly batchIndex: number },
): SampleKey[] {
  const numRows = samples.length;
  return samples.map((key, row) => ({ ...key, place: { ...batch, row, numRows } }));
}

/** Pools take turns so that each is spread evenly over the epoch; `counts` are of each pool's buckets. */
function planOf(
  epoch: number,
  counts: readonly (readonly number[])[],
  numDropped: number,
): EpochPlan {
  const ofPools = counts.map((ofBuckets) => ofBuckets.reduce((sum, count) => sum + count, 0));
  const numBatches = ofPools.reduce((sum, count) => sum + count, 0);
  const starts = counts.map((ofBuckets) => startsOf(ofBuckets));
  const turns = numBatches === 0 ? undefined : new MixingSchedule(ofPools);
  return {
    epoch,
    numBatches,
    numDropped,
    place: (batchIndex) => {
      assert(
        turns !== undefined && batchIndex >= 0 && batchIndex < numBatches,
        `batch ${batchIndex}`,
      );
      const { part: pool, count } = turns.at(batchIndex);
      const buckets = starts[pool] ?? [];
      const bucket = lastAtMost(buckets, count);
      return { pool, bucket, index: count - (buckets[bucket] ?? 0) };
    },
  };
}

function startsOf(counts: readonly number[]): number[] {
  let start = 0;
  return counts.map((count) => {
    start += count;
    return start - count;
  });
}
