import { traceText } from "../../tensor/compiled/options.ts";
import { profileTraining, type TrainingProfile } from "../../train/profile.ts";
import type { CommandContext, CommandOutcome } from "../frame.ts";
import { styled } from "../terminal/text-style.ts";
import { textTable } from "../text-table.ts";
import { measuredRecipe, type MeasuringRequest } from "./measured-recipe.ts";

export interface ProfileFlags {
  readonly data: readonly string[];
  readonly set?: readonly string[];
  readonly steps: number;
  readonly top: number;
  readonly cache?: string;
  readonly cacheGigabytes?: number;
}

/** Measures some steps of a recipe on shard sets. The sets are not audited: nothing of it is kept. */
export async function profileRecipe(
  request: MeasuringRequest<ProfileFlags>,
  context: CommandContext,
): Promise<CommandOutcome<TrainingProfile>> {
  const { steps, top } = request.flags;
  const measured = await measuredRecipe(request);
  const profile = await profileTraining({ ...measured, numSteps: steps, ...context });
  return { result: profile, text: profileText(measured.recipe.name, profile, top) };
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
