import { z } from "zod";
import { ConfigError } from "../../core/errors.ts";
import type { SwinConfig } from "../../models/swin/config.ts";
import { swinOutputShape } from "../../models/swin/stages.ts";
import type { InitialScale } from "../../models/weights.ts";
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
  /** k of Visual Parsing's eq. 9. */
  readonly mfrMaskedTokens: number;
}

/** Visual Parsing (Xue et al., NeurIPS 2021). */
export interface VisualParsingRecipe extends RecipeBase {
  readonly system: "visual-parsing";
  readonly model: {
    readonly initialScale: InitialScale;
    readonly swin: SwinConfig;
    readonly transformer: RecipeTransformer;
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
});

const objectivesSchema = z.strictObject({
  mlmWeight: nonNegative,
  itmWeight: nonNegative,
  mfrWeight: nonNegative,
  mfrMaskedTokens: positiveInteger,
});

export const visualParsingSchema: z.ZodType<VisualParsingRecipe> = z.strictObject({
  ...recipeBaseShape,
  system: z.literal("visual-parsing"),
  model: z.strictObject({
    initialScale: z.enum(["published", "fan-in"]),
    swin: swinSchema,
    transformer: transformerSchema,
  }),
  data: pairedPictureDataSchema,
  objectives: objectivesSchema,
});

/** Everything that keeps the model from being built or trained though each value is in its own range. */
export function visualParsingDemands(recipe: VisualParsingRecipe): Demand[] {
  return [...visualDemands(recipe), ...transformerDemands(recipe)];
}

function visualDemands({ model, objectives }: VisualParsingRecipe): Demand[] {
  try {
    const { isGlobal, tokens } = swinOutputShape(model.swin);
    const { mfrMaskedTokens } = objectives;
    return [
      {
        isMet: isGlobal,
        path: "model.swin.windowSize",
        message: `the last stage's ${tokens} tokens lie in several windows, so there is no global attention to rank`,
      },
      {
        isMet: mfrMaskedTokens <= tokens,
        path: "objectives.mfrMaskedTokens",
        message: `${mfrMaskedTokens} of ${tokens} visual tokens cannot be masked`,
      },
    ];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return [{ isMet: false, path: "model.swin", message: error.message }];
  }
}
