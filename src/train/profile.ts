import * as tf from "@tensorflow/tfjs-core";
import { ConfigError } from "../core/errors.ts";
import type { Progress } from "../core/progress.ts";
import { BatchLoader } from "../loader/batch-loader.ts";
import type { Batch, LoaderSet } from "../loader/options.ts";
import { soloCluster } from "../tensor/cluster/cluster.ts";
import type { TraceReport } from "../tensor/compiled/options.ts";
import { profileStep, type OperationTime } from "../tensor/compiled/profile.ts";
import { loadTensorFlow } from "../tensor/load.ts";
import { loaderOptions } from "./run/loader-options.ts";
import type { TrainingRecipe } from "./recipe.ts";
import { StepProgram, type StepRequest } from "./step/step-program.ts";
import { systemOf } from "./systems/system-of-recipe.ts";
import { disposeState, type TrainingState } from "./step/training-state.ts";

export interface ProfileCall {
  readonly recipe: TrainingRecipe;
  readonly sets: readonly LoaderSet[];
  /** Path of the vocabulary and the number of its tokens. */
  readonly vocabulary: { readonly path: string; readonly size: number };
  /** Steps that are measured; two more come before them. */
  readonly numSteps: number;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/** Where the time of a recipe's steps goes; milliseconds are means over the measured steps. */
export interface TrainingProfile {
  readonly numSteps: number;
  /** From one batch to the next. */
  readonly stepMs: number;
  /** Of it, waiting for the loader. */
  readonly dataWaitMs: number;
  /** Of it, handing the batch to the device. */
  readonly batchMs: number;
  /** Of it, the update of the weights. */
  readonly updateMs: number;
  /** Losses and gradient: one run, traced, in which TensorFlow measures each operation. */
  readonly gradientMs: number;
  /** Of that run, the longest first; operations that run side by side count each in full. */
  readonly operations: readonly OperationTime[];
  readonly traces: readonly TraceReport[];
}

/** Steps in which everything is compiled and first allocated. */
const NUM_WARM_UPS = 2;

/** Takes some steps of a recipe from fresh weights and measures them; keeps nothing. */
export async function profileTraining(call: ProfileCall): Promise<TrainingProfile> {
  await loadTensorFlow();
  const { numSteps, recipe, vocabulary } = call;
  const traces: TraceReport[] = [];
  const system = systemOf(recipe, vocabulary.size);
  const { batches } = system;
  const asked = loaderOptions({ ...call, batches, cluster: soloCluster });
  await using loader = await BatchLoader.open(asked);
  const onTrace = (report: TraceReport): void => void traces.push(report);
  using program = new StepProgram(recipe, system, { onTrace });
  using session = new ProfileSession(call, program);
  let [startMs, waitedMs] = [0, 0];
  for await (const batch of loader.batches({ epoch: 0, step: 0 }, call.signal)) {
    if (session.numSteps === NUM_WARM_UPS) {
      [startMs, waitedMs] = [performance.now(), loader.statistics.waitMs];
      session.forgetTimes();
    }
    await session.step(batch);
    if (session.numSteps < NUM_WARM_UPS + numSteps) continue;
    const stepMs = (performance.now() - startMs) / numSteps;
    const dataWaitMs = (loader.statistics.waitMs - waitedMs) / numSteps;
    return { numSteps, stepMs, dataWaitMs, ...session.profile(batch), traces };
  }
  throw new ConfigError("the sets have no batch to profile a step with");
}

class ProfileSession implements Disposable {
  readonly #call: ProfileCall;
  readonly #program: StepProgram;
  #state: TrainingState;
  #numSteps = 0;
  #batchMs = 0;
  #updateMs = 0;

  constructor(call: ProfileCall, program: StepProgram) {
    this.#call = call;
    this.#program = program;
    this.#state = program.initialState();
  }

  get numSteps(): number {
    return this.#numSteps;
  }

  forgetTimes(): void {
    this.#batchMs = 0;
    this.#updateMs = 0;
  }

  async step(batch: Batch): Promise<void> {
    const request = this.#request(batch);
    const { state, updateMs } = await this.#program.run(request);
    tf.dispose(Object.values(request.batch.tensors));
    disposeState(this.#state);
    this.#state = state;
    this.#numSteps += 1;
    this.#updateMs += updateMs;
    const { numSteps, progress } = this.#call;
    progress.report({
      activity: "profiling",
      done: this.#numSteps,
      total: numSteps + NUM_WARM_UPS,
      unit: "steps",
    });
  }

  profile(
    batch: Batch,
  ): Pick<TrainingProfile, "batchMs" | "updateMs" | "gradientMs" | "operations"> {
    const { numSteps, recipe } = this.#call;
    const [batchMs, updateMs] = [this.#batchMs / numSteps, this.#updateMs / numSteps];
    const request = this.#request(batch);
    const inputs = this.#program.gradientInputs(request);
    const { precision } = recipe;
    const options = { precision, warmUps: NUM_WARM_UPS };
    const step = this.#program.gradientStep(request.batch);
    const { milliseconds, operations } = profileStep(step, inputs, options);
    inputs[0]?.dispose();
    tf.dispose(Object.values(request.batch.tensors));
    return { batchMs, updateMs, gradientMs: milliseconds, operations };
  }

  [Symbol.dispose](): void {
    disposeState(this.#state);
  }

  #request(batch: Batch): StepRequest {
    const { recipe } = this.#call;
    const step = this.#numSteps + 1;
    const { system } = this.#program;
    const startMs = performance.now();
    const place = { step, epoch: batch.epoch, firstPair: 0, totals: system.counts(batch) };
    const onDevice = system.deviceBatch(batch, { seed: recipe.seed, ...place });
    this.#batchMs += performance.now() - startMs;
    return { state: this.#state, batch: onDevice, step, rateFactor: 1 };
  }
}
