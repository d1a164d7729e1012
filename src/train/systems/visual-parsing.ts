import { visualParsingModel } from "../../models/visual-parsing/pairs.ts";
import { VISUAL_PREFIX } from "../../models/visual-parsing/visual-parsing.ts";
import { swinOutputShape } from "../../models/swin/stages.ts";
import {
  hiddenTokens,
  visualParsingConfig,
  type VisualParsingRecipe,
} from "../recipes/visual-parsing-recipe.ts";
import { visualParsingScales } from "./loss-scales.ts";
import { croppedOnly, decaysByShape, ONLY_VARIANT, type System } from "./system.ts";
import { batchCounts, deviceBatch } from "../visual-parsing/batch.ts";
import { pretrainingLosses, visualParsingBatch } from "../visual-parsing/losses.ts";

/** Visual Parsing (Xue et al., NeurIPS 2021) as the trainer knows it. */
export function visualParsingSystem(recipe: VisualParsingRecipe, vocabularySize: number): System {
  const { data, objectives } = recipe;
  const { swin } = recipe.model;
  const config = visualParsingConfig(recipe, vocabularySize);
  const visualTokens = swinOutputShape(swin).tokens;
  const byChance = objectives.mfrMask === "random";
  const randomTokens = byChance ? hiddenTokens(objectives, visualTokens) : 0;
  const aligns = objectives.vlaWeight > 0;
  return {
    model: visualParsingModel(config),
    visualPrefix: VISUAL_PREFIX,
    scales: visualParsingScales(recipe, {
      channels: swinOutputShape(swin).channels,
      maskedTokens: hiddenTokens(objectives, visualTokens),
    }),
    decays: decaysByShape,
    counts: batchCounts,
    deviceBatch: (batch, context) => ({
      variant: ONLY_VARIANT,
      tensors: { ...deviceBatch(batch, { ...context, visualTokens, randomTokens }) },
    }),
    readings: () => ["mlm", "itm", "mfr", "itmAccuracy", ...(aligns ? ["vla"] : [])],
    losses: ({ batch, depth, dropout, weights }) => {
      const { total, mlm, itm, mfr, vla, itmAccuracy } = pretrainingLosses(
        weights,
        visualParsingBatch(batch),
        { model: config, objectives, depth, dropout },
      );
      return { total, readings: [mlm, itm, mfr, itmAccuracy, ...(aligns ? [vla] : [])] };
    },
    batches: {
      batching: { kind: "pictures", picturesPerBatch: data.picturesPerBatch },
      grouping: "none",
      pairing: {
        kind: "matched-unmatched",
        matched: data.matchedTexts,
        unmatched: data.unmatchedTexts,
      },
      text: { maxTokens: data.maxTextTokens, longer: "cut" },
      pictures: { kind: "square", size: swin.imageSize },
      augment: croppedOnly(data),
      mlmProbability: data.mlmProbability,
    },
  };
}
