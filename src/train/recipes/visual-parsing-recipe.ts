import { z } from "zod";
import { ConfigError } from "../../core/errors.ts";
import type { SwinConfig } from "../../models/swin/config.ts";
import { swinOutputShape } from "../../models/swin/stages.ts";
import type { VisualParsingConfig } from "../../models/visual-parsing/visual-parsing.ts";
import type { InitialScale } from "../../models/weights.ts";
import {
  type FeatureReduction,
  featureReductions,
  type MaskChooser,
  maskChoosers,
  maskedTokenCount,
  type MaskRanking,
  maskRankings,
} from "../objectives/mask-choice.ts";
import type { UnmatchedTransport } from "../objectives/transport.ts";
import {
  type Demand,
  nonNegative,
  type PairedPictureData,
  pairedPictureDataSchema,
  positiveInteger,
  recipeBaseShape,
  type RecipeBase,
  type RecipeTransformer,
  transformerDemands,
  transformerSchema,
} from "./recipe-base.ts";

export interface VisualParsingObjectives {
  readonly mlmWeight: number;
  /** lambda_1 of Visual Parsing's eq. 10. */
  readonly itmWeight: number;
  /** lambda_2 of Visual Parsing's eq. 10. */
  readonly mfrWeight: number;
  /** What chooses the visual tokens that are hidden. */
  readonly mfrMask: MaskChooser;
  readonly mfrRanking: MaskRanking;
  /** k of Visual Parsing's eq. 9. */
  readonly mfrMaskedTokens: number;
  /** p of k = round(m p), Visual Parsing's ablation; null: k is `mfrMaskedTokens`. */
  readonly mfrMaskedShare: number | null;
  readonly mfrReduction: FeatureReduction;
  /** Whether the regression's targets, too, are moved towards what is regressed. */
  readonly mfrTargetGradient: "stopped" | "flows";
  /** What the alignment of visual tokens and words adds to the matching loss. */
  readonly vlaWeight: number;
  readonly vlaUnmatched: UnmatchedTransport;
  /** Whether [CLS] and [SEP] are aligned too. */
  readonly vlaSpecials: boolean;
}

/** Visual Parsing (Xue et al., NeurIPS 2021). */
export interface VisualParsingRecipe extends RecipeBase {
  readonly system: "visual-parsing";
  readonly model: {
    readonly initialScale: InitialScale;
    readonly swin: SwinConfig;
    readonly transformer: RecipeTransformer;
    /** Of the optional language Transformer; 0: none. */
    readonly languageLayers: number;
  };
  readonly data: PairedPictureData;
  readonly objectives: VisualParsingObjectives;
}

const swinSchema = z.strictObject({
  imageSize: positiveInteger,
  patchSize: positiveInteger,
  embedDim: positiveInteger,
  depths: z.array(positiveInteger).min(1),
  heads: z.array(positiveInteger).min(1),
  windowSize: positiveInteger,
  mlpRatio: positiveInteger,
  stochasticDepth: z.number().min(0).lt(1),
  recompute: z.boolean(),
});

const objectivesSchema = z.strictObject({
  mlmWeight: nonNegative,
  itmWeight: nonNegative,
  mfrWeight: nonNegative,
  mfrMask: z.enum(maskChoosers),
  mfrRanking: z.enum(maskRankings),
  mfrMaskedTokens: positiveInteger,
  mfrMaskedShare: z.number().positive().max(1).nullable(),
  mfrReduction: z.enum(featureReductions),
  mfrTargetGradient: z.enum(["stopped", "flows"]),
  vlaWeight: nonNegative,
  vlaUnmatched: z.enum(["negated", "ignored", "counted"]),
  vlaSpecials: z.boolean(),
});

export const visualParsingSchema: z.ZodType<VisualParsingRecipe> = z.strictObject({
  ...recipeBaseShape,
  system: z.literal("visual-parsing"),
  model: z.strictObject({
    initialScale: z.enum(["published", "fan-in"]),
    swin: swinSchema,
    transformer: transformerSchema,
    languageLayers: z.int().nonnegative(),
  }),
  data: pairedPictureDataSchema,
  objectives: objectivesSchema,
});

/** The recipe's model for a vocabulary of this size. */
export function visualParsingConfig(
  { model }: Pick<VisualParsingRecipe, "model">,
  vocabularySize: number,
): VisualParsingConfig {
  const { languageLayers, swin, transformer } = model;
  return { swin, transformer: { ...transformer, vocabularySize }, languageLayers };
}

/** How many of a picture's visual tokens are hidden, k. */
export function hiddenTokens(objectives: VisualParsingObjectives, visualTokens: number): number {
  return maskedTokenCount({
    chooser: objectives.mfrMask,
    visualTokens,
    maskedTokens: objectives.mfrMaskedTokens,
    maskedShare: objectives.mfrMaskedShare,
    ranking: objectives.mfrRanking,
  });
}

/** Everything that keeps the model from being built or trained though each value is in its own range. */
export function visualParsingDemands(recipe: VisualParsingRecipe): Demand[] {
  return [...visualDemands(recipe), ...transformerDemands(recipe)];
}

function visualDemands({ model, objectives }: VisualParsingRecipe): Demand[] {
  try {
    const { isGlobal, tokens } = swinOutputShape(model.swin);
    const numHidden = hiddenTokens(objectives, tokens);
    const byShare = objectives.mfrMaskedShare !== null;
    return [
      {
        isMet: isGlobal || objectives.mfrMask !== "attention",
        path: "model.swin.windowSize",
        message: `the last stage's ${tokens} tokens lie in several windows, so there is no global attention to rank`,
      },
      {
        isMet: numHidden <= tokens && (numHidden > 0 || objectives.mfrMask === "none"),
        path: byShare ? "objectives.mfrMaskedShare" : "objectives.mfrMaskedTokens",
        message: `${numHidden} of ${tokens} visual tokens cannot be masked`,
      },
    ];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return [{ isMet: false, path: "model.swin", message: error.message }];
  }
}
