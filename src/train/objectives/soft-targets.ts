import * as tf from "@tensorflow/tfjs-core";
import { matrix } from "../../models/ranks.ts";
import { meanNegativeLogLikelihood } from "./likelihood.ts";

// B pairs, A answers

/**
 * Binary cross-entropy with soft targets, logits and targets [B, A]: the mean over pairs of the sum over answers, which
 * is the mean over all elements times A (VQA of UNITER, A.2 and released code; its released SNLI-VE with A = 3).
 */
export function softTargetLoss(logits: tf.Tensor2D, targets: tf.Tensor2D): tf.Scalar {
  return tf.mean(softTargetSums(logits, targets));
}

/** The same of each pair, [B]. */
export function softTargetSums(logits: tf.Tensor2D, targets: tf.Tensor2D): tf.Tensor1D {
  // max(x, 0) - x t + log(1 + exp(-|x|)) does not overflow.
  const positive = tf.sub(tf.relu(logits), tf.mul(logits, targets));
  const rest = tf.log1p(tf.exp(tf.neg(tf.abs(logits))));
  return tf.sum(tf.add(positive, rest), 1);
}

/** How a question with few answers is trained: the cross-entropy of its label, or soft targets that are 0 but for it. */
export type LabelLoss = "cross-entropy" | "soft-targets";

/** The loss of labels [B] (SNLI-VE: cross-entropy in UNITER, A.2; as VQA in its released code): logits [B, A]. */
export function labelLoss(logits: tf.Tensor2D, labels: tf.Tensor1D, kind: LabelLoss): tf.Scalar {
  const [numPairs, numAnswers] = logits.shape;
  if (kind === "cross-entropy")
    return meanNegativeLogLikelihood(logits, labels, tf.ones([numPairs]));
  return softTargetLoss(logits, matrix(tf.oneHot(labels, numAnswers, 1, 0, "float32")));
}

/**
 * The loss of the region that a phrase speaks of: cross-entropy over regions, logits [B, K] with pads far below, targets
 * [B]; the mean over the batch, or its sum (UNITER's released code).
 */
export function referringLoss(
  logits: tf.Tensor2D,
  targets: tf.Tensor1D,
  scale: "mean" | "sum",
): tf.Scalar {
  const [numPairs] = logits.shape;
  const mean = meanNegativeLogLikelihood(logits, targets, tf.ones([numPairs]));
  return scale === "mean" ? mean : tf.mul(mean, numPairs);
}
