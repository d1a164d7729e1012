import * as tf from "@tensorflow/tfjs-core";
import { gatherSlices } from "../../tensor/gather.ts";
import { matrix, vector } from "../ranks.ts";

// N features, c their size, k codes

export interface RestartInput {
  /** [k, c] */
  readonly codes: tf.Tensor2D;
  /** For how many steps no feature has come to a code, [k]. */
  readonly idleSteps: tf.Tensor1D;
  /** [N, c] */
  readonly features: tf.Tensor2D;
  /** 1 for features that may be taken, 0 for padding, [N]. */
  readonly counted: tf.Tensor1D;
  /** Uniform numbers in [0, 1), drawn outside by (seed, step), [k]. */
  readonly uniforms: tf.Tensor1D;
  readonly afterSteps: number;
}

export interface Restarted {
  readonly codes: tf.Tensor2D;
  /** 0 where a code has been restarted. */
  readonly idleSteps: tf.Tensor1D;
  /** 1 where a code has been restarted, [k]; their sum is what is told of a step. */
  readonly restarted: tf.Tensor1D;
}

/**
 * Codes that have been idle for `afterSteps` steps become features of the batch, each drawn uniformly; the others stay
 * as they are. Neither SOHO's paper nor its code does this. No counted feature: no restart.
 */
export function restartIdleCodes(input: RestartInput): Restarted {
  const { codes, counted, features, idleSteps, uniforms } = input;
  const numCounted = tf.sum(counted);
  // The counted features' places in order: the r-th is where the running count first reaches r.
  const ranks = tf.minimum(tf.floor(tf.mul(uniforms, numCounted)), tf.sub(numCounted, 1)); // [k]
  const isBefore = tf.lessEqual(tf.expandDims(tf.cumsum(counted), 0), tf.expandDims(ranks, 1)); // [k, N]
  const places = tf.minimum(tf.sum(tf.cast(isBefore, "int32"), 1), features.shape[0] - 1);
  const drawn = gatherSlices(features, vector(tf.cast(places, "int32")), 0); // [k, c]
  const isDead = tf.logicalAnd(
    tf.greaterEqual(idleSteps, input.afterSteps),
    tf.greater(numCounted, 0),
  );
  const everywhere = tf.tile(tf.expandDims(isDead, 1), [1, codes.shape[1]]);
  return {
    codes: matrix(tf.where(everywhere, drawn, codes)),
    idleSteps: vector(tf.where(isDead, tf.zerosLike(idleSteps), idleSteps)),
    restarted: vector(tf.cast(isDead, "float32")),
  };
}
