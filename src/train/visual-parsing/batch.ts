import * as tf from "@tensorflow/tfjs-core";
import { RandomStream } from "../../core/random.ts";
import type { Batch } from "../../loader/options.ts";
import { tensorOfBytes } from "../../tensor/bytes.ts";
import { randomMask } from "../objectives/feature-masks.ts";
import { maskedWordTensors, numberWhere, sharesOf } from "../systems/masked-words.ts";
import type { BatchContext } from "../systems/system.ts";
import type { VisualParsingBatch } from "./losses.ts";

// P pictures, S image side, B pairs, n text tokens, M predicted words

/** What a batch's losses are means over: its predicted words, pairs and matched pairs. */
export function batchCounts({ matched, mlmLabels }: Batch): number[] {
  return [
    numberWhere(mlmLabels, (label) => label >= 0),
    numberWhere(matched, (match) => match >= 0),
    numberWhere(matched, (match) => match === 1),
  ];
}

export interface MaskingContext extends BatchContext {
  /** Of a picture, m. */
  readonly visualTokens: number;
  /** How many of them chance hides, k; 0 where something else chooses. */
  readonly randomTokens: number;
}

/**
 * A batch on the device; the tensors are the caller's to dispose. Pictures in shared memory that begins on 64 bytes are
 * looked at where they lie, so the batch must stay as it is until then.
 */
export function deviceBatch(batch: Batch, context: MaskingContext): VisualParsingBatch {
  const { pictureHeight, pictureWidth, textTokens } = batch.shape;
  const { numPairs, numPictures } = batch;
  const { maskedRows, maskedLabels, maskedWeights } = maskedWordTensors(batch.mlmLabels);
  return {
    pixels: tensorOfBytes<tf.Rank.R4>(batch.pixels, [numPictures, pictureHeight, pictureWidth, 3]),
    pictureOfPair: tf.tensor1d(batch.pictureOfPair.slice(), "int32"),
    tokenIds: tf.tensor2d(batch.tokenIds.slice(), [numPairs, textTokens], "int32"),
    tokenMask: tf.tensor2d(batch.tokenMask.slice(), [numPairs, textTokens], "int32"),
    matched: tf.tensor1d(batch.matched.slice(), "int32"),
    maskedRows,
    maskedLabels,
    maskedWeights,
    pivots: tf.tensor1d(drawPivots(numPairs, context), "int32"),
    ...(context.randomTokens === 0 ? {} : { randomTokens: randomTokens(numPairs, context) }),
    shares: tf.tensor1d(sharesOf(batchCounts(batch), context.totals)),
  };
}

/** The token that each pair's Masked Feature Regression starts from, drawn uniformly by (seed, step, pair of the global batch). */
function drawPivots(numPairs: number, context: MaskingContext): Int32Array {
  const { firstPair, seed, step, visualTokens } = context;
  return Int32Array.from({ length: numPairs }, (_, pair) =>
    new RandomStream(seed, step, firstPair + pair).nextInt(visualTokens),
  );
}

/** The tokens that chance hides, [B, k]. */
function randomTokens(numPairs: number, context: MaskingContext): tf.Tensor2D {
  const tokens = randomMask({ ...context, numPairs, count: context.randomTokens });
  return tf.tensor2d(tokens, [numPairs, context.randomTokens], "int32");
}
