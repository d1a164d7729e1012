import type { TraceReport } from "../tensor/compiled/options.ts";
import { traceText } from "../tensor/compiled/options.ts";
import { silentProgress } from "../core/progress.ts";
import { BatchLoader } from "../loader/batch-loader.ts";
import { soloCluster } from "../tensor/cluster/cluster.ts";
import { loadTensorFlow } from "../tensor/load.ts";
import { CheckpointWriter } from "./checkpoints/checkpoint-writer.ts";
import type { Schedule } from "./optimisation/schedule.ts";
import type { TrainingRecipe } from "./recipe.ts";
import { loaderOptions } from "./run/loader-options.ts";
import type { RunEvent } from "./run/run-events.ts";
import type { TrainOptions, TrainSummary } from "./run/train-options.ts";
import { TrainingSession } from "./run/training-session.ts";
import { StepProgram } from "./step/step-program.ts";
import { systemOf } from "./systems/system-of-recipe.ts";

/**
 * Trains a recipe from its newest checkpoint, or from the start, to its last step, or until it no longer becomes better
 * where the recipe asks for that. An abort saves a checkpoint first and then throws the signal's reason; the same call goes
 * on from there, and its weights are those of a run that was never stopped. Throws NumericError when a loss is not finite,
 * IncompleteError when another rank is lost: where the run stands is then saved as well.
 */
export async function train(trainOptions: TrainOptions): Promise<TrainSummary> {
  await loadTensorFlow();
  const { cluster = soloCluster, observers = [] } = trainOptions;
  // One rank speaks for all.
  const progress = cluster.rank === 0 ? trainOptions.progress : silentProgress;
  const options = { ...trainOptions, cluster, progress };
  const tell = async (event: RunEvent): Promise<void> => {
    for (const observer of observers) await observer(event);
  };
  const system = systemOf(options.recipe, options.vocabulary.size);
  const { batches } = system;
  await using loader = await BatchLoader.open(loaderOptions({ ...options, batches }));
  const onTrace = (report: TraceReport): void => progress.say(traceText(report));
  using program = new StepProgram(options.recipe, system, { cluster, onTrace });
  const schedule = await scheduleOf(options.recipe, (epoch) => loader.numBatchesBefore(epoch));
  await using writer = new CheckpointWriter((written) => tell({ kind: "checkpoint", ...written }));
  using session = await TrainingSession.open({
    ...options,
    loader,
    program,
    schedule,
    tell,
    writer,
  });
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
