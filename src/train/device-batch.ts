import * as tf from "@tensorflow/tfjs-core";
import { RandomStream } from "../core/random.ts";
import type { Batch } from "../loader/options.ts";
import { tensorOfBytes } from "../tensor/bytes.ts";
import type { StepBatch } from "./step.ts";

// P pictures, S image side, B pairs, n text tokens, M predicted words

/** Predicted words are padded to a multiple of this, so that few shapes have to be compiled. */
const MASKED_WORDS_STEP = 32;

export interface BatchContext {
  readonly visualTokens: number;
  readonly seed: number;
  readonly step: number;
}

/** Copies a batch to the device; the tensors are the caller's to dispose. */
export function deviceBatch(batch: Batch, context: BatchContext): StepBatch {
  const { pictureHeight, pictureWidth, textTokens } = batch.shape;
  const { numPairs, numPictures } = batch;
  const words = maskedWords(batch.mlmLabels);
  return {
    pixels: tensorOfBytes<tf.Rank.R4>(batch.pixels, [numPictures, pictureHeight, pictureWidth, 3]),
    pictureOfPair: tf.tensor1d(batch.pictureOfPair.slice(), "int32"),
    tokenIds: tf.tensor2d(batch.tokenIds.slice(), [numPairs, textTokens], "int32"),
    tokenMask: tf.tensor2d(batch.tokenMask.slice(), [numPairs, textTokens], "int32"),
    matched: tf.tensor1d(batch.matched.slice(), "int32"),
    maskedRows: tf.tensor1d(words.rows, "int32"),
    maskedLabels: tf.tensor1d(words.labels, "int32"),
    maskedWeights: tf.tensor1d(words.weights),
    pivots: tf.tensor1d(drawPivots(numPairs, context), "int32"),
  };
}

/** The token that each pair's Masked Feature Regression starts from, drawn uniformly by (seed, step, pair). */
function drawPivots(numPairs: number, context: BatchContext): Int32Array {
  return Int32Array.from({ length: numPairs }, (_, pair) =>
    new RandomStream(context.seed, context.step, pair).nextInt(context.visualTokens),
  );
}

interface MaskedWords {
  readonly rows: Int32Array;
  readonly labels: Int32Array;
  readonly weights: Float32Array;
}

function maskedWords(mlmLabels: Int32Array): MaskedWords {
  const predicted = [...mlmLabels.keys()].filter((row) => (mlmLabels[row] ?? -1) >= 0);
  const padded = Math.max(1, Math.ceil(predicted.length / MASKED_WORDS_STEP)) * MASKED_WORDS_STEP;
  const rows = new Int32Array(padded);
  rows.set(predicted);
  return {
    rows,
    labels: Int32Array.from(rows, (row, index) =>
      index < predicted.length ? (mlmLabels[row] ?? 0) : 0,
    ),
    weights: new Float32Array(padded).fill(1, 0, predicted.length),
  };
}
