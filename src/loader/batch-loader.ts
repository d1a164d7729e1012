import { strict as assert } from "node:assert";

import { type BatchPlan, batchSizeBytes, planBatches, viewBatch } from "./batch-plan.ts";
import { checkOptions } from "./check-options.ts";
import type { Batch, BatchArrays, LoaderOptions } from "./options.ts";
import { SampleSource } from "./sample-source.ts";
import { BatchBuilder } from "./workers/batch-builder.ts";
import { type Builder, BuilderThread } from "./workers/builder-thread.ts";
import { errorOf } from "./workers/thread-faults.ts";
import type { BuildOutcome } from "./workers/worker-messages.ts";

/** Where in the stream to begin. A step past the epoch's end counts on into later epochs. */
export interface StreamPosition {
  readonly epoch: number;
  readonly step: number;
}

/** How the consumer fared since the loader was opened; times are wall clock and no part of any result. */
export interface LoaderStatistics {
  readonly numBatches: number;
  /** Time the consumer spent waiting for batches, altogether and at worst; the first batch is not counted. */
  readonly waitMs: number;
  readonly longestWaitMs: number;
  /** Time to the first batch, with the threads' start. */
  readonly firstBatchMs: number;
  /** Time the builders worked, summed over threads. */
  readonly buildMs: number;
}

interface PendingBatch {
  readonly slot: number;
  readonly step: number;
  readonly outcome: Promise<BuildOutcome>;
}

/**
 * Streams batches that worker threads build into a ring of shared memory. Batch b of an epoch is a pure
 * function of (sets, options, seed, epoch, b): the number of workers, the prefetch depth and the place where a
 * run resumed change nothing, and the shares of all ranks make the same global batch for every world size.
 */
export class BatchLoader implements AsyncDisposable {
  readonly plan: BatchPlan;
  /** The digests that name the shard sets; a run's state holds them. */
  readonly setDigests: readonly string[];
  readonly #builders: readonly Builder[];
  readonly #arrays: readonly BatchArrays[];
  /** Slots that hold nothing the consumer still needs. */
  readonly #freeSlots: number[];
  /** Batches of an abandoned stream that are still being built; their slots are free after that. */
  #leftovers: Promise<unknown> = Promise.resolve();
  #isStreaming = false;
  #statistics = { numBatches: 0, waitMs: 0, longestWaitMs: 0, firstBatchMs: 0, buildMs: 0 };
  #turn = 0;

  private constructor(
    plan: BatchPlan,
    setDigests: readonly string[],
    ring: { arrays: readonly BatchArrays[]; builders: readonly Builder[] },
  ) {
    this.plan = plan;
    this.setDigests = setDigests;
    this.#arrays = ring.arrays;
    this.#builders = ring.builders;
    this.#freeSlots = [...ring.arrays.keys()];
  }

  /**
   * Starts the workers. ConfigError for options out of range, an unknown split or fewer scenes than a batch takes;
   * ShardError or SourceError when a set cannot be read.
   */
  static async open(options: LoaderOptions): Promise<BatchLoader> {
    checkOptions(options);
    await using source = await SampleSource.open(options.sets);
    const plan = planBatches(source.numSamples, options);
    const slots = Array.from(
      { length: options.prefetchBatches + 1 },
      () => new SharedArrayBuffer(batchSizeBytes(plan.shape)),
    );
    const start = { options, slots };
    const builders =
      options.numWorkers === 0
        ? [await BatchBuilder.open(start)]
        : Array.from({ length: options.numWorkers }, (_, index) => new BuilderThread(start, index));
    const arrays = slots.map((memory) => viewBatch(memory, plan.shape));
    return new BatchLoader(plan, source.setDigests, { arrays, builders });
  }

  get batchesPerEpoch(): number {
    return this.plan.batchesPerEpoch;
  }

  get statistics(): LoaderStatistics {
    return { ...this.#statistics };
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
    let nextStep = from.epoch * this.batchesPerEpoch + from.step;
    try {
      await unlessAborted(this.#leftovers, signal);
      for (;;) {
        signal?.throwIfAborted();
        for (const slot of this.#freeSlots.splice(0)) {
          pending.push(this.#request(slot, nextStep));
          nextStep += 1;
        }
        const first = pending[0];
        assert(first !== undefined, "the ring has no slot");
        const outcome = await this.#wait(first.outcome, signal);
        pending.shift();
        this.#freeSlots.push(first.slot);
        yield this.#batch(first, outcome);
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
    await Promise.all(this.#builders.map((builder) => builder[Symbol.asyncDispose]()));
  }

  /** Builders take turns, so that batches are ready about in order. */
  #request(slot: number, step: number): PendingBatch {
    const builder = this.#builders[this.#turn % this.#builders.length];
    assert(builder !== undefined, "the loader has no builder");
    this.#turn += 1;
    const outcome = builder.build({ slot, ...this.#place(step) });
    return { slot, step, outcome };
  }

  #place(step: number): { epoch: number; batchIndex: number } {
    const epoch = Math.floor(step / this.batchesPerEpoch);
    return { epoch, batchIndex: step - epoch * this.batchesPerEpoch };
  }

  async #wait(
    outcome: Promise<BuildOutcome>,
    signal: AbortSignal | undefined,
  ): Promise<BuildOutcome> {
    const startMs = performance.now();
    const result = await unlessAborted(outcome, signal);
    const waitMs = performance.now() - startMs;
    const statistics = this.#statistics;
    if (statistics.numBatches === 0) {
      statistics.firstBatchMs = waitMs;
    } else {
      statistics.waitMs += waitMs;
      statistics.longestWaitMs = Math.max(statistics.longestWaitMs, waitMs);
    }
    statistics.numBatches += 1;
    return result;
  }

  #batch({ slot, step }: PendingBatch, outcome: BuildOutcome): Batch {
    if (outcome.kind === "failed") throw errorOf(outcome.fault);
    this.#statistics.buildMs += outcome.buildMs;
    const arrays = this.#arrays[slot];
    assert(arrays !== undefined);
    const { shape } = this.plan;
    const { numPictures, textsPerPicture } = shape;
    return {
      ...this.#place(step),
      ...arrays,
      ...outcome.batch,
      shape,
      numPictures,
      numPairs: numPictures * textsPerPicture,
      numRealPictures: outcome.batch.keys.length,
    };
  }
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
