import type * as tf from "@tensorflow/tfjs-core";
import { sha256 } from "../../core/digest.ts";
import { IncompleteError } from "../../core/errors.ts";
import type { BatchLoader } from "../../loader/batch-loader.ts";
import { rankRows } from "../../loader/batch-shape.ts";
import type { LoaderState } from "../../loader/batching/loader-state.ts";
import type { Batch } from "../../loader/options.ts";
import { type Cluster, sumOverRanks } from "../../tensor/cluster/cluster.ts";
import type { CheckpointWriter } from "../checkpoints/checkpoint-writer.ts";
import { checkpointParts } from "../checkpoints/checkpoint-parts.ts";
import { Standing } from "../checkpoints/standing.ts";
import { learningRateFactor, type Schedule } from "../optimisation/schedule.ts";
import {
  type BatchPlace,
  gradientFactor,
  type MicroBatch,
  microBatches,
  onDevice,
} from "../step/micro-batches.ts";
import { notFinite, offendingPictures } from "../step/offending-pictures.ts";
import type { StepOutcome, StepProgram, StepReading } from "../step/step-program.ts";
import { disposeState, type TrainingState } from "../step/training-state.ts";
import { progressNote } from "./progress-note.ts";
import {
  requireEqualWeights,
  requireSharedRun,
  type SessionStart,
  shareBatch,
  type SharedBatch,
  sharedStart,
} from "./rank-agreement.ts";
import type { RunEvent, RunOutcome, StepEvent } from "./run-events.ts";
import type { MetricsLine } from "./run-folder.ts";
import type { TrainOptions, TrainSummary } from "./train-options.ts";

interface SessionOptions extends TrainOptions {
  readonly cluster: Cluster;
  readonly loader: BatchLoader;
  readonly program: StepProgram;
  readonly schedule: Schedule;
  readonly writer: CheckpointWriter;
  readonly tell: (event: RunEvent) => Promise<void>;
}

/** What was measured of a step, and whether it was taken. */
interface DoneStep {
  readonly batch: Batch;
  readonly rateFactor: number;
  readonly reading: StepReading;
  readonly isTaken: boolean;
}

/** The part of a run that one process does: owns the weights and where the run stands. */
export class TrainingSession implements Disposable {
  readonly #options: SessionOptions;
  readonly #resumedFrom: number;
  /** Of rank 0, which knows the steps before. */
  readonly #standing: Standing;
  #state: TrainingState;
  #step: number;
  #savedStep: number;
  #last: StepReading | undefined;
  /** Behind the batch of `#step`. */
  #loaderState: LoaderState;
  #numPictures = 0;
  /** Steps whose numbers were not finite. */
  #numSkipped = 0;
  #firstBatchAtMs = 0;
  #isStoppedEarly = false;

  private constructor(options: SessionOptions, { loader, metrics, state, step }: SessionStart) {
    this.#options = options;
    this.#state = state;
    this.#loaderState = loader;
    this.#step = step;
    this.#savedStep = step;
    this.#resumedFrom = step;
    this.#standing = new Standing(options.recipe.checkpoints);
    for (const line of metrics) {
      this.#standing.add(line);
      if (line.isSkipped === true) this.#numSkipped += 1;
    }
  }

  static async open(options: SessionOptions): Promise<TrainingSession> {
    const { cluster, progress, runDigest, schedule } = options;
    await requireSharedRun(cluster, runDigest);
    const start = await sharedStart(options);
    const goesOn = start.step > 0 && start.step < schedule.totalSteps;
    if (goesOn) progress.say(`goes on after step ${start.step}`);
    return new TrainingSession(options, start);
  }

  async run(): Promise<TrainSummary> {
    const { cluster } = this.#options;
    const startMs = performance.now();
    let trainedMs = 0;
    try {
      trainedMs = await this.#trainToEnd();
      await requireEqualWeights(cluster, this.#stand());
    } catch (error) {
      cluster[Symbol.dispose]();
      await this.#endOf(error);
      throw error;
    }
    // Rank 0 may save for longer than the others stay.
    cluster[Symbol.dispose]();
    await this.#saveToEnd();
    if (this.#last !== undefined) {
      await this.#tellEnd(this.#isStoppedEarly ? "stopped early" : "complete");
    }
    return this.#summary({ seconds: (performance.now() - startMs) / 1000, trainedMs });
  }

  [Symbol.dispose](): void {
    disposeState(this.#state);
  }

  /** Saves where the run stands, unless its numbers are at fault. */
  async #endOf(error: unknown): Promise<void> {
    const isInterrupted =
      this.#options.signal?.aborted === true || error instanceof IncompleteError;
    if (isInterrupted) await this.#saveToEnd();
    await this.#tellEnd(isInterrupted ? "interrupted" : "failed");
  }

  async #tellEnd(outcome: RunOutcome): Promise<void> {
    await this.#options.tell({ kind: "end", step: this.#step, outcome });
  }

