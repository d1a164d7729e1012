import { z } from "zod";
import type { LetterCase } from "../../loader/text/basic-tokenizer.ts";
import type { UniterSwitches } from "../../models/uniter/switches.ts";
import type { InitialScale } from "../../models/weights.ts";
import {
  type Demand,
  nonNegative,
  positiveInteger,
  recipeBaseShape,
  type RecipeBase,
  type RecipeData,
  type RecipeTransformer,
  transformerDemands,
  transformerSchema,
} from "./recipe-base.ts";

/** What a batch of UNITER's is for; one objective is trained in each. */
export const uniterTasks = ["itm", "mlm", "mrfr", "mrc", "mrc-kl"] as const;
export type UniterTask = (typeof uniterTasks)[number];

interface UniterData extends RecipeData {
  /** "keep" for a cased vocabulary. */
  readonly letterCase: LetterCase;
  /**
   * Text tokens and regions of a global batch, padding included, drawn from buckets of samples of like length; null:
   * every batch has `picturesPerBatch` pairs.
   */
  readonly tokensPerBatch: number | null;
  readonly bucketSize: number;
  readonly maxRegions: number;
  readonly regionMaskProbability: number;
  /** Whether a batch masks words or regions (conditional masking), or both: the control of UNITER's table 2, row 12. */
  readonly masking: "conditional" | "joint";
  /** Of a pair in a batch of image-text matching. */
  readonly unmatchedProbability: number;
  /** Batches in a row that have one task. */
  readonly taskGroup: number;
}

export interface UniterObjectives {
  /** How often each task is drawn, relative to the others; 0: never. */
  readonly ratios: Readonly<Record<UniterTask, number>>;
  /** Of word-region alignment, which is added to image-text matching; 0 leaves it out. */
  readonly wraWeight: number;
  readonly transport: {
    readonly beta: number;
    readonly iterations: number;
    readonly innerIterations: number;
  };
  /** Regions that overlap a masked one by more (intersection over union) are hidden too; null: none. */
  readonly hiddenOverlap: number | null;
  /** Whether a region's class probabilities, which 16-bit floats round, are made to add up to 1. */
  readonly softLabels: "as-stored" | "renormalised";
}

/** UNITER (Chen et al., ECCV 2020). */
export interface UniterRecipe extends RecipeBase {
  readonly system: "uniter";
  /** Where `switches` come from; they may differ from it one by one. */
  readonly preset: "paper" | "released";
  readonly switches: UniterSwitches;
  readonly model: {
    readonly initialScale: InitialScale;
    readonly regionFeatures: number;
    readonly regionClasses: number;
    readonly transformer: RecipeTransformer;
  };
  readonly data: UniterData;
  readonly objectives: UniterObjectives;
}

const switchesSchema: z.ZodType<UniterSwitches> = z.strictObject({
  innerNorms: z.boolean(),
  learnedMaskVector: z.boolean(),
  matchingInput: z.enum(["pooled", "cls"]),
  matchingHead: z.enum(["softmax", "sigmoid"]),
  regressionHead: z.enum(["linear", "tied"]),
  regressionScale: z.enum(["squared-norm", "mean-square"]),
  classificationHead: z.enum(["linear", "transform"]),
  divergenceScale: z.enum(["region", "element"]),
  alignedSpecials: z.boolean(),
  unmatchedAlignment: z.enum(["negated", "ignored", "counted"]),
  replacedSide: z.enum(["picture", "either"]),
  decayedNorms: z.boolean(),
  entailmentLoss: z.enum(["cross-entropy", "soft-targets"]),
  hardNegatives: z.enum(["offline", "online"]),
  referringScale: z.enum(["mean", "sum"]),
  referringHead: z.enum(["one-layer", "two-layer"]),
  picturePairs: z.enum(["pair", "triplet", "pair-biattn"]),
});

const probability = z.number().min(0).max(1);

const dataSchema: z.ZodType<UniterData> = z.strictObject({
  vocabulary: z.string(),
  letterCase: z.enum(["lower", "keep"]),
  picturesPerBatch: positiveInteger,
  tokensPerBatch: positiveInteger.nullable(),
  bucketSize: positiveInteger,
  maxTextTokens: positiveInteger,
  maxRegions: positiveInteger,
  mlmProbability: probability,
  regionMaskProbability: probability,
  masking: z.enum(["conditional", "joint"]),
  unmatchedProbability: probability,
  taskGroup: positiveInteger,
  numWorkers: positiveInteger,
  prefetchBatches: positiveInteger,
});

const objectivesSchema: z.ZodType<UniterObjectives> = z.strictObject({
  ratios: z.strictObject({
    itm: nonNegative,
    mlm: nonNegative,
    mrfr: nonNegative,
    mrc: nonNegative,
    "mrc-kl": nonNegative,
  }),
  wraWeight: nonNegative,
  transport: z.strictObject({
    beta: z.number().positive(),
    iterations: positiveInteger,
    innerIterations: positiveInteger,
  }),
  hiddenOverlap: probability.nullable(),
  softLabels: z.enum(["as-stored", "renormalised"]),
});

export const uniterSchema: z.ZodType<UniterRecipe> = z.strictObject({
  ...recipeBaseShape,
  system: z.literal("uniter"),
  preset: z.enum(["paper", "released"]),
  switches: switchesSchema,
  model: z.strictObject({
    initialScale: z.enum(["published", "fan-in"]),
    regionFeatures: positiveInteger,
    regionClasses: positiveInteger,
    transformer: transformerSchema,
  }),
  data: dataSchema,
  objectives: objectivesSchema,
});

/** Everything that keeps the model from being built or trained though each value is in its own range. */
export function uniterDemands(recipe: UniterRecipe): Demand[] {
  const { model, objectives } = recipe;
  return [
    ...transformerDemands(recipe),
    {
      isMet: model.transformer.tokenTypes >= 2,
      path: "model.transformer.tokenTypes",
      message: "UNITER tells words from regions by two token types",
    },
    {
      isMet: Object.values(objectives.ratios).some((ratio) => ratio > 0),
      path: "objectives.ratios",
      message: "no task is ever drawn",
    },
    {
      isMet: model.regionClasses >= 2,
      path: "model.regionClasses",
      message: "the detector's classes are the background, which is class 0, and at least one more",
    },
  ];
}
