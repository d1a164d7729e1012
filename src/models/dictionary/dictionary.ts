import * as tf from "@tensorflow/tfjs-core";
import { gatherSlices } from "../../tensor/gather.ts";
import { stopGradient } from "../layers.ts";
import { matrix, vector } from "../ranks.ts";
import type { WeightSpec } from "../weights.ts";

// N features, c their size, k codes

/** SOHO's visual dictionary (section 3.2); its state are buffers, which no gradient moves. */
export interface DictionaryConfig {
  /** k, 2048 in SOHO. */
  readonly codes: number;
  /** c */
  readonly dimension: number;
  readonly update: DictionaryUpdate;
  /** A code that no feature has come to for so many steps begins anew at a feature of the batch; 0: never (SOHO). */
  readonly restartAfterSteps: number;
}

export type DictionaryUpdate =
  /** Eq. 4: codes that were hit move to the mean of their features, d = gamma d + (1 - gamma) mean. */
  | { readonly law: "momentum-means"; readonly momentum: number }
  /** SOHO's code: d = moving sum of features / smoothed moving count of features. */
  | { readonly law: "moving-sums"; readonly decay: number };

/** The buffers, with SOHO's names but for the last, which is ours. */
export const dictionaryNames = {
  /** [k, c] */
  codes: "embed",
  /** Moving counts [k] and sums [k, c], of "moving-sums" alone. */
  counts: "cluster_size",
  sums: "embed_avg",
  /** For how many steps no feature has come to a code, [k]. */
  idleSteps: "idle_steps",
} as const;

/** The state of a dictionary whose buffers' names begin with `prefix`. */
export function dictionaryBuffers(config: DictionaryConfig, prefix: string): WeightSpec[] {
  const { codes, dimension, update } = config;
  const zeros = (name: string, shape: number[]): WeightSpec => ({
    name: prefix + name,
    shape,
    initialisation: "zeros",
  });
  return [
    {
      name: prefix + dictionaryNames.codes,
      shape: [codes, dimension],
      initialisation: "standard-normal", // "randomly initialized" in the paper, N(0, 1) in SOHO's code
    },
    zeros(dictionaryNames.idleSteps, [codes]),
    ...(update.law === "moving-sums"
      ? [zeros(dictionaryNames.counts, [codes]), zeros(dictionaryNames.sums, [codes, dimension])]
      : []),
  ];
}

/**
 * The nearest code of each feature (eq. 2): features [N, c] and codes [k, c] to [N] of int32; ties to the lowest. Of
 * ||v - d||^2 = ||v||^2 - 2 v d + ||d||^2 the first term is the same for all codes and left out.
 */
export function nearestCodes(features: tf.Tensor2D, codes: tf.Tensor2D): tf.Tensor1D {
  const [constant, table] = [matrix(stopGradient(features)), matrix(stopGradient(codes))];
  const products = tf.matMul(constant, table, false, true); // [N, k]
  const distances = tf.sub(tf.sum(tf.square(table), 1), tf.mul(products, 2));
  return vector(tf.argMin(distances, 1));
}

/**
 * The codes of features (eq. 3): [N, c]. Their gradient goes to the features as it is (eq. 5) and to the codes not at
 * all.
 */
export function quantise(
  features: tf.Tensor2D,
  codes: tf.Tensor2D,
  indices: tf.Tensor1D,
): tf.Tensor2D {
  const straightThrough = tf.customGrad(() => ({
    value: gatherSlices(codes, indices, 0),
    gradFunc: (dy: tf.Tensor) => dy,
  }));
  return matrix(straightThrough(features));
}
