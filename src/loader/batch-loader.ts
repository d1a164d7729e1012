import { strict as assert } from "node:assert";

import { ConfigError } from "../core/errors.ts";
import {
  batchSizeBytes,
  picturesPerSample,
  rankShape,
  samplesOf,
  viewBatch,
} from "./batch-shape.ts";
import { BatchComposer, type ComposerOptions } from "./batching/batch-composer.ts";
import { type BatchJob, EpochCursor, type StreamPosition } from "./batching/epoch-cursor.ts";
import { checkOptions } from "./check-options.ts";
import type { BuiltBatch } from "./collating/joined-parts.ts";
import { checkFirstRegions } from "./collating/sample-regions.ts";
import { checkLoaderState } from "./batching/check-loader-state.ts";
import type { LoaderState } from "./batching/loader-state.ts";
import { tellDelivery, tellFault, tellSkips } from "./measuring/channels.ts";
import { Deliveries, type LoaderStatistics } from "./measuring/deliveries.ts";
import { type Batch, type LoaderOptions, samplesAreTexts } from "./options.ts";
import { largestBatchSizes } from "./pictures/picture-sizes.ts";
import { SampleSource } from "./sample-source.ts";
import { optionsOfTasks, taskOf } from "./tasks.ts";
import type { WordPieceTokenizer } from "./text/word-piece.ts";
import { BuilderTeam, type RequestedBatch } from "./workers/builder-team.ts";
import { type Builder, BuilderThread } from "./workers/builder-thread.ts";
import { errorOf } from "./workers/thread-faults.ts";
import type { BuildOutcome, WorkerStart } from "./workers/worker-messages.ts";

/** How many samples and batches an epoch has. */
export interface LoaderPlan {
  readonly numSamples: number;
  /** Of epoch 0 and, unless batches are of tokens, of every other one. */
  readonly batchesPerEpoch: number;
  /** Samples of an epoch's incomplete batches; other ones each epoch. */
  readonly numDroppedPerEpoch: number;
  /**
   * Texts of the splits that are no samples where samples are texts: of kinds that stand beside no picture or that a task
   * does not ask for, without a label, or longer than `text.maxTokens` where such ones are dropped. 0 otherwise.
   */
  readonly numLeftOutTexts: number;
}

interface PendingBatch extends RequestedBatch {
  readonly slot: number;
  readonly job: BatchJob;
}

/**
 * Streams batches that worker threads build into a ring of shared memory. Batch b of an epoch is a pure
 * function of (sets, options, seed, epoch, b): the number of workers, the prefetch depth and the place where a
 * run resumed change nothing, and the shares of all ranks make the same global batch for every world size.
 *
 * Who subscribes to the diagnostics channels "crossweave:loader:batch", "crossweave:loader:skip" and
 * "crossweave:loader:fault" is told where each batch's time went (`DeliveredBatch`), which damaged samples were replaced
 * (`SkippedInBatch`) and which batch failed (`FailedBatch`); nothing is made for them otherwise.
 */
export class BatchLoader implements AsyncDisposable {
  readonly plan: LoaderPlan;
  /** The digests that name the shard sets; a run's state holds them. */
  readonly setDigests: readonly string[];
  readonly #options: LoaderOptions;
  readonly #composer: BatchComposer;
  readonly #team: BuilderTeam;
  readonly #slots: readonly SharedArrayBuffer[];
  /** Of each slot: how many parts of its batch are built. */
  readonly #isBuilt: Int32Array;
  /** Slots that hold nothing the consumer still needs. */
  readonly #freeSlots: number[];
  /** Batches of an abandoned stream that are still being built; their slots are free after that. */
  #leftovers: Promise<unknown> = Promise.resolve();
  #isStreaming = false;
  readonly #deliveries = new Deliveries();
  /** Behind the batch that the consumer was given last. */
  #position: StreamPosition = { epoch: 0, step: 0 };

  private constructor(parts: LoaderParts) {
    this.plan = parts.plan;
    this.setDigests = parts.setDigests;
    this.#options = parts.options;
    this.#composer = parts.composer;
    this.#team = new BuilderTeam(parts.builders);
    this.#slots = parts.slots;
    this.#isBuilt = parts.isBuilt;
    this.#freeSlots = [...parts.slots.keys()];
  }

  /**
   * Starts the workers. ConfigError for options out of range, an unknown split, fewer scenes than a batch takes, or a set
   * without the regions that are asked for; ShardError or SourceError when a set cannot be read.
   */
  static async open(options: LoaderOptions): Promise<BatchLoader> {
    checkOptions(options);
    await using opened = new AsyncDisposableStack();
    // The threads load their modules while this one reads the indexes.
    const threads = Array.from({ length: options.numWorkers }, (_, index) =>
      opened.use(new BuilderThread(index, options)),
    );
    const pictures = picturesPerSample(options.pairing);
    await using source = await SampleSource.open(options.sets, pictures);
    await checkFirstRegions(source, options);
    const { setDigests } = source;
    const composed = await composerOptions(source, options);
    const composer = new BatchComposer(composed);
    const plan = await loaderPlan(composer, options);
    const slots = makeSlots(composer, options);
    const flags = new SharedArrayBuffer(slots.length * Int32Array.BYTES_PER_ELEMENT);
    const { listed } = source;
    const chains = await source.chains();
    const start = { ...composed, chains, listed, slots, isBuilt: new Int32Array(flags) };
    for (const thread of threads) thread.start(start);
    const builders = threads.length === 0 ? [await localBuilder(start)] : threads;
    opened.move();
    return new BatchLoader({ ...start, plan, setDigests, composer, builders });
  }

