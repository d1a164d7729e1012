import type { Progress } from "../../core/progress.ts";
import { flatLayout } from "../../train/step/flat-weights.ts";
import { recipeEntries } from "../../train/recipe.ts";
import { systemOf } from "../../train/systems/system-of-recipe.ts";
import { scheduleOf } from "../../train/trainer.ts";
import type { CommandOutcome } from "../frame.ts";
import { textTable } from "../text-table.ts";
import { prepareTraining, type TrainingCall } from "./training.ts";

interface TrainingPlan {
  readonly recipe: unknown;
  readonly numWeights: number;
  readonly trainingScenes: number;
  readonly batchesPerEpoch: number;
  readonly totalSteps: number;
}

/** What a run would do, without doing it. */
export async function describeTraining(
  call: TrainingCall,
  context: { readonly progress: Progress; readonly signal: AbortSignal },
): Promise<CommandOutcome<TrainingPlan>> {
  const { recipe } = call;
  const prepared = await prepareTraining(call, context);
  const { model } = systemOf(recipe, prepared.vocabulary.size);
  const { trainingScenes } = prepared;
  const batchesPerEpoch = Math.floor(trainingScenes / recipe.data.picturesPerBatch);
  const schedule = await scheduleOf(recipe, (epoch) => Promise.resolve(epoch * batchesPerEpoch));
  const plan = {
    recipe,
    numWeights: flatLayout(model.specs).length,
    trainingScenes,
    batchesPerEpoch,
    totalSteps: schedule.totalSteps,
  };
  const rows = recipeEntries(recipe).map(({ name, value }): [string, string] => [
    name,
    String(value),
  ]);
  const facts: [string, number][] = [
    ["weights", plan.numWeights],
    ["training scenes", trainingScenes],
    ["batches an epoch", batchesPerEpoch],
    ["steps", plan.totalSteps],
  ];
  return {
    result: plan,
    text: [textTable(rows), textTable(facts), "nothing was written (--dry-run)"].join("\n\n"),
  };
}
