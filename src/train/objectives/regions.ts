import * as tf from "@tensorflow/tfjs-core";

// M masked regions (padded to a fixed number), D features of a region, C classes of the detector

/** "squared-norm": ||h - r||^2, a sum over the D features (UNITER, section 3.2); "mean-square": their mean (its released code). */
export type RegressionScale = "squared-norm" | "mean-square";

/** "region": KL(c || g) of a region (UNITER, section 3.2); "element": that by C, a mean over all elements (its released code). */
export type DivergenceScale = "region" | "element";

/** Masked rows [M, …] of a batch, of which those with 0 in `counted` [M] only fill it up. */
interface Counted {
  readonly counted: tf.Tensor1D;
}

/**
 * Masked region feature regression (UNITER, section 3.2): the squared error of regressed features [M, D], the mean over
 * the regions that count. 0 without any.
 */
export function regionRegressionLoss(
  regressed: tf.Tensor2D,
  target: Counted & { readonly features: tf.Tensor2D },
  scale: RegressionScale,
): tf.Scalar {
  const squared = tf.squaredDifference(regressed, target.features); // [M, D]
  const perRegion = scale === "squared-norm" ? tf.sum(squared, 1) : tf.mean(squared, 1);
  return meanOfCounted(perRegion, target.counted);
}

/** Below every positive 16-bit float; keeps 0 log 0 at 0. */
const TINY = 1e-30;

/**
 * Masked region classification with KL divergence (UNITER, section 3.2): KL(target || softmax(logits)), both [M, C], the
 * mean over the regions that count. 0 without any.
 */
export function regionDivergenceLoss(
  logits: tf.Tensor2D,
  target: Counted & { readonly probabilities: tf.Tensor2D },
  scale: DivergenceScale,
): tf.Scalar {
  const { counted, probabilities } = target;
  const logTarget = tf.log(tf.maximum(probabilities, TINY));
  const elements = tf.mul(probabilities, tf.sub(logTarget, tf.logSoftmax(logits))); // [M, C]
  const perRegion = scale === "region" ? tf.sum(elements, 1) : tf.mean(elements, 1);
  return meanOfCounted(perRegion, counted);
}

function meanOfCounted(values: tf.Tensor, counted: tf.Tensor1D): tf.Scalar {
  return tf.div(tf.sum(tf.mul(values, counted)), tf.maximum(tf.sum(counted), 1));
}
