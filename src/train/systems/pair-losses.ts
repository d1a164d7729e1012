import * as tf from "@tensorflow/tfjs-core";
import { tensorNamed, type NamedTensors } from "../../models/pair-model.ts";
import { matrix, vector } from "../../models/ranks.ts";
import { gatherRows } from "../../tensor/gather.ts";
import { meanNegativeLogLikelihood, shareRight } from "../objectives/likelihood.ts";

// B pairs, n text tokens, D hidden size, M predicted words, V vocabulary

/** Image-Text Matching of logits (unmatched, matched) [B, 2] and labels [B], -1 for pairs that only fill a share up. */
export function matchingLosses(
  logits: tf.Tensor2D,
  matched: tf.Tensor1D,
): { readonly loss: tf.Scalar; readonly accuracy: tf.Scalar } {
  const isPair = vector(tf.cast(tf.greaterEqual(matched, 0), "float32"));
  return {
    loss: meanNegativeLogLikelihood(logits, matched, isPair),
    accuracy: shareRight(logits, matched, isPair),
  };
}

/** Masked Language Modelling of the words that `maskedWordTensors` names, among token states [B, n, D]. */
export function languageLoss(
  text: tf.Tensor3D,
  batch: NamedTensors,
  logitsOf: (chosen: tf.Tensor2D) => tf.Tensor2D,
): tf.Scalar {
  const rows = tf.reshape(text, [-1, text.shape[2]]);
  const chosen = matrix(gatherRows(rows, vector(tensorNamed(batch, "maskedRows"))));
  return meanNegativeLogLikelihood(
    logitsOf(chosen),
    vector(tensorNamed(batch, "maskedLabels")),
    vector(tensorNamed(batch, "maskedWeights")),
  );
}
