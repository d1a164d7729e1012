import * as tf from "@tensorflow/tfjs-core";
import type { NamedTensors } from "../../models/pair-model.ts";

/** Predicted words are padded to a multiple of this, so that few shapes have to be compiled. */
const MASKED_WORDS_STEP = 32;

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
  const padded = Math.max(1, Math.ceil(predicted.length / MASKED_WORDS_STEP)) * MASKED_WORDS_STEP;
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
