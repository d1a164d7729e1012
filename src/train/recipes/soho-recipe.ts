import { z } from "zod";
import type { ResNetConfig } from "../../models/resnet/config.ts";
import type { SohoConfig } from "../../models/soho/config.ts";
import type { SohoSwitches } from "../../models/soho/switches.ts";
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

export interface SohoObjectives {
  readonly mlmWeight: number;
  readonly itmWeight: number;
  readonly mvmWeight: number;
  /** How often a pair hides visual tokens where `switches.mvmChoice` is "batch-location"; otherwise always. */
  readonly mvmProbability: number;
}

/** Pictures scaled to a shorter side or less, where the longer would pass `longer`; one size where both are the same. */
interface SohoPictureSizes {
  readonly shorter: number;
  readonly longer: number;
  readonly padToMultipleOf: number;
}

/** SOHO (Huang et al., CVPR 2021). */
export interface SohoRecipe extends RecipeBase {
  readonly system: "soho";
  /** Whose switches these are: the paper's or the released code's, but for what is set by hand. */
  readonly preset: "paper" | "released";
  readonly switches: SohoSwitches;
  readonly model: {
    readonly initialScale: InitialScale;
    readonly pictures: SohoPictureSizes;
    readonly resnet: ResNetConfig;
    readonly dictionary: SohoConfig["dictionary"];
    readonly transformer: RecipeTransformer;
  };
  readonly data: PairedPictureData;
  readonly objectives: SohoObjectives;
}

const share = z.number().min(0).max(1);

const switchesSchema = z.strictObject({
  gridOrder: z.enum(["conv-pool", "pool-conv"]),
  gridNorm: z.enum(["none", "batch"]),
  visualInput: z.enum(["quantised", "gated", "features"]),
  dictionaryLaw: z.enum(["momentum-means", "moving-sums"]),
  dictionaryOrder: z.enum(["read-first", "update-first"]),
  dictionaryPadding: z.enum(["left-out", "counted"]),
  mvmChoice: z.enum(["existing-index", "batch-location"]),
  mvmLogits: z.enum(["dot", "cosine"]),
  predictedPairs: z.enum(["matched", "all"]),
  frozenParts: z.int().nonnegative(),
  decayed: z.enum(["kernels", "all"]),
});

const resNetSchema = z.strictObject({
  block: z.enum(["basic", "bottleneck"]),
  depths: z.array(positiveInteger).min(1),
  width: positiveInteger,
});

const pictureSizesSchema = z.strictObject({
  shorter: positiveInteger,
  longer: positiveInteger,
  padToMultipleOf: positiveInteger,
});

export const sohoSchema: z.ZodType<SohoRecipe> = z.strictObject({
  ...recipeBaseShape,
  system: z.literal("soho"),
  preset: z.enum(["paper", "released"]),
  switches: switchesSchema,
  model: z.strictObject({
    initialScale: z.enum(["published", "fan-in"]),
    pictures: pictureSizesSchema,
    resnet: resNetSchema,
    dictionary: z.strictObject({
      codes: positiveInteger,
      momentum: share,
      restartAfterSteps: z.int().nonnegative(),
    }),
    transformer: transformerSchema,
  }),
  data: pairedPictureDataSchema,
  objectives: z.strictObject({
    mlmWeight: nonNegative,
    itmWeight: nonNegative,
    mvmWeight: nonNegative,
    mvmProbability: share,
  }),
});

/** Everything that keeps the model from being built or trained though each value is in its own range. */
export function sohoDemands(recipe: SohoRecipe): Demand[] {
  const { model, switches } = recipe;
  const { longer, padToMultipleOf, shorter } = model.pictures;
  const numParts = model.resnet.depths.length + 1;
  const cell = 2 ** (model.resnet.depths.length + 2);
  return [
    {
      isMet: shorter <= longer,
      path: "model.pictures.shorter",
      message: `a shorter side of ${shorter} is longer than the longer one, ${longer}`,
    },
    {
      isMet: Math.max(padToMultipleOf, shorter) >= cell,
      path: "model.pictures.shorter",
      message: `pictures of ${shorter} have no cell of the grid, which spans ${cell} pixels`,
    },
    {
      isMet: switches.frozenParts <= numParts,
      path: "switches.frozenParts",
      message: `the network has ${numParts} parts, its stem and its stages`,
    },
    ...transformerDemands(recipe),
  ];
}
