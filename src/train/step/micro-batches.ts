import * as tf from "@tensorflow/tfjs-core";
import { rankRows } from "../../loader/batch-shape.ts";
import { batchSlice } from "../../loader/collating/batch-slice.ts";
import type { Batch } from "../../loader/options.ts";
import type { RecipeOptimisation } from "../recipes/recipe-base.ts";
import type { PlacedBatch } from "./step-program.ts";
import type { System } from "../systems/system.ts";

/** Neighbouring pictures of a rank's batch, and which of its rows they are from. */
export interface MicroBatch {
  readonly slice: Batch;
  readonly firstRow: number;
}

/** A rank's batch in `number` slices, fewer where it has fewer pictures; equally many of equal sizes on all ranks. */
export function microBatches(batch: Batch, number: number): MicroBatch[] {
  if (number === 1) return [{ slice: batch, firstRow: 0 }];
  return Array.from({ length: Math.min(number, batch.numPictures) }, (_, rank) => {
    const rows = rankRows(batch.numPictures, {
      rank,
      worldSize: Math.min(number, batch.numPictures),
    });
    return { slice: batchSlice(batch, rows), firstRow: rows.start };
  });
}

/** A global batch as its ranks take it. */
export interface BatchPlace {
  readonly seed: number;
  /** Counted from 1. */
  readonly step: number;
  /** Where this rank's first row stands in the global batch. */
  readonly firstRow: number;
  /** Of each slice, what the system counts of it over all ranks. */
  readonly countsOfSlices: readonly (readonly number[])[];
  readonly loss: RecipeOptimisation["microBatchLoss"];
}

/** What the losses of each slice are means over. */
function totalsOf({ countsOfSlices, loss }: BatchPlace): readonly (readonly number[])[] {
  const number = countsOfSlices.length;
  if (loss === "summed") {
    // The mean of the slices' means; `gradientFactor` makes their sum of it.
    return countsOfSlices.map((counts) => counts.map((count) => count * number));
  }
  const whole = (countsOfSlices[0] ?? []).map((_, place) =>
    countsOfSlices.reduce((sum, counts) => sum + (counts[place] ?? 0), 0),
  );
  return countsOfSlices.map(() => whole);
}

/** By what the sum of the slices' gradients is multiplied. */
export function gradientFactor({ countsOfSlices, loss }: BatchPlace): number {
  return loss === "summed" ? countsOfSlices.length : 1;
}

/** The slices on the device, one at a time: each is disposed of when the next is asked for. */
export function* onDevice(
  slices: readonly MicroBatch[],
  system: System,
  place: BatchPlace,
): Generator<PlacedBatch> {
  const { seed, step } = place;
  const totals = totalsOf(place);
  for (const [index, { firstRow, slice }] of slices.entries()) {
    const { labelled, textsPerPicture } = slice.shape;
    // Of labelled samples, which may have two pictures, so many texts a sample.
    const textsOfRow = textsPerPicture / (labelled?.picturesPerSample ?? 1);
    const firstPair = (place.firstRow + firstRow) * textsOfRow;
    const context = { seed, step, epoch: slice.epoch, firstPair, totals: totals[index] ?? [] };
    const batch = system.deviceBatch(slice, context);
    try {
      yield { batch, firstPair };
    } finally {
      tf.dispose(Object.values(batch.tensors));
    }
  }
}
