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

/** Adds up what the consumer waited for. */
export class Deliveries {
  #statistics = { numBatches: 0, waitMs: 0, longestWaitMs: 0, firstBatchMs: 0, buildMs: 0 };

  get statistics(): LoaderStatistics {
    return { ...this.#statistics };
  }

  add({ buildMs, waitMs }: { readonly waitMs: number; readonly buildMs: number }): void {
    const statistics = this.#statistics;
    if (statistics.numBatches === 0) {
      statistics.firstBatchMs = waitMs;
    } else {
      statistics.waitMs += waitMs;
      statistics.longestWaitMs = Math.max(statistics.longestWaitMs, waitMs);
    }
    statistics.numBatches += 1;
    statistics.buildMs += buildMs;
  }
}
