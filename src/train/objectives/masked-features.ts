import * as tf from "@tensorflow/tfjs-core";
import { matrix } from "../../models/ranks.ts";
import { gatherRows } from "../../tensor/gather.ts";
import type { FeatureReduction } from "./mask-choice.ts";

// G grids of tokens, B pairs, m visual tokens, k masked tokens a pair, c visual channels, X any

/** The mask as zeros and ones, [B, m], of token indices [B, k]. */
export function maskOfIndices(indices: tf.Tensor2D, tokens: number): tf.Tensor2D {
  return tf.reshape(tf.sum(tf.oneHot(indices, tokens, 1, 0, "float32"), 1), [-1, tokens]);
}

/** Replaces the masked tokens of visual [B, m, D] by `replacement` [1, m, D]; nothing of them is left. */
export function hideTokens(
  visual: tf.Tensor3D,
  mask: tf.Tensor2D,
  replacement: tf.Tensor3D,
): tf.Tensor3D {
  const hidden = tf.expandDims(mask, 2);
  return tf.add(tf.mul(visual, tf.sub(1, hidden)), tf.mul(replacement, hidden));
}

/**
 * Rows of a batch of token grids, x [G, m, X] to [B * k, X]: for each pair the tokens `indices` [B, k]
 * of grid `gridOfPair` [B].
 */
export function gatherTokens(
  x: tf.Tensor3D,
  gridOfPair: tf.Tensor1D,
  indices: tf.Tensor2D,
): tf.Tensor2D {
  const [, tokens, channels] = x.shape;
  const rows = tf.add(tf.mul(tf.expandDims(gridOfPair, 1), tokens), indices); // [B, k]
  const flat: tf.Tensor1D = tf.cast(tf.reshape(rows, [-1]), "int32");
  return matrix(gatherRows(tf.reshape(x, [-1, channels]), flat));
}

export interface FeatureRegression {
  /** Of the masked tokens, [B * k, c]. */
  readonly features: tf.Tensor2D;
  /** r in eq. 9, [B * k, c]. */
  readonly regressed: tf.Tensor2D;
  /** 1 = matched, [B]; pairs of 0 count for nothing. */
  readonly counted: tf.Tensor1D;
  readonly reduction: FeatureReduction;
}

/**
 * Masked Feature Regression (eq. 9): for each pair the sum over its k masked tokens of the squared L2 distance between
 * feature and regressed feature; the mean over the pairs that count, 0 without any.
 */
export function maskedFeatureLoss(regression: FeatureRegression): tf.Scalar {
  const { counted, features, reduction, regressed } = regression;
  const [numPairs] = counted.shape;
  const squared = tf.sum(tf.squaredDifference(features, regressed), 1); // [B * k]
  const perPair = tf.sum(tf.reshape(squared, [numPairs, -1]), 1); // [B]
  const sum: tf.Scalar = tf.div(tf.sum(tf.mul(perPair, counted)), tf.maximum(tf.sum(counted), 1));
  if (reduction === "sum") return sum;
  const elements = features.size / Math.max(1, numPairs);
  return tf.div(sum, elements);
}