  get batchesPerEpoch(): number {
    return this.plan.batchesPerEpoch;
  }

  /** How many batches an epoch has; where batches are of tokens, this looks at every sample's length. */
  async numBatches(epoch: number): Promise<number> {
    return (await this.#composer.epochPlan(epoch)).numBatches;
  }

  /** How many batches the epochs before this one have together: as many looks at every sample where batches are of tokens. */
  async numBatchesBefore(epoch: number): Promise<number> {
    if (this.#composer.epochsAreEqual) return epoch * this.plan.batchesPerEpoch;
    let numBatches = 0;
    for (let before = 0; before < epoch; before += 1) numBatches += await this.numBatches(before);
    return numBatches;
  }

  /** Where the stream stands: behind the batch that the consumer was given last. */
  state(): LoaderState {
    return {
      version: 1,
      seed: this.#options.seed,
      ...this.#position,
      setDigests: this.setDigests,
    };
  }

  /** The place at which a saved stream goes on; StateError when it was one of another seed or of other sets. */
  positionOf(state: LoaderState): StreamPosition {
    checkLoaderState(state, { seed: this.#options.seed, setDigests: this.setDigests });
    return { epoch: state.epoch, step: state.step };
  }

  get statistics(): LoaderStatistics {
    return this.#deliveries.statistics;
  }

  /**
   * Batches without end, epoch after epoch; starting anywhere takes the same time. A batch's arrays are valid
   * until the next one is asked for. One stream at a time. Throws the signal's reason when it is aborted, and
   * a worker's error in the place of the batch that could not be built.
   */
  async *batches(from: StreamPosition, signal?: AbortSignal): AsyncGenerator<Batch> {
    assert(!this.#isStreaming, "a loader feeds one stream at a time; finish the other one first");
    assert(Number.isSafeInteger(from.epoch) && from.epoch >= 0, `epoch ${from.epoch}`);
    assert(Number.isSafeInteger(from.step) && from.step >= 0, `step ${from.step}`);
    this.#isStreaming = true;
    const pending: PendingBatch[] = [];
    try {
      await unlessAborted(this.#leftovers, signal);
      using cursor = await EpochCursor.at(from, this.#composer);
      this.#position = cursor.position;
      for (;;) {
        signal?.throwIfAborted();
        const startMs = performance.now();
        const numReady = this.#numReady(pending);
        for (const slot of this.#freeSlots.splice(0)) {
          const job = await cursor.next();
          pending.push(this.#request(slot, job, { isAwaited: pending.length === 0 }));
        }
        const first = pending[0];
        assert(first !== undefined, "the ring has no slot");
        const outcome = await unlessAborted(first.outcome, signal);
        const waitMs = performance.now() - startMs;
        pending.shift();
        this.#freeSlots.push(first.slot);
        const batch = this.#deliver(first, outcome, { waitMs, numReady });
        this.#position = { epoch: batch.epoch, step: batch.batchIndex + 1 };
        yield batch;
      }
    } finally {
      const slots = pending.map(({ slot }) => slot);
      const unfinished = [this.#leftovers, ...pending.map(({ outcome }) => outcome)];
      this.#leftovers = Promise.all(unfinished).then(() => this.#freeSlots.push(...slots));
      this.#isStreaming = false;
    }
  }

  /** Ends the workers; batches in hand are given up. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#team[Symbol.asyncDispose]();
  }

  /** A stream's first batch is the one that somebody waits for while nothing else is to be built. */
  #request(slot: number, job: BatchJob, { isAwaited }: { isAwaited: boolean }): PendingBatch {
    Atomics.store(this.#isBuilt, slot, 0);
    const inSlot = { slot, ...job };
    const asked = isAwaited ? this.#team.buildTogether(inSlot) : this.#team.build(inSlot);
    return { slot, job, ...asked };
  }

  /** How many batches lie finished. */
  #numReady(pending: readonly PendingBatch[]): number {
    return pending.filter(({ numParts, slot }) => Atomics.load(this.#isBuilt, slot) === numParts)
      .length;
  }

  #deliver(
    pending: PendingBatch,
    outcome: BuildOutcome,
    waited: { readonly waitMs: number; readonly numReady: number },
  ): Batch {
    const { builder } = pending;
    const { batchIndex, epoch } = pending.job;
    if (outcome.kind === "failed") {
      const error = errorOf(outcome.fault);
      tellFault({ epoch, batchIndex, builder, error });
      throw error;
    }
    const { buildMs } = outcome;
    this.#deliveries.add({ buildMs, waitMs: waited.waitMs });
    const batch = this.#batch(pending, outcome.batch);
    const { numPairs, numPictures } = batch;
    tellDelivery(() => ({
      epoch,
      batchIndex,
      numPictures,
      numPairs,
      buildMs,
      builder,
      ...waited,
      ...outcome.batch.timings,
    }));
    tellSkips({ epoch, batchIndex }, batch.statistics.skipped);
    return batch;
  }

  #batch({ slot, job }: PendingBatch, built: BuiltBatch): Batch {
    const memory = this.#slots[slot];
    assert(memory !== undefined, `slot ${slot} of ${this.#slots.length}`);
    const { keys, shape, statistics, textIds } = built;
    const { numPictures, textsPerPicture } = shape;
    const numPairs = samplesOf(shape) * textsPerPicture;
    return {
      epoch: job.epoch,
      batchIndex: job.batchIndex,
      task: taskOf(this.#options, job)?.name ?? null,
      ...viewBatch(memory, shape),
      shape,
      keys,
      textIds,
      statistics,
      numPictures,
      numPairs,
      numRealPictures: keys.length,
    };
  }
}

interface LoaderParts {
  readonly options: LoaderOptions;
  readonly plan: LoaderPlan;
  readonly setDigests: readonly string[];
  readonly composer: BatchComposer;
  readonly builders: readonly Builder[];
  readonly slots: readonly SharedArrayBuffer[];
  readonly isBuilt: Int32Array;
}

/** What builds pictures is loaded on the thread that does. */
async function localBuilder(start: WorkerStart): Promise<Builder> {
  const { BatchBuilder } = await import("./workers/batch-builder.ts");
  return BatchBuilder.open(start);
}

async function composerOptions(
  source: SampleSource,
  options: LoaderOptions,
): Promise<ComposerOptions> {
  const { batching, grouping, pairing } = options;
  const sets = options.sets.map(({ weight }, index) => ({
    weight,
    numScenes: source.setSizes[index] ?? 0,
    splitSizes: source.splitSizes[index] ?? [],
  }));
  return {
    options,
    sets,
    table: await source.table({
      portrait: grouping === "aspect",
      regions: batching.kind === "tokens" && batching.tokensPerPicture === "regions",
      tokenizer: samplesAreTexts(options) ? await measuringTokenizer(options) : undefined,
      task: pairing.kind === "labelled" ? pairing.task : undefined,
    }),
  };
}

/** What measures texts is loaded where batches are made by their lengths. */
async function measuringTokenizer(options: LoaderOptions): Promise<WordPieceTokenizer> {
  const { letterCase = "lower", vocabulary } = options;
  const { WordPieceTokenizer } = await import("./text/word-piece.ts");
  return WordPieceTokenizer.fromFile(vocabulary, { letterCase });
}

/** The ring: each slot holds the largest batch that the options allow. */
function makeSlots(composer: BatchComposer, options: LoaderOptions): SharedArrayBuffer[] {
  const pictures = largestBatchSizes(options);
  const sizeBytes = composer
    .largestBatches()
    .flatMap((batch) => pictures.map((picture) => ({ ...batch, picture })))
    .flatMap((batch) => optionsOfTasks(options).map((ofTask) => rankShape(batch, ofTask)))
    .reduce((largest, shape) => Math.max(largest, batchSizeBytes(shape)), 0);
  const numSlots = options.prefetchBatches + 1;
  // Not growable: though such memory begins on a page, where TensorFlow can look at pictures in place, each
  // read and write of it costs more than that copy.
  return Array.from({ length: numSlots }, () => new SharedArrayBuffer(sizeBytes));
}

/** ConfigError when there are fewer samples than a batch holds. */
async function loaderPlan(composer: BatchComposer, options: LoaderOptions): Promise<LoaderPlan> {
  const { numBatches, numDropped } = await composer.epochPlan(0);
  const { numLeftOutTexts, numSamples } = composer;
  if (numBatches > 0) {
    const numDroppedPerEpoch = numDropped;
    return { numSamples, batchesPerEpoch: numBatches, numDroppedPerEpoch, numLeftOutTexts };
  }
  const { batching } = options;
  if (batching.kind === "tokens") {
    throw new ConfigError(
      `the splits hold ${numSamples} texts, a batch takes a multiple of ${batching.multipleOf}`,
      { remedy: "set batching.multipleOf lower, or prepare more scenes" },
    );
  }
  if (batching.kind === "texts") {
    throw new ConfigError(
      `the splits hold ${numSamples} texts, a batch takes ${batching.textsPerBatch}`,
      { remedy: `set textsPerBatch to ${numSamples} or less, or prepare more scenes` },
    );
  }
  throw new ConfigError(
    `the splits hold ${numSamples} scenes, a batch takes ${batching.picturesPerBatch} pictures`,
    {
      remedy: `set picturesPerBatch to ${numSamples} or less, or prepare more scenes`,
    },
  );
}

/** The promise's value, or the signal's reason as soon as it is aborted; nothing stays behind on the signal. */
async function unlessAborted<Value>(
  promise: Promise<Value>,
  signal: AbortSignal | undefined,
): Promise<Value> {
  if (signal === undefined) return promise;
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
