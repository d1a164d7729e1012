import * as tf from "@tensorflow/tfjs-core";
import { NumericError } from "../core/errors.ts";
import type { Progress } from "../core/progress.ts";
import { BatchLoader } from "../loader/batch-loader.ts";
import type { LoaderStatistics } from "../loader/measuring/deliveries.ts";
import type { Batch, LoaderOptions, LoaderSet } from "../loader/options.ts";
import type { VisualParsingConfig } from "../models/visual-parsing.ts";
import { swinOutputShape } from "../models/swin.ts";
import { loadTensorFlow } from "../tensor/load.ts";
import type { AdamWState } from "./adamw.ts";
import { deviceBatch } from "./device-batch.ts";
import type { TrainingRecipe } from "./recipe.ts";
import { latestCheckpoint, loadCheckpoint, saveCheckpoint } from "./run/checkpoint.ts";
import type { RunFolder } from "./run/run-folder.ts";
import { learningRateFactor, type Schedule } from "./schedule.ts";
import { StepProgram, type StepReading } from "./step-program.ts";

export interface TrainOptions {
  readonly recipe: TrainingRecipe;
  readonly sets: readonly LoaderSet[];
  /** Path of the vocabulary and the number of its tokens. */
  readonly vocabulary: { readonly path: string; readonly size: number };
  readonly run: RunFolder;
  readonly progress: Progress;
  readonly signal?: AbortSignal | undefined;
}

/** What a training run ends with; times are of this process alone. */
export interface TrainSummary {
  readonly totalSteps: number;
  readonly resumedFrom: number;
  readonly batchesPerEpoch: number;
  readonly numWeights: number;
  readonly last: StepReading | undefined;
  readonly seconds: number;
  readonly picturesPerSecond: number;
  /** Share of the time in which the run waited for batches. */
  readonly dataWaitShare: number;
}

/**
 * Trains a recipe from its newest checkpoint, or from the start, to its last step. An abort saves a
 * checkpoint first and then throws the signal's reason; the same call goes on from there, and its
 * weights are those of a run that was never stopped. Throws NumericError when a loss is not finite.
 */
export async function train(options: TrainOptions): Promise<TrainSummary> {
  await loadTensorFlow();
  const model = modelOf(options.recipe, options.vocabulary.size);
  await using loader = await BatchLoader.open(loaderOptions(options));
  using program = new StepProgram(options.recipe, model);
  const schedule = scheduleOf(options.recipe, loader.batchesPerEpoch);
  using session = await TrainingSession.open({ ...options, model, loader, program, schedule });
  return await session.run();
}

/** The model that a recipe makes with a vocabulary of this size. */
export function modelOf(recipe: TrainingRecipe, vocabularySize: number): VisualParsingConfig {
  const { swin, transformer } = recipe.model;
  return { swin, transformer: { ...transformer, vocabularySize } };
}

/** The learning-rate schedule in steps. */
export function scheduleOf(recipe: TrainingRecipe, batchesPerEpoch: number): Schedule {
  const { duration, milestones, warmupSteps, decay, decayFactor } = recipe.optimisation;
  const unit = duration.unit === "epochs" ? batchesPerEpoch : 1;
  return {
    warmupSteps,
    totalSteps: duration.length * unit,
    decay,
    milestones: milestones.map((milestone) => milestone * unit),
    decayFactor,
  };
}

function loaderOptions({ recipe, sets, vocabulary }: TrainOptions): LoaderOptions {
  const { data, model } = recipe;
  const { minimumCropArea } = data;
  return {
    sets,
    vocabulary: vocabulary.path,
    seed: recipe.seed,
    batching: { kind: "pictures", picturesPerBatch: data.picturesPerBatch },
    grouping: "none",
    pairing: {
      kind: "matched-unmatched",
      matched: data.matchedTexts,
      unmatched: data.unmatchedTexts,
    },
    text: { maxTokens: data.maxTextTokens, longer: "cut" },
    pictures: { kind: "square", size: model.swin.imageSize },
    augment: {
      crop: minimumCropArea === 1 ? "none" : { scale: [minimumCropArea, 1], ratio: [3 / 4, 4 / 3] },
      flip: "never",
      randAugment: null,
    },
    onDamage: "stop",
    mlmProbability: data.mlmProbability,
    rank: 0,
    worldSize: 1,
    numWorkers: data.numWorkers,
    prefetchBatches: data.prefetchBatches,
  };
}

interface SessionOptions extends TrainOptions {
  readonly model: VisualParsingConfig;
  readonly loader: BatchLoader;
  readonly program: StepProgram;
  readonly schedule: Schedule;
}

