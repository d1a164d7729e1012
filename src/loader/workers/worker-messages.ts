import type { ComposerOptions } from "../batching/batch-composer.ts";
import type { BatchJob } from "../batching/epoch-cursor.ts";
import type { BatchPart, BuiltBatch } from "../collating/joined-parts.ts";
import type { LoaderOptions } from "../options.ts";
import type { ListedSamples } from "../sample-source.ts";
import type { PictureChains } from "../pairing/picture-chains.ts";
import type { Fault } from "./thread-faults.ts";

/** What a thread loads before the sets are known. */
export type ThreadData = Pick<LoaderOptions, "vocabulary" | "letterCase">;

/** What a worker is started with. */
export interface WorkerStart extends ComposerOptions {
  /** The sets, their indexes read and found right. */
  readonly listed: readonly ListedSamples[];
  /** Found once, for all threads. */
  readonly chains: PictureChains;
  /** The ring: a worker writes batches into these; both threads see them. */
  readonly slots: readonly SharedArrayBuffer[];
  /** Of each slot, in shared memory: how many parts of its batch are built. */
  readonly isBuilt: Int32Array;
}

/** A batch to build, and the slot to put it in. */
export interface SlotJob extends BatchJob {
  readonly slot: number;
  /** The rows to build; all of them when left out. */
  readonly part?: BatchPart;
}

export type WorkerRequest =
  | { readonly kind: "start"; readonly start: WorkerStart }
  | { readonly kind: "build"; readonly job: SlotJob }
  | { readonly kind: "stop" };

/** A batch, or why there is none. */
export type BuildOutcome =
  | { readonly kind: "built"; readonly batch: BuiltBatch; readonly buildMs: number }
  | { readonly kind: "failed"; readonly fault: Fault };

export interface WorkerReply {
  readonly slot: number;
  readonly outcome: BuildOutcome;
}
