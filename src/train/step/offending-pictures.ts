import { batchSlice } from "../../loader/collating/batch-slice.ts";
import { NumericError } from "../../core/errors.ts";
import type { Batch } from "../../loader/options.ts";
import { type BatchPlace, onDevice } from "./micro-batches.ts";
import type { StepProgram, StepReading } from "./step-program.ts";
import type { TrainingState } from "./training-state.ts";

/**
 * The keys of those pictures of a rank's batch whose own losses or gradients are not finite: each sample is tried alone.
 * None where only all of them together are too much, and all where the weights are.
 */
export function offendingPictures(
  program: Pick<StepProgram, "isFinite" | "system">,
  batch: Batch,
  { place, state }: { readonly place: BatchPlace; readonly state: TrainingState },
): string[] {
  const size = batch.shape.labelled?.picturesPerSample ?? 1;
  const slices = Array.from({ length: batch.numRealPictures / size }, (_, sample) => ({
    slice: batchSlice(batch, { start: sample * size, end: (sample + 1) * size }),
    firstRow: sample * size,
  }));
  const counts = program.system.counts(batch);
  const alone: BatchPlace = {
    ...place,
    // Means over the whole batch: a sample without a masked word is no division by zero.
    countsOfSlices: slices.map((_, index) => (index === 0 ? counts : counts.map(() => 0))),
    loss: "whole-batch",
  };
  const offending = new Set<string>();
  let sample = 0;
  for (const placed of onDevice(slices, program.system, alone)) {
    const request = { ...placed, state, step: place.step, rateFactor: 0 };
    const keys = slices[sample]?.slice.keys ?? [];
    if (!program.isFinite(request)) for (const key of keys) offending.add(key);
    sample += 1;
  }
  return [...offending];
}

/** What a run is told of a step whose numbers are not finite. */
export function notFinite(
  { gradientNorm, loss }: StepReading,
  step: number,
  where: { readonly batch: Batch; readonly pictures: readonly string[]; readonly rank: number },
): NumericError {
  const { batch, pictures, rank } = where;
  const named =
    pictures.length === 0
      ? `pictures: ${batch.keys.join(", ")}, none of which is at fault alone`
      : `pictures: ${pictures.join(", ")}`;
  const ofRank = rank === 0 ? "" : ` of rank ${rank}`;
  return new NumericError(
    `step ${step}: the loss is ${loss}, the gradient's norm ${gradientNorm}; ${named}${ofRank}`,
    { remedy: "lower the learning rate, or look at these pictures and texts" },
  );
}