/** The part of a run that one process does: owns the weights and where the run stands. */
class TrainingSession implements Disposable {
  readonly #options: SessionOptions;
  readonly #resumedFrom: number;
  #state: AdamWState;
  #step: number;
  #savedStep: number;
  #last: StepReading | undefined;

  private constructor(options: SessionOptions, state: AdamWState, step: number) {
    this.#options = options;
    this.#state = state;
    this.#step = step;
    this.#savedStep = step;
    this.#resumedFrom = step;
  }

  static async open(options: SessionOptions): Promise<TrainingSession> {
    const { program, progress, run } = options;
    const latest = await latestCheckpoint(run.checkpoints);
    if (latest === undefined) {
      await run.rewindMetrics(0);
      return new TrainingSession(options, program.initialState(), 0);
    }
    const runDigest = run.record.digest;
    const found = await loadCheckpoint(latest.folder, { runDigest, layout: program.layout });
    await run.rewindMetrics(found.step);
    if (found.step < options.schedule.totalSteps) progress.say(`goes on after step ${found.step}`);
    return new TrainingSession(options, found.state, found.step);
  }

  async run(): Promise<TrainSummary> {
    const { loader, signal } = this.#options;
    const startMs = performance.now();
    try {
      await this.#trainToEnd();
    } catch (error) {
      if (signal?.aborted === true) await this.#save();
      throw error;
    }
    await this.#save();
    return this.#summary((performance.now() - startMs) / 1000, loader.statistics);
  }

  async #trainToEnd(): Promise<void> {
    const { loader, schedule, signal } = this.#options;
    if (this.#step >= schedule.totalSteps) return;
    for await (const batch of loader.batches({ epoch: 0, step: this.#step }, signal)) {
      await this.#trainOn(batch);
      if (this.#step === schedule.totalSteps) return;
    }
  }

  [Symbol.dispose](): void {
    disposeState(this.#state);
  }

  async #trainOn(batch: Batch): Promise<void> {
    const { model, program, recipe, run, schedule } = this.#options;
    const step = this.#step + 1;
    const rateFactor = learningRateFactor(schedule, step);
    const tensors = deviceBatch(batch, {
      visualTokens: swinOutputShape(model.swin).tokens,
      seed: recipe.seed,
      step,
    });
    const { state, reading } = program.run({
      state: this.#state,
      batch: tensors,
      step,
      rateFactor,
    });
    tf.dispose(Object.values(tensors));
    if (!Number.isFinite(reading.loss) || !Number.isFinite(reading.gradientNorm)) {
      disposeState(state);
      throw notFinite(reading, step, batch);
    }
    disposeState(this.#state);
    this.#state = state;
    this.#step = step;
    this.#last = reading;
    await run.append({ step, epoch: batch.epoch, learningRateFactor: rateFactor, ...reading });
    this.#report(reading);
    if (step % recipe.checkpointEverySteps === 0) await this.#save();
  }

  async #save(): Promise<void> {
    const { program, run } = this.#options;
    if (this.#step === this.#savedStep) return;
    const content = { step: this.#step, runDigest: run.record.digest, state: this.#state };
    await saveCheckpoint(run.checkpoints, content, program.layout);
    this.#savedStep = this.#step;
  }

  #report(reading: StepReading): void {
    const { progress, schedule } = this.#options;
    const parts = [
      `loss ${reading.loss.toFixed(3)}`,
      `mlm ${reading.mlm.toFixed(3)}`,
      `itm ${reading.itm.toFixed(3)} (${(100 * reading.itmAccuracy).toFixed(0)} % right)`,
      `mfr ${reading.mfr.toFixed(1)}`,
    ];
    progress.report({
      activity: "training",
      done: this.#step,
      total: schedule.totalSteps,
      unit: "steps",
      note: parts.join(" · "),
    });
  }

  #summary(seconds: number, statistics: LoaderStatistics): TrainSummary {
    const { loader, program, recipe, schedule } = this.#options;
    const pictures = (this.#step - this.#resumedFrom) * recipe.data.picturesPerBatch;
    return {
      totalSteps: schedule.totalSteps,
      resumedFrom: this.#resumedFrom,
      batchesPerEpoch: loader.batchesPerEpoch,
      numWeights: program.layout.length,
      last: this.#last,
      seconds,
      picturesPerSecond: pictures / seconds,
      dataWaitShare: statistics.waitMs / 1000 / seconds,
    };
  }
}

function disposeState(state: AdamWState): void {
  tf.dispose([state.weights, state.firstMoment, state.secondMoment]);
}

function notFinite(reading: StepReading, step: number, batch: Batch): NumericError {
  return new NumericError(
    `step ${step}: the loss is ${reading.loss}, the gradient's norm ${reading.gradientNorm}; pictures: ${batch.keys.join(", ")}`,
    { remedy: "lower the learning rate, or look at these pictures and texts" },
  );
}
