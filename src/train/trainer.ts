import type * as tf from "@tensorflow/tfjs-core";
import { IncompleteError, NumericError } from "../core/errors.ts";
import { type Progress, silentProgress } from "../core/progress.ts";
import { BatchLoader } from "../loader/batch-loader.ts";
import { rankRows } from "../loader/batch-shape.ts";
import type { LoaderState } from "../loader/batching/loader-state.ts";
import type { Batch, ExcludedName, LoaderSet } from "../loader/options.ts";
import { traceText, type TraceReport } from "../tensor/compiled/options.ts";
import { type Cluster, soloCluster } from "../tensor/cluster/cluster.ts";
import { loadTensorFlow } from "../tensor/load.ts";
import { loaderOptions } from "./run/loader-options.ts";
import type { TrainingRecipe } from "./recipe.ts";
import { saveCheckpoint } from "./run/checkpoint.ts";
import type { InitialSource } from "./run/initial-weights.ts";
import type { RunFolder, RunSummary } from "./run/run-folder.ts";
import {
  requireEqualWeights,
  requireSharedRun,
  type SessionStart,
  shareBatch,
  type SharedBatch,
  sharedStart,
} from "./run/rank-agreement.ts";
import { type BatchPlace, gradientFactor, microBatches, onDevice } from "./step/micro-batches.ts";
import { learningRateFactor, type Schedule } from "./optimisation/schedule.ts";
import { readingTexts } from "./reading-text.ts";
import { StepProgram, type StepReading } from "./step/step-program.ts";
import { systemOf } from "./systems/system-of-recipe.ts";
import { disposeState, type TrainingState } from "./step/training-state.ts";

// A run that waits less is as fast as its steps.
const TOLD_WAIT_SHARE = 0.01;

export interface TrainOptions {
  readonly recipe: TrainingRecipe;
  readonly sets: readonly LoaderSet[];
  /** Names of pictures that the loader refuses, however they came into a set. */
  readonly excluded?: readonly ExcludedName[] | undefined;
  /** Path of the vocabulary and the number of its tokens. */
  readonly vocabulary: { readonly path: string; readonly size: number };
  /** Names the run's inputs. */
  readonly runDigest: string;
  /** Files whose weights the run starts from; all are drawn when left out. */
  readonly initial?: readonly InitialSource[] | undefined;
  /** Where rank 0 writes; undefined on the others. */
  readonly run: RunFolder | undefined;
  /** The processes that train together; this one alone unless given. */
  readonly cluster?: Cluster;
  readonly progress: Progress;
  readonly signal?: AbortSignal | undefined;
}

/** What a training run ends with; times are of this call alone, pictures of all ranks. */
export interface TrainSummary extends RunSummary {
  readonly resumedFrom: number;
  /** Of epoch 0 and, unless batches are of tokens, of every other one. */
  readonly batchesPerEpoch: number;
  readonly last: StepReading | undefined;
}

/**
 * Trains a recipe from its newest checkpoint, or from the start, to its last step. An abort saves a
 * checkpoint first and then throws the signal's reason; the same call goes on from there, and its
 * weights are those of a run that was never stopped. Throws NumericError when a loss is not finite, IncompleteError
 * when another rank is lost: where the run stands is then saved as well.
 */
export async function train(trainOptions: TrainOptions): Promise<TrainSummary> {
  await loadTensorFlow();
  const { cluster = soloCluster } = trainOptions;
  // One rank speaks for all.
  const progress = cluster.rank === 0 ? trainOptions.progress : silentProgress;
  const options = { ...trainOptions, cluster, progress };
  const system = systemOf(options.recipe, options.vocabulary.size);
  const { batches } = system;
  await using loader = await BatchLoader.open(loaderOptions({ ...options, batches }));
  const onTrace = (report: TraceReport): void => progress.say(traceText(report));
  using program = new StepProgram(options.recipe, system, { cluster, onTrace });
  const schedule = await scheduleOf(options.recipe, (epoch) => loader.numBatchesBefore(epoch));
  using session = await TrainingSession.open({ ...options, loader, program, schedule });
  return await session.run();
}

/** The learning-rate schedule in steps; `stepsBefore` says how many steps precede an epoch. */
export async function scheduleOf(
  { optimisation }: Pick<TrainingRecipe, "optimisation">,
  stepsBefore: (epoch: number) => Promise<number>,
): Promise<Schedule> {
  const { decay, decayFactor, duration, milestones, warmupFloor, warmupSteps } = optimisation;
  const { leastLearningRate, transformerLearningRate } = optimisation;
  const inSteps = async (length: number): Promise<number> =>
    duration.unit === "epochs" ? await stepsBefore(length) : length;
  return {
    warmupSteps,
    warmupFloor,
    leastFactor: leastLearningRate === 0 ? 0 : leastLearningRate / transformerLearningRate,
    totalSteps: await inSteps(duration.length),
    decay,
    milestones: await Promise.all(milestones.map((milestone) => inSteps(milestone))),
    decayFactor,
  };
}

interface RankOptions extends TrainOptions {
  readonly cluster: Cluster;
}

interface SessionOptions extends RankOptions {
  readonly loader: BatchLoader;
  readonly program: StepProgram;
  readonly schedule: Schedule;
}

