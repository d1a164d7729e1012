import * as tf from "@tensorflow/tfjs-core";
import type { NamedTensors } from "../../models/pair-model.ts";

/** Predicted words and regions are padded to a multiple of this, and of a sixteenth to an eighth of their number. */
const SMALLEST_STEP = 32;

/** For how many predictions a batch with so many has room, so that few shapes have to be compiled; at least 32. */
export function paddedCount(numPredicted: number): number {
  const step = Math.max(SMALLEST_STEP, 2 ** (Math.floor(Math.log2(Math.max(1, numPredicted))) - 3));
  return Math.max(1, Math.ceil(numPredicted / step)) * step;
}

/**
 * The words that Masked Language Modelling predicts, as tensors [M]: their rows b * n + i among the batch's tokens, their
 * ids, and 1 for a word or 0 for padding. `mlmLabels` [B * n] holds the id to predict, or -1.
 */
export function maskedWordTensors(mlmLabels: Int32Array): NamedTensors & {
  readonly maskedRows: tf.Tensor1D;
  readonly maskedLabels: tf.Tensor1D;
  readonly maskedWeights: tf.Tensor1D;
} {
  const predicted = [...mlmLabels.keys()].filter((row) => (mlmLabels[row] ?? -1) >= 0);
  const padded = paddedCount(predicted.length);
  const rows = new Int32Array(padded);
  rows.set(predicted);
  const labels = Int32Array.from(rows, (row, index) =>
    index < predicted.length ? (mlmLabels[row] ?? 0) : 0,
  );
  return {
    maskedRows: tf.tensor1d(rows, "int32"),
    maskedLabels: tf.tensor1d(labels, "int32"),
    maskedWeights: tf.tensor1d(new Float32Array(padded).fill(1, 0, predicted.length)),
  };
}

/** How many values satisfy `counts`. */
export function numberWhere(values: Int32Array, counts: (value: number) => boolean): number {
  return values.reduce((number, value) => number + Number(counts(value)), 0);
}

/** What part of each of the global batch's totals a rank's counts are; 0 of nothing. */
export function sharesOf(own: readonly number[], totals: readonly number[]): number[] {
  return own.map((count, place) => {
    const total = totals[place] ?? 0;
    return total === 0 ? 0 : count / total;
  });
}
