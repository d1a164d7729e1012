import * as tf from "@tensorflow/tfjs-core";
import { stopGradient } from "../../models/layers.ts";
import { tensor3, vector } from "../../models/ranks.ts";
import { attentionOverPicture, type SwinOutput } from "../../models/swin/output.ts";
import {
  embedPictures,
  maskedPictureEmbedding,
  regressedFeatures,
  type VisualParsingConfig,
} from "../../models/visual-parsing/visual-parsing.ts";
import type { Weights } from "../../models/weights.ts";
import { gatherRows } from "../../tensor/gather.ts";
import { featureCosines, rankedMask } from "../objectives/feature-masks.ts";
import {
  gatherTokens,
  hideTokens,
  maskedFeatureLoss,
  maskOfIndices,
} from "../objectives/masked-features.ts";
import { hiddenTokens, type VisualParsingObjectives } from "../recipes/visual-parsing-recipe.ts";
import type { VisualParsingBatch } from "./losses.ts";

// P pictures, B pairs, m visual tokens, k masked tokens a pair, D hidden size

export interface ParsedStep {
  readonly batch: VisualParsingBatch;
  readonly objectives: VisualParsingObjectives;
  readonly parsed: SwinOutput;
}

export interface MaskedStep extends ParsedStep {
  /** [B, k]; undefined: nothing is hidden. */
  readonly maskedTokens: tf.Tensor2D | undefined;
}

/** The tokens that Masked Feature Regression hides. ConfigError when attention is to rank them and windows keep it from it. */
export function maskedTokensOf({ batch, objectives, parsed }: ParsedStep): tf.Tensor2D | undefined {
  if (objectives.mfrMask === "none") return undefined;
  if (objectives.mfrMask === "random") {
    if (batch.randomTokens === undefined) throw new RangeError("the batch has no random tokens");
    return batch.randomTokens;
  }
  const affinity =
    objectives.mfrMask === "attention"
      ? attentionOverPicture(parsed)
      : featureCosines(parsed.tokens);
  return rankedMask({
    affinity: tensor3(stopGradient(affinity)),
    pictureOfPair: batch.pictureOfPair,
    pivots: batch.pivots,
    ranking: objectives.mfrRanking,
    count: hiddenTokens(objectives, parsed.tokens.shape[1]),
  });
}

/** Each pair's picture, embedded, its masked tokens hidden: [B, m, D]. */
export function hiddenPictures(
  weights: Weights,
  model: VisualParsingConfig,
  { batch, maskedTokens, parsed }: MaskedStep,
): tf.Tensor3D {
  const embedded = embedPictures(weights, model, parsed.tokens);
  const visual = tensor3(gatherRows(embedded, batch.pictureOfPair));
  if (maskedTokens === undefined) return visual;
  const mask = maskOfIndices(maskedTokens, parsed.tokens.shape[1]);
  return hideTokens(visual, mask, maskedPictureEmbedding(weights, model));
}

/** Masked Feature Regression of the matched pairs from their visual states [B, m, D]; 0 where nothing is hidden. */
export function featureLoss(
  weights: Weights,
  visual: tf.Tensor3D,
  { batch, maskedTokens, objectives, parsed }: MaskedStep,
): tf.Scalar {
  if (maskedTokens === undefined) return tf.scalar(0);
  const { tokens } = parsed;
  const features =
    objectives.mfrTargetGradient === "stopped" ? tensor3(stopGradient(tokens)) : tokens;
  const everyPair: tf.Tensor1D = tf.range(0, batch.matched.shape[0], 1, "int32");
  return maskedFeatureLoss({
    features: gatherTokens(features, batch.pictureOfPair, maskedTokens),
    regressed: regressedFeatures(weights, gatherTokens(visual, everyPair, maskedTokens)),
    counted: vector(tf.cast(tf.equal(batch.matched, 1), "float32")),
    reduction: objectives.mfrReduction,
  });
}