/** The part of a run that one process does: owns the weights and where the run stands. */
class TrainingSession implements Disposable {
  readonly #options: SessionOptions;
  readonly #resumedFrom: number;
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

  private constructor(options: SessionOptions, { loader, state, step }: SessionStart) {
    this.#options = options;
    this.#state = state;
    this.#loaderState = loader;
    this.#step = step;
    this.#savedStep = step;
    this.#resumedFrom = step;
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
    const { cluster, signal } = this.#options;
    const startMs = performance.now();
    let trainedMs = 0;
    try {
      trainedMs = await this.#trainToEnd();
      await requireEqualWeights(cluster, this.#stand());
    } catch (error) {
      cluster[Symbol.dispose]();
      if (signal?.aborted === true || error instanceof IncompleteError) await this.#save();
      throw error;
    }
    // Rank 0 may save for longer than the others stay.
    cluster[Symbol.dispose]();
    await this.#save();
    return this.#summary({ seconds: (performance.now() - startMs) / 1000, trainedMs });
  }

  /** Gives the time from the first batch to the end of the last step. */
  async #trainToEnd(): Promise<number> {
    const { cluster, loader, schedule, signal } = this.#options;
    if (this.#step >= schedule.totalSteps) return 0;
    const from = loader.positionOf(this.#loaderState);
    // Ranks stop together, at a batch on which they agree.
    for await (const batch of loader.batches(from, cluster.size === 1 ? signal : undefined)) {
      if (this.#numPictures === 0) this.#firstBatchAtMs = performance.now();
      await this.#trainOn(batch);
      if (this.#step === schedule.totalSteps) break;
    }
    return performance.now() - this.#firstBatchAtMs;
  }

  [Symbol.dispose](): void {
    disposeState(this.#state);
  }

  async #trainOn(batch: Batch): Promise<void> {
    const { cluster, loader, program, recipe, run, schedule, signal } = this.#options;
    const { frozenVisualEpochs } = recipe.optimisation;
    const slices = microBatches(batch, recipe.optimisation.microBatches);
    const counts = slices.map(({ slice }) => program.system.counts(slice));
    const shared = await shareBatch(cluster, { batch, counts }, signal);
    const step = this.#step + 1;
    const place = this.#placeOf(shared);
    const rateFactor = learningRateFactor(schedule, step);
    const { state, reading } = await program.runAccumulated({
      state: this.#state,
      batches: onDevice(slices, program.system, place),
      gradientFactor: gradientFactor(place),
      step,
      rateFactor,
      freezesVisual: batch.epoch < frozenVisualEpochs,
    });
    this.#take(state, reading, batch);
    this.#step = step;
    this.#loaderState = loader.state();
    this.#numPictures += shared.numPictures;
    this.#last = reading;
    await run?.append({ step, epoch: batch.epoch, learningRateFactor: rateFactor, ...reading });
    this.#report(reading);
    if (step % recipe.checkpoints.everySteps !== 0) return;
    await requireEqualWeights(cluster, this.#stand());
    await this.#save();
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

  /** Takes a step's state for the run's; where its numbers are not finite the recipe says whether the run goes on without it. */
  #take(state: TrainingState, reading: StepReading, batch: Batch): void {
    const isFinite = Number.isFinite(reading.loss) && Number.isFinite(reading.gradientNorm);
    if (isFinite) {
      disposeState(this.#state);
      this.#state = state;
      return;
    }
    disposeState(state);
    const { progress, recipe } = this.#options;
    const fault = notFinite(reading, this.#step + 1, batch);
    if (recipe.optimisation.nonFinite === "stop") throw fault;
    this.#numSkipped += 1;
    progress.say(`${fault.message}; its update is left out (${this.#numSkipped} so far)`);
  }

  #stand(): { readonly step: number; readonly weights: tf.Tensor1D } {
    return { step: this.#step, weights: this.#state.weights };
  }

  async #save(): Promise<void> {
    const { program, progress, run, runDigest } = this.#options;
    if (run === undefined || this.#step === this.#savedStep) return;
    const content = {
      step: this.#step,
      runDigest,
      proofs: run.record.proofs,
      state: this.#state,
      loader: this.#loaderState,
    };
    await saveCheckpoint(run.checkpoints, content, program);
    this.#savedStep = this.#step;
    for (const notice of program.notices(this.#state)) progress.say(notice);
  }

  #report(reading: StepReading): void {
    const { loader, progress, schedule } = this.#options;
    const waitShare = loader.statistics.waitMs / (performance.now() - this.#firstBatchAtMs);
    const parts = [
      `loss ${reading.loss.toFixed(3)}`,
      ...readingTexts(reading),
      ...(waitShare >= TOLD_WAIT_SHARE ? [`waits ${(100 * waitShare).toFixed(0)} %`] : []),
    ];
    progress.report({
      activity: "training",
      done: this.#step,
      total: schedule.totalSteps,
      unit: "steps",
      note: parts.join(" · "),
    });
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
    };
  }
}

function notFinite(reading: StepReading, step: number, batch: Batch): NumericError {
  return new NumericError(
    `step ${step}: the loss is ${reading.loss}, the gradient's norm ${reading.gradientNorm}; pictures: ${batch.keys.join(", ")}`,
    { remedy: "lower the learning rate, or look at these pictures and texts" },
  );
}
