import * as tf from "@tensorflow/tfjs-core";
import { linear } from "../layers.ts";
import { matrix } from "../ranks.ts";
import { linearSpecs, type Weights, type WeightSpec } from "../weights.ts";
import { twoLayerHeadSpecs, twoLayerLogits, type TwoLayerHead } from "./classifier.ts";

// Q questions, 4 choices each, B = 4 Q pairs, K regions, D hidden size

/** A question of VCR has four answers, and as many rationales. */
const VCR_CHOICES = 4;

/** VCR's head: Linear(h, 2h), ReLU, LN, Linear(2h, 2); right or wrong for each choice (UNITER, A.2 and released code). */
export function choiceHead(hiddenSize: number): TwoLayerHead {
  const units = 2 * hiddenSize;
  return { name: "vcr_output", inputs: hiddenSize, units, outputs: 2, activation: "relu" };
}

/** Logits of (wrong, right) of each pair of question and choice, [B, 2]; cross-entropy trains them. */
export function choiceLogits(weights: Weights, pairs: tf.Tensor2D): tf.Tensor2D {
  const [, hiddenSize] = pairs.shape;
  return twoLayerLogits(weights, choiceHead(hiddenSize), pairs);
}

/** What a question's choices are ranked by, the logits of "right": [B, 2] to [Q, 4]; a question's choices are neighbours. */
export function choiceScores(logits: tf.Tensor2D): tf.Tensor2D {
  return matrix(tf.reshape(tf.slice(logits, [0, 1], [logits.shape[0], 1]), [-1, VCR_CHOICES]));
}

/** Scores regions for a referring expression: one linear layer, or a transform before it (RefCOCO+ in UNITER's released code). */
export type ReferringKind = "one-layer" | "two-layer";

const REFERRING_HEAD = "re_output";

export function referringHeadSpecs(kind: ReferringKind, hiddenSize: number): WeightSpec[] {
  return kind === "one-layer"
    ? linearSpecs(REFERRING_HEAD, hiddenSize, 1)
    : twoLayerHeadSpecs(referringTransform(hiddenSize));
}

/**
 * Logits over a picture's regions, [B, K], of region states [B, K, D]. Pads, 0 in `regionMask` [B, K], are so low that
 * their softmax is exactly 0.
 */
export function referringLogits(
  weights: Weights,
  kind: ReferringKind,
  regions: { readonly states: tf.Tensor3D; readonly mask: tf.Tensor2D },
): tf.Tensor2D {
  const { mask, states } = regions;
  const [numPairs, numRegions, hiddenSize] = states.shape;
  const rows = tf.reshape<tf.Rank.R2>(states, [-1, hiddenSize]);
  const scores =
    kind === "one-layer"
      ? linear(weights, REFERRING_HEAD, rows)
      : twoLayerLogits(weights, referringTransform(hiddenSize), rows);
  const isPad = tf.sub(1, tf.cast(mask, "float32"));
  const shaped = tf.reshape(scores, [numPairs, numRegions]);
  return matrix(tf.add(shaped, tf.mul(isPad, PAD_LOGIT)));
}

/** As in attention; exp of it is 0 in 32-bit floats. */
const PAD_LOGIT = -10_000;

function referringTransform(hiddenSize: number): TwoLayerHead {
  return {
    name: REFERRING_HEAD,
    inputs: hiddenSize,
    units: hiddenSize,
    outputs: 1,
    activation: "gelu",
  };
}
