import * as tf from "@tensorflow/tfjs-core";
import {
  fusePairs,
  languageLogits,
  matchingLogits,
  parsePictures,
  type PairOutput,
  type VisualParsingConfig,
} from "../../models/visual-parsing/visual-parsing.ts";
import type { Dropout, StochasticDepth } from "../../models/dropout.ts";
import { tensorNamed, type NamedTensors } from "../../models/pair-model.ts";
import { matrix, tensor4, vector } from "../../models/ranks.ts";
import type { Weights } from "../../models/weights.ts";
import {
  alignmentLoss,
  cosineCosts,
  transportDistances,
  transportPlans,
  uniterTransport,
  withoutSpecials,
} from "../objectives/transport.ts";
import { featureLoss, hiddenPictures, maskedTokensOf } from "./masks.ts";
import { languageLoss, matchingLosses } from "../systems/pair-losses.ts";
import type { VisualParsingObjectives } from "../recipes/visual-parsing-recipe.ts";

// P pictures, B pairs, of a rank's part of a batch; S image side, n text tokens, m visual tokens, M predicted words

/** One batch on the device. */
export interface VisualParsingBatch {
  /** [P, S, S, 3] of bytes, or of int32 in 0..255 */
  readonly pixels: tf.Tensor4D;
  /** [B] */
  readonly pictureOfPair: tf.Tensor1D;
  /** [B, n], words already masked */
  readonly tokenIds: tf.Tensor2D;
  /** [B, n] */
  readonly tokenMask: tf.Tensor2D;
  /** [B], 1 = matched */
  readonly matched: tf.Tensor1D;
  /** Positions b * n + i of the predicted words, [M], padded */
  readonly maskedRows: tf.Tensor1D;
  /** [M] */
  readonly maskedLabels: tf.Tensor1D;
  /** [M], 0 for padding */
  readonly maskedWeights: tf.Tensor1D;
  /** The token that Masked Feature Regression starts from, [B] */
  readonly pivots: tf.Tensor1D;
  /** The tokens that it hides where chance chooses them, [B, k]. */
  readonly randomTokens?: tf.Tensor2D;
  /** How much of the global batch's predicted words, pairs and matched pairs this batch holds, [3]; ones where it is all of it. */
  readonly shares: tf.Tensor1D;
}

/** The batch whose tensors these are; RangeError when one is missing. */
export function visualParsingBatch(tensors: NamedTensors): VisualParsingBatch {
  const named = (name: keyof VisualParsingBatch): tf.Tensor => tensorNamed(tensors, name);
  return {
    pixels: tensor4(named("pixels")),
    pictureOfPair: vector(named("pictureOfPair")),
    tokenIds: matrix(named("tokenIds")),
    tokenMask: matrix(named("tokenMask")),
    matched: vector(named("matched")),
    maskedRows: vector(named("maskedRows")),
    maskedLabels: vector(named("maskedLabels")),
    maskedWeights: vector(named("maskedWeights")),
    pivots: vector(named("pivots")),
    ...(tensors["randomTokens"] === undefined
      ? {}
      : { randomTokens: matrix(tensors["randomTokens"]) }),
    shares: vector(named("shares")),
  };
}

/** A batch's part of the global batch's losses: over all ranks they add up to it, and their gradients to its gradient. */
export interface VisualParsingLosses {
  readonly total: tf.Scalar;
  readonly mlm: tf.Scalar;
  readonly itm: tf.Scalar;
  readonly mfr: tf.Scalar;
  /** 0 where it has no weight. */
  readonly vla: tf.Scalar;
  /** Share of pairs that the matching head tells right. */
  readonly itmAccuracy: tf.Scalar;
}

/**
 * The pre-training loss L = L_MLM + lambda_1 L_ITM + lambda_2 L_MFR (Visual Parsing, eq. 10).
 * Words and visual tokens are masked in unmatched pairs too, or a mask would give the match away;
 * MLM and MFR are computed with the matched pairs only (section 4.1).
 */
export function pretrainingLosses(
  weights: Weights,
  batch: VisualParsingBatch,
  options: {
    readonly model: VisualParsingConfig;
    readonly objectives: VisualParsingObjectives;
    readonly dropout: Dropout;
    readonly depth: StochasticDepth;
  },
): VisualParsingLosses {
  const { depth, dropout, model, objectives } = options;
  const parsed = parsePictures(weights, model, { pixels: batch.pixels, depth });
  const masked = {
    batch,
    objectives,
    parsed,
    maskedTokens: maskedTokensOf({ batch, objectives, parsed }),
  };
  const visual = hiddenPictures(weights, model, masked);
  const { tokenIds, tokenMask } = batch;
  const output = fusePairs(weights, model, { tokenIds, tokenMask, visual, dropout });
  const matched = matchingLosses(matchingLogits(weights, output.text), batch.matched);
  const [words, pairs, matchedPairs] = sharesOf(batch);
  const itm: tf.Scalar = tf.mul(matched.loss, pairs);
  const predicted = languageLoss(output.text, { ...batch }, (chosen) =>
    languageLogits(weights, chosen),
  );
  const mlm: tf.Scalar = tf.mul(predicted, words);
  const mfr: tf.Scalar = tf.mul(featureLoss(weights, output.visual, masked), matchedPairs);
  const aligns = objectives.vlaWeight > 0;
  const vla: tf.Scalar = aligns
    ? tf.mul(alignmentOf(batch, output, objectives), pairs)
    : tf.scalar(0);
  // "We add the VLA loss multiplied by 0.1 to the ITM loss" (section 3.3).
  const matching = aligns ? tf.add(itm, tf.mul(vla, objectives.vlaWeight)) : itm;
  const total: tf.Scalar = tf.addN([
    tf.mul(mlm, objectives.mlmWeight),
    tf.mul(matching, objectives.itmWeight),
    tf.mul(mfr, objectives.mfrWeight),
  ]);
  const itmAccuracy: tf.Scalar = tf.mul(matched.accuracy, pairs);
  return { total, mlm, itm, mfr, vla, itmAccuracy };
}

function sharesOf({ shares }: VisualParsingBatch): [tf.Tensor, tf.Tensor, tf.Tensor] {
  const [words, pairs, matchedPairs] = tf.unstack(shares);
  if (!words || !pairs || !matchedPairs) throw new RangeError("a batch has three shares");
  return [words, pairs, matchedPairs];
}

/**
 * Vision-language token alignment (section 3.3: "inspired by the word region alignment objective in [9, 28]"): the
 * optimal transport distance between the states of a pair's visual tokens and words.
 */
function alignmentOf(
  batch: VisualParsingBatch,
  output: PairOutput,
  objectives: VisualParsingObjectives,
): tf.Scalar {
  const costs = cosineCosts(output.visual, output.text);
  const [numPairs, visualTokens] = costs.shape;
  const { tokenMask } = batch;
  const plans = transportPlans(
    {
      costs,
      visualMask: tf.ones([numPairs, visualTokens]),
      textMask: objectives.vlaSpecials ? tokenMask : withoutSpecials(tokenMask),
    },
    uniterTransport,
  );
  const distances = transportDistances(plans, costs);
  return alignmentLoss(distances, batch.matched, objectives.vlaUnmatched);
}
