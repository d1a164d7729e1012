import * as tf from "@tensorflow/tfjs-core";

// B pairs, A answers

/**
 * Binary cross-entropy with soft targets, logits and targets [B, A]: the mean over pairs of the sum over answers, which
 * is the mean over all elements times A (VQA of UNITER, A.2 and released code; its released SNLI-VE with A = 3).
 */
export function softTargetLoss(logits: tf.Tensor2D, targets: tf.Tensor2D): tf.Scalar {
  // max(x, 0) - x t + log(1 + exp(-|x|)) does not overflow.
  const positive = tf.sub(tf.relu(logits), tf.mul(logits, targets));
  const rest = tf.log1p(tf.exp(tf.neg(tf.abs(logits))));
  return tf.mean(tf.sum(tf.add(positive, rest), 1));
}
