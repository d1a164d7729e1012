import * as tf from "@tensorflow/tfjs-core";
import { matrix } from "../../models/ranks.ts";
import { gatherRows } from "../../tensor/gather.ts";

// P pictures, B pairs, m visual tokens, k masked tokens a pair, c visual channels

export interface MaskChoice {
  /** Attention of the last Swin layer, heads averaged, [P, m, m]. */
  readonly attention: tf.Tensor3D;
  /** The picture of each pair, [B]. */
  readonly pictureOfPair: tf.Tensor1D;
  /** The randomly picked token of each pair, [B] in [0, m). */
  readonly pivots: tf.Tensor1D;
  readonly maskedTokens: number;
}

/**
 * The tokens that Masked Feature Regression hides, [B, k]: the k tokens with the highest weight in the
 * pivot's row of 0.5 (I + W) (section 3.3, "similar to A^l in Equation 3"), ties to the lowest index.
 * With the identity the pivot is always the first of them, so k tokens are masked in total.
 */
export function rankedMask(choice: MaskChoice): tf.Tensor2D {
  const [, tokens] = choice.attention.shape;
  const flow = tf.mul(tf.add(choice.attention, tf.eye(tokens)), 0.5);
  const rowIndex = tf.stack([choice.pictureOfPair, choice.pivots], 1);
  const rows = tf.gatherND(flow, tf.cast(rowIndex, "int32")); // [B, m]
  return tf.reshape(tf.topk(rows, choice.maskedTokens, true).indices, [-1, choice.maskedTokens]);
}

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

/**
 * Masked Feature Regression (eq. 9): for each pair the sum over its k masked tokens of the squared L2
 * distance between feature and regressed feature, both [B * k, c]; the mean over the pairs that `counted` [B] marks.
 */
export function maskedFeatureLoss(
  features: tf.Tensor2D,
  regressed: tf.Tensor2D,
  counted: tf.Tensor1D,
): tf.Scalar {
  const [numPairs] = counted.shape;
  const squared = tf.sum(tf.squaredDifference(features, regressed), 1); // [B * k]
  const perPair = tf.sum(tf.reshape(squared, [numPairs, -1]), 1); // [B]
  return tf.div(tf.sum(tf.mul(perPair, counted)), tf.maximum(tf.sum(counted), 1));
}
