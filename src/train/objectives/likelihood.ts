import * as tf from "@tensorflow/tfjs-core";
import { stopGradient } from "../../models/layers.ts";

// M predicted tokens (padded to a fixed number), V vocabulary

/**
 * The mean negative log likelihood of the rows' labels (eq. 7 for masked words, eq. 8 for pairs):
 * logits [M, V], labels [M], weights [M] with 0 for rows that don't count. No counted row: 0.
 */
export function meanNegativeLogLikelihood(
  logits: tf.Tensor2D,
  labels: tf.Tensor1D,
  weights: tf.Tensor1D,
): tf.Scalar {
  const [, numClasses] = logits.shape;
  const target = tf.oneHot(labels, numClasses, 1, 0, "float32");
  const logProbability = tf.sum(tf.mul(tf.logSoftmax(logits), target), 1); // [M]
  const counted = tf.maximum(tf.sum(weights), 1);
  return tf.neg(tf.div(tf.sum(tf.mul(logProbability, weights)), counted));
}

/** The share of the rows whose most probable class is their label: logits [M, V], labels [M], weights [M] with 0 for rows that don't count. */
export function shareRight(
  logits: tf.Tensor2D,
  labels: tf.Tensor1D,
  weights: tf.Tensor1D,
): tf.Scalar {
  const right = tf.cast(tf.equal(tf.argMax(stopGradient(logits), 1), labels), "float32");
  return tf.div(tf.sum(tf.mul(right, weights)), tf.maximum(tf.sum(weights), 1));
}
