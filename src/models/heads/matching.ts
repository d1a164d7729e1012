import * as tf from "@tensorflow/tfjs-core";
import { linear } from "../layers.ts";
import { matrix, vector } from "../ranks.ts";
import { linearSpecs, weight, type Weights, type WeightSpec } from "../weights.ts";

// B pairs, D hidden size

/**
 * Image-text matching of a pair's vector. "softmax": a linear layer with two outputs (UNITER's released code, Visual
 * Parsing, SOHO). "sigmoid": one with a single output s (UNITER, section 3.2), whose logits are (0, s), so that the
 * softmax of both kinds is read alike: 1 = matched.
 */
export type MatchingKind = "softmax" | "sigmoid";

const ITM_HEAD = "itm_head";
const RANK_HEAD = "rank_output";

export function matchingHeadSpecs(kind: MatchingKind, hiddenSize: number): WeightSpec[] {
  return linearSpecs(ITM_HEAD, hiddenSize, kind === "softmax" ? 2 : 1);
}

/** Logits of (unmatched, matched), [B, 2], from the pairs' vectors [B, D]. */
export function matchingLogits(weights: Weights, pairs: tf.Tensor2D): tf.Tensor2D {
  const logits = matrix(linear(weights, ITM_HEAD, pairs));
  return logits.shape[1] === 2 ? logits : matrix(tf.pad(logits, [[0, 0], [1, 0]])); // prettier-ignore
}

/** The score that retrieval ranks by: one linear output (UNITER's released code). */
export function rankHeadSpecs(hiddenSize: number): WeightSpec[] {
  return linearSpecs(RANK_HEAD, hiddenSize, 1);
}

/**
 * The rank head as retrieval starts: the row of the matching head that stands for "matched" (row 1 of two in UNITER's
 * released code).
 */
export function rankHeadOfMatching(weights: Weights): Record<string, tf.Tensor> {
  const kernel = weight(weights, `${ITM_HEAD}.weight`);
  const [numOutputs = 1] = kernel.shape;
  return {
    [`${RANK_HEAD}.weight`]: tf.slice(kernel, numOutputs - 1, 1),
    [`${RANK_HEAD}.bias`]: tf.slice(weight(weights, `${ITM_HEAD}.bias`), numOutputs - 1, 1),
  };
}

/** Scores before the sigmoid, [B], from the pairs' vectors [B, D]. */
export function rankLogits(weights: Weights, pairs: tf.Tensor2D): tf.Tensor1D {
  return vector(tf.reshape(linear(weights, RANK_HEAD, pairs), [-1]));
}
