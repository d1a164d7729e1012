import * as tf from "@tensorflow/tfjs-core";
import { NO_LABEL } from "../../loader/labelled/labelled-task.ts";
import type { Batch } from "../../loader/options.ts";
import type { NamedTensors, PairModel } from "../../models/pair-model.ts";
import { sharesOf } from "../systems/masked-words.ts";
import type { BatchContext } from "../systems/system.ts";

// S samples, B rows of text, n text tokens, A answers, R regions of a picture

/** What a task's losses are means over: its samples that are no padding. */
export function taskCounts(batch: Batch): number[] {
  return [realSamples(batch).reduce((sum, real) => sum + real, 0)];
}

/** 1 for each sample of the batch, 0 for padding, [S]. */
function realSamples({ matched, shape: { textsPerPicture } }: Batch): Float32Array {
  const numSamples = matched.length / textsPerPicture;
  return Float32Array.from({ length: numSamples }, (_, sample) =>
    Number((matched[sample * textsPerPicture] ?? -1) >= 0),
  );
}

/** A batch on the device: texts, pictures as the model takes them, and what is to be told; the caller's to dispose. */
export function taskDeviceBatch(
  batch: Batch,
  context: Pick<BatchContext, "totals"> & { readonly model: PairModel },
): NamedTensors {
  const { numPairs, shape } = batch;
  const real = realSamples(batch);
  return {
    tokenIds: tf.tensor2d(batch.tokenIds.slice(), [numPairs, shape.textTokens], "int32"),
    tokenMask: tf.tensor2d(batch.tokenMask.slice(), [numPairs, shape.textTokens], "int32"),
    pictureOfPair: tf.tensor1d(batch.pictureOfPair.slice(), "int32"),
    ...context.model.pictureTensors(batch),
    real: tf.tensor1d(real),
    ...truthTensors(batch, real.length),
    shares: tf.tensor1d(sharesOf(taskCounts(batch), context.totals)),
  };
}

/** Of labelled samples: "targets" [S, A], or "labels" [S], 0 for padding. Of matched and unmatched texts: "matched" [B]. */
function truthTensors(batch: Batch, numSamples: number): NamedTensors {
  const { labelled, matched, shape } = batch;
  if (labelled === undefined) return { matched: tf.tensor1d(matched.slice(), "int32") };
  const { answersPerSample = 0, hasRegionOverlaps = false } = shape.labelled ?? {};
  if (answersPerSample > 0) {
    const targets = labelled.answerTargets.slice();
    return { targets: tf.tensor2d(targets, [numSamples, answersPerSample]) };
  }
  const labels = hasRegionOverlaps
    ? bestRegions(labelled.regionOverlaps, shape.regionsPerPicture)
    : labelled.labels.map((label) => (label === NO_LABEL ? 0 : label));
  return { labels: tf.tensor1d(labels, "int32") };
}

/** The region that lies best on what each expression means, [S]; with the annotated boxes as regions it is that box. */
function bestRegions(overlaps: Float32Array, regionsPerPicture: number): Int32Array {
  return Int32Array.from({ length: overlaps.length / regionsPerPicture }, (_, sample) => {
    const start = sample * regionsPerPicture;
    const own = overlaps.subarray(start, start + regionsPerPicture);
    return own.reduce((best, overlap, region) => (overlap > (own[best] ?? 0) ? region : best), 0);
  });
}