  /** Gives the time from the first batch to the end of the last step. */
  async #trainToEnd(): Promise<number> {
    const { cluster, loader, program, schedule, signal, tell } = this.#options;
    const { totalSteps } = schedule;
    if (this.#step >= totalSteps || (await this.#isOver())) return 0;
    await tell({ kind: "start", step: this.#step, totalSteps, numWeights: program.layout.length });
    const from = loader.positionOf(this.#loaderState);
    // Ranks stop together, at a batch on which they agree.
    for await (const batch of loader.batches(from, cluster.size === 1 ? signal : undefined)) {
      if (this.#numPictures === 0) this.#firstBatchAtMs = performance.now();
      await this.#trainOn(batch);
      if (this.#step === totalSteps) break;
      if (this.#isCheckpoint() && (await this.#isOver())) break;
    }
    return performance.now() - this.#firstBatchAtMs;
  }

  async #trainOn(batch: Batch): Promise<void> {
    const { cluster, loader, program, recipe, schedule, signal, writer } = this.#options;
    const slices = microBatches(batch, recipe.optimisation.microBatches);
    const counts = slices.map(({ slice }) => program.system.counts(slice));
    const shared = await shareBatch(cluster, { batch, counts }, signal);
    const step = this.#step + 1;
    const rateFactor = learningRateFactor(schedule, step);
    const place = this.#placeOf(shared);
    const { reading, state } = await this.#stepOn(slices, place, rateFactor);
    const isTaken = await this.#take({ state, reading, batch, place });
    this.#step = step;
    this.#loaderState = loader.state();
    this.#numPictures += shared.numPictures;
    this.#last = reading;
    await this.#tellStep({ batch, rateFactor, reading, isTaken });
    writer.throwIfFailed();
    if (!this.#isCheckpoint()) return;
    await requireEqualWeights(cluster, this.#stand());
    await this.#save();
  }

  async #stepOn(
    slices: readonly MicroBatch[],
    place: BatchPlace,
    rateFactor: number,
  ): Promise<StepOutcome> {
    const { program, recipe } = this.#options;
    const epoch = slices[0]?.slice.epoch ?? 0;
    return await program.runAccumulated({
      state: this.#state,
      batches: onDevice(slices, program.system, place),
      gradientFactor: gradientFactor(place),
      step: place.step,
      rateFactor,
      freezesVisual: epoch < recipe.optimisation.frozenVisualEpochs,
    });
  }

  /** This rank's place in the next step's global batch. */
  #placeOf({ counts, numPictures }: SharedBatch): BatchPlace {
    const { cluster, recipe } = this.#options;
    const { start } = rankRows(numPictures, { rank: cluster.rank, worldSize: cluster.size });
    const { optimisation, seed } = recipe;
    const step = this.#step + 1;
    return {
      seed,
      step,
      firstRow: start,
      countsOfSlices: counts,
      loss: optimisation.microBatchLoss,
    };
  }

  /** Whether a step's state becomes the run's; where its numbers are not finite the recipe says whether the run goes on without it. */
  async #take(done: {
    readonly state: TrainingState;
    readonly reading: StepReading;
    readonly batch: Batch;
    readonly place: BatchPlace;
  }): Promise<boolean> {
    const { batch, place, reading, state } = done;
    if (Number.isFinite(reading.loss) && Number.isFinite(reading.gradientNorm)) {
      disposeState(this.#state);
      this.#state = state;
      return true;
    }
    disposeState(state);
    const { cluster, progress, program, recipe, tell } = this.#options;
    const pictures = offendingPictures(program, batch, { place, state: this.#state });
    const fault = notFinite(reading, place.step, { batch, pictures, rank: cluster.rank });
    if (recipe.optimisation.nonFinite === "stop") throw fault;
    this.#numSkipped += 1;
    progress.say(`${fault.message}; its update is left out (${this.#numSkipped} so far)`);
    await tell({ kind: "skip", step: place.step, fault: fault.message, pictures });
    return false;
  }

  async #tellStep({ batch, isTaken, rateFactor, reading }: DoneStep): Promise<void> {
    const { progress, run, schedule, tell } = this.#options;
    const step = this.#step;
    const line: MetricsLine = {
      step,
      epoch: batch.epoch,
      learningRateFactor: rateFactor,
      ...reading,
      samples: samplesDigest(batch),
      ...(!isTaken && { isSkipped: true }),
    };
    await run?.append(line);
    if (run !== undefined) this.#standing.add(line);
    const event = this.#eventOf({ batch, rateFactor, reading });
    await tell(event);
    const { totalSteps } = schedule;
    const note = progressNote(event);
    progress.report({ activity: "training", done: step, total: totalSteps, unit: "steps", note });
  }

  #eventOf({ batch, rateFactor, reading }: Omit<DoneStep, "isTaken">): StepEvent {
    const { loader, recipe } = this.#options;
    const { frozenVisualEpochs, transformerLearningRate, visualLearningRate } = recipe.optimisation;
    const trainedMs = performance.now() - this.#firstBatchAtMs;
    const visual = batch.epoch < frozenVisualEpochs ? 0 : visualLearningRate * rateFactor;
    return {
      kind: "step",
      step: this.#step,
      epoch: batch.epoch,
      rates: { visual, transformer: transformerLearningRate * rateFactor },
      reading,
      pace: {
        picturesPerSecond: (1000 * this.#numPictures) / trainedMs,
        waitShare: loader.statistics.waitMs / trainedMs,
        residentBytes: process.memoryUsage.rss(),
      },
      batch,
    };
  }

  #isCheckpoint(): boolean {
    return this.#step % this.#options.recipe.checkpoints.everySteps === 0;
  }

  /** Whether the run has not become better for long enough: on all ranks, though only rank 0 knows. */
  async #isOver(): Promise<boolean> {
    const { cluster, recipe } = this.#options;
    if (recipe.checkpoints.patience === null) return false;
    const [numOver = 0] = await sumOverRanks(cluster, [Number(this.#standing.isOver)]);
    this.#isStoppedEarly = numOver > 0;
    return this.#isStoppedEarly;
  }

  #stand(): { readonly step: number; readonly weights: tf.Tensor1D } {
    return { step: this.#step, weights: this.#state.weights };
  }

  /** Begins to write where the run stands; the run goes on meanwhile. */
  async #save(): Promise<void> {
    const { program, progress, recipe, run, tell, writer } = this.#options;
    const step = this.#step;
    if (run === undefined || step === this.#savedStep) return;
    const content = { step, record: run.record, state: this.#state, loader: this.#loaderState };
    const { keepLast } = recipe.checkpoints;
    await writer.write({
      folder: run.checkpoints,
      parts: await checkpointParts(content, program),
      options: { keepLast, keepStep: this.#standing.bestStep },
    });
    this.#savedStep = step;
    const lines = program.notices(this.#state);
    for (const notice of lines) progress.say(notice);
    if (lines.length > 0) await tell({ kind: "notice", step, lines });
  }

  async #saveToEnd(): Promise<void> {
    await this.#save();
    await this.#options.writer.settled();
  }

  #summary({ seconds, trainedMs }: { seconds: number; trainedMs: number }): TrainSummary {
    const { loader, program, schedule } = this.#options;
    const { firstBatchMs, longestWaitMs, waitMs } = loader.statistics;
    return {
      totalSteps: schedule.totalSteps,
      resumedFrom: this.#resumedFrom,
      batchesPerEpoch: loader.batchesPerEpoch,
      numWeights: program.layout.length,
      last: this.#last,
      seconds,
      picturesPerSecond: this.#numPictures / seconds,
      dataWaitShare: trainedMs === 0 ? 0 : waitMs / trainedMs,
      longestWaitMs,
      firstBatchMs,
      numSkipped: this.#numSkipped,
      isStoppedEarly: this.#isStoppedEarly,
    };
  }
}

const DIGEST_LENGTH = 16;

function samplesDigest({ keys, textIds }: Batch): string {
  return sha256(JSON.stringify([keys, textIds])).slice(0, DIGEST_LENGTH);
}
