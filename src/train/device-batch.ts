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
  /** Where the batch's first pair stands in the global batch. */
  readonly firstPair: number;
  /** Of the global batch. */
  readonly counts: BatchCounts;
}

/** What a batch's losses are means over. */
export interface BatchCounts {
  readonly words: number;
  readonly pairs: number;
  readonly matchedPairs: number;
}

/** The counts of a rank's share of a global batch; those of all ranks add up to the global batch's. */
export function batchCounts({ matched, mlmLabels }: Batch): BatchCounts {
  return {
    words: numberWhere(mlmLabels, (label) => label >= 0),
    pairs: numberWhere(matched, (match) => match >= 0),
    matchedPairs: numberWhere(matched, (match) => match === 1),
  };
}

function numberWhere(values: Int32Array, counts: (value: number) => boolean): number {
  return values.reduce((number, value) => number + Number(counts(value)), 0);
}

/**
 * A batch on the device; the tensors are the caller's to dispose. Pictures in shared memory that begins on 64 bytes are
 * looked at where they lie, so the batch must stay as it is until then.
 */
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
    shares: tf.tensor1d(sharesOf(batchCounts(batch), context.counts)),
  };
}

function share(count: number, total: number): number {
  return total === 0 ? 0 : count / total;
}

function sharesOf(own: BatchCounts, all: BatchCounts): number[] {
  return [
    share(own.words, all.words),
    share(own.pairs, all.pairs),
    share(own.matchedPairs, all.matchedPairs),
  ];
}

/** The token that each pair's Masked Feature Regression starts from, drawn uniformly by (seed, step, pair of the global batch). */
function drawPivots(numPairs: number, context: BatchContext): Int32Array {
  const { firstPair, seed, step, visualTokens } = context;
  return Int32Array.from({ length: numPairs }, (_, pair) =>
    new RandomStream(seed, step, firstPair + pair).nextInt(visualTokens),
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
