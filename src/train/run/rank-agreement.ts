import * as tf from "@tensorflow/tfjs-core";
import { sha256 } from "../../core/digest.ts";
import { IncompleteError, StateError } from "../../core/errors.ts";
import type { Progress } from "../../core/progress.ts";
import type { BatchLoader } from "../../loader/batch-loader.ts";
import type { Batch } from "../../loader/options.ts";
import { type Cluster, sumOverRanks } from "../../tensor/cluster/cluster.ts";
import type { StepProgram } from "../step/step-program.ts";
import { disposeState, type TrainingState } from "../step/training-state.ts";
import type { CheckpointContent } from "../checkpoints/checkpoint-parts.ts";
import { latestCheckpoint, loadCheckpoint } from "../checkpoints/read-checkpoint.ts";
import { type InitialSource, importSummary, startFrom } from "./initial-weights.ts";
import type { MetricsLine, RunFolder } from "./run-folder.ts";

// What the ranks of a run tell one another. The checkpoint and the loader's state know nothing of ranks.

/** Where a session of a run starts. */
export interface SessionStart extends Pick<CheckpointContent, "step" | "state" | "loader"> {
  /** Of the steps before, on rank 0; none on the others. */
  readonly metrics: readonly MetricsLine[];
}

/** StateError on every rank unless all of them train the same run. */
export async function requireSharedRun(cluster: Cluster, runDigest: string): Promise<void> {
  const other = await firstOther(cluster, runDigest);
  if (other === undefined) return;
  throw new StateError(`rank ${other} trains another run than rank 0`, {
    remedy:
      "give all ranks the same recipe, seed, vocabulary and shard sets; run.json in rank 0's --out has them",
  });
}

/** What a session's start is made of. */
export interface StartOptions {
  readonly cluster: Cluster;
  readonly loader: Pick<BatchLoader, "state">;
  readonly program: Pick<StepProgram, "bufferLayout" | "initialState" | "layout" | "system">;
  /** Files whose weights the run starts from. */
  readonly initial?: readonly InitialSource[] | undefined;
  readonly progress: Pick<Progress, "say">;
  /** Rank 0's. */
  readonly run: RunFolder | undefined;
}

/** Where the run goes on: at its newest checkpoint, if there is one. Only rank 0 reads it; the others are told. */
export async function sharedStart(options: StartOptions): Promise<SessionStart> {
  return await shareStart(options.cluster, await ownStart(options));
}

async function ownStart(options: StartOptions): Promise<SessionStart> {
  const { loader, program, run } = options;
  const { bufferLayout, layout } = program;
  const fresh = async () => ({
    state: await initialState(options),
    step: 0,
    loader: loader.state(),
  });
  if (run === undefined) return { ...(await fresh()), metrics: [] };
  const latest = await latestCheckpoint(run.checkpoints);
  const start =
    latest === undefined
      ? await fresh()
      : await loadCheckpoint(latest.folder, { bufferLayout, layout, record: run.record });
  const { loader: stream, state, step } = start;
  return { loader: stream, state, step, metrics: await run.rewindMetrics(step) };
}

async function initialState(options: StartOptions): Promise<TrainingState> {
  const { initial = [], program, progress } = options;
  const { reports, state } = await startFrom(program.initialState(), initial, program);
  for (const report of reports) progress.say(importSummary(report));
  return state;
}

/** Rank 0's start, on every rank; `start` is disposed. */
async function shareStart(cluster: Cluster, start: SessionStart): Promise<SessionStart> {
  const { loader, metrics, state, step } = start;
  const [first = []] = await cluster.gather([step, loader.epoch, loader.step]);
  const [sharedStep = 0, epoch = 0, loaderStep = 0] = first;
  const shared: TrainingState = {
    weights: await cluster.broadcast(state.weights),
    firstMoment: await cluster.broadcast(state.firstMoment),
    secondMoment: await cluster.broadcast(state.secondMoment),
    buffers: await broadcastSome(cluster, state.buffers),
    average: await broadcastSome(cluster, state.average),
  };
  disposeState(state);
  return {
    step: sharedStep,
    state: shared,
    loader: { ...loader, epoch, step: loaderStep },
    metrics,
  };
}

/** Collectives take no empty tensors. */
async function broadcastSome(cluster: Cluster, vector: tf.Tensor1D): Promise<tf.Tensor1D> {
  return vector.size === 0 ? tf.clone(vector) : await cluster.broadcast(vector);
}

/** StateError on every rank unless all have the same weights, digit for digit. */
export async function requireEqualWeights(
  cluster: Cluster,
  { step, weights }: { readonly step: number; readonly weights: tf.Tensor1D },
): Promise<void> {
  if (cluster.size === 1) return;
  const values = Float32Array.from(await weights.data());
  const other = await firstOther(cluster, sha256(new Uint8Array(values.buffer)));
  if (other === undefined) return;
  throw new StateError(`after step ${step} rank ${other} has other weights than rank 0`, {
    remedy:
      "this must not be: look whether all machines have the same Crossweave and the same kind of processor; go on from the last checkpoint",
  });
}

/** What all ranks know of a global batch before they train on it. */
export interface SharedBatch {
  /** What the system counts of each of its slices. */
  readonly counts: readonly (readonly number[])[];
  readonly numPictures: number;
}

/**
 * Counts a global batch. When any rank has been told to stop, none trains on it: those that were throw their signal's
 * reason, the others an IncompleteError.
 */
export async function shareBatch(
  cluster: Cluster,
  own: { readonly batch: Batch; readonly counts: readonly (readonly number[])[] },
  signal: AbortSignal | undefined,
): Promise<SharedBatch> {
  const [numPictures = 0, numStopped = 0, ...totals] = await sumOverRanks(cluster, [
    own.batch.numRealPictures,
    Number(signal?.aborted === true),
    ...own.counts.flat(),
  ]);
  signal?.throwIfAborted();
  if (numStopped > 0) {
    throw new IncompleteError("another rank was interrupted", {
      remedy: "the same command goes on, with any number of ranks",
    });
  }
  const numCounts = totals.length / Math.max(1, own.counts.length);
  const counts = own.counts.map((_, slice) =>
    totals.slice(slice * numCounts, (slice + 1) * numCounts),
  );
  return { counts, numPictures };
}

/** The first rank whose SHA-256 is not rank 0's. */
async function firstOther(cluster: Cluster, digest: string): Promise<number | undefined> {
  const all = (await cluster.gather(wordsOf(digest))).map((words) => words.join());
  const other = all.findIndex((words) => words !== all[0]);
  return other < 0 ? undefined : other;
}

/** The 32-bit words of a SHA-256. */
function wordsOf(digest: string): number[] {
  return (digest.match(/.{8}/g) ?? []).map((word) => Number.parseInt(word, 16));
}
