import { channel } from "node:diagnostics_channel";

import type { SkippedSample } from "../options.ts";
import type { BuildTimings } from "../timings.ts";

/** A batch that the consumer was given; published on "crossweave:loader:batch". Times are wall clock. */
export interface DeliveredBatch extends BuildTimings {
  readonly epoch: number;
  readonly batchIndex: number;
  /** This rank's. */
  readonly numPictures: number;
  readonly numPairs: number;
  /** How long the consumer waited for it; of a loader's first batch this holds the threads' start. */
  readonly waitMs: number;
  /** How long its builder worked on it. */
  readonly buildMs: number;
  /** Batches that lay finished when the consumer asked, this one included: 0 where it had to wait. */
  readonly numReady: number;
  /** The number of the thread that built it; 0 where batches are built on the calling thread, or by all threads together. */
  readonly builder: number;
}

/** A damaged sample in whose place another stands; published on "crossweave:loader:skip". */
export interface SkippedInBatch extends SkippedSample {
  readonly epoch: number;
  readonly batchIndex: number;
}

/** A batch that could not be built; published on "crossweave:loader:fault" before the error is thrown. */
export interface FailedBatch {
  readonly epoch: number;
  readonly batchIndex: number;
  readonly builder: number;
  readonly error: Error;
}

// Held here, as a channel that nobody refers to would be collected. Without subscribers nothing is made for them.
const batches = channel("crossweave:loader:batch");
const skips = channel("crossweave:loader:skip");
const faults = channel("crossweave:loader:fault");

export function tellDelivery(delivered: () => DeliveredBatch): void {
  if (batches.hasSubscribers) batches.publish(delivered());
}

export function tellSkips(
  { batchIndex, epoch }: Pick<SkippedInBatch, "epoch" | "batchIndex">,
  skipped: readonly SkippedSample[],
): void {
  if (!skips.hasSubscribers) return;
  for (const sample of skipped) skips.publish({ epoch, batchIndex, ...sample });
}

export function tellFault(failed: FailedBatch): void {
  if (faults.hasSubscribers) faults.publish(failed);
}
