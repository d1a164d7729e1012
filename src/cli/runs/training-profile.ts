import { defaultCache } from "../../shards/remote/cache-plan.ts";
import { readIndex } from "../../shards/shard-set-index.ts";
import { traceText } from "../../tensor/compiled/options.ts";
import { profileTraining, type TrainingProfile } from "../../train/profile.ts";
import { overrideRecipe } from "../../train/recipe-parser.ts";
import { recipeNamed } from "../../train/recipes/recipe-named.ts";
import type { CommandContext, CommandOutcome } from "../frame.ts";
import { styled } from "../terminal/text-style.ts";
import { textTable } from "../text-table.ts";
import { countTrainingScenes, readVocabulary, trainingSplits } from "./training.ts";

export interface ProfileFlags {
  readonly data: readonly string[];
  readonly set?: readonly string[];
  readonly steps: number;
  readonly top: number;
  readonly cache?: string;
  readonly cacheGigabytes?: number;
}

interface ProfileRequest {
  readonly recipeName: string;
  readonly flags: ProfileFlags;
  readonly seed: number | undefined;
}

/** Measures some steps of a recipe on shard sets. The sets are not audited: nothing of it is kept. */
export async function profileRecipe(
  { flags, recipeName, seed }: ProfileRequest,
  context: CommandContext,
): Promise<CommandOutcome<TrainingProfile>> {
  const named = recipeNamed(recipeName);
  const recipe = overrideRecipe({ ...named, seed: seed ?? named.seed }, flags.set ?? []);
  const usual = defaultCache();
  const { cache: folder = usual.folder, cacheGigabytes: gigabytes } = flags;
  const maxBytes = gigabytes === undefined ? usual.maxBytes : gigabytes * 1e9;
  const call = { recipe, folders: flags.data, cache: { folder, maxBytes } };
  const vocabulary = await readVocabulary(recipe.data.vocabulary);
  const indexes = await Promise.all(flags.data.map((set) => readIndex(set)));
  countTrainingScenes(indexes, call);
  const profile = await profileTraining({
    recipe,
    sets: trainingSplits(call, indexes),
    vocabulary,
    numSteps: flags.steps,
    ...context,
  });
  return { result: profile, text: profileText(recipe.name, profile, flags.top) };
}

/** A profile as tables: the parts of a step, then its operations. */
export function profileText(name: string, profile: TrainingProfile, top: number): string {
  const { batchMs, dataWaitMs, gradientMs, numSteps, operations, stepMs, traces, updateMs } =
    profile;
  const gradientStepMs = stepMs - dataWaitMs - batchMs - updateMs;
  const parts = [
    ["waiting for data", dataWaitMs] as const,
    ["batch to the device", batchMs] as const,
    ["losses and gradient", gradientStepMs] as const,
    ["update", updateMs] as const,
  ].map(([part, time]) => [part, timeText(time), shareText(time / stepMs)]);
  const total = operations.reduce((sum, operation) => sum + operation.milliseconds, 0);
  const listed = operations
    .slice(0, top)
    .map((operation): [string, number, string, string] => [
      operation.operation,
      operation.count,
      timeText(operation.milliseconds),
      shareText(operation.milliseconds / total),
    ]);
  const others = operations.length - listed.length;
  return [
    `${styled("bold", `${name}: ${timeText(stepMs)} a step`)}, the mean of ${numSteps}`,
    textTable(parts),
    `Losses and gradient by operation, as TensorFlow has optimised them: one traced run of ${timeText(gradientMs)}; operations that run side by side count each in full${others > 0 ? `; ${others} more take less` : ""}`,
    textTable([["operation", "count", "time", "share"], ...listed]),
    traces.map((trace) => traceText(trace)).join("\n"),
  ].join("\n\n");
}

function timeText(milliseconds: number): string {
  return `${milliseconds.toFixed(milliseconds < 10 ? 2 : 0)} ms`;
}

function shareText(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
