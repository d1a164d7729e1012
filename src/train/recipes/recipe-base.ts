import { z } from "zod";
import { type FineTuningTask, taskSchema } from "../finetuning/task.ts";
import { type AdamWOrder, adamWOrders } from "../optimisation/adamw.ts";
import type { BertConfig } from "../../models/bert/config.ts";
import {
  executions,
  precisions,
  type Execution,
  type Precision,
} from "../../tensor/compiled/options.ts";

export const positiveInteger: z.ZodInt = z.int().positive();
export const nonNegative: z.ZodNumber = z.number().nonnegative();

/** Of all systems' recipes. */
export interface RecipeData {
  /** Path of a WordPiece vocabulary, one token a line. */
  readonly vocabulary: string;
  readonly picturesPerBatch: number;
  /** With [CLS] and [SEP]; longer texts are cut. */
  readonly maxTextTokens: number;
  readonly mlmProbability: number;
  readonly numWorkers: number;
  readonly prefetchBatches: number;
}

/** Of recipes that show each picture with matched and unmatched texts. */
export interface PairedPictureData extends RecipeData {
  readonly matchedTexts: number;
  readonly unmatchedTexts: number;
  /** The smallest share of a picture's area that a random crop keeps; 1 leaves pictures whole. */
  readonly minimumCropArea: number;
}

export interface RecipeOptimisation {
  /** How long the run is, in epochs or in steps; milestones use the same unit. */
  readonly duration: { readonly unit: "epochs" | "steps"; readonly length: number };
  /** Of the picture encoder. */
  readonly visualLearningRate: number;
  /** Of everything else. */
  readonly transformerLearningRate: number;
  /** Stochastic gradient descent for the picture encoder (SOHO), or null: AdamW for all weights. */
  readonly visualSgd: { readonly momentum: number; readonly weightDecay: number } | null;
  /** Epochs from the start in which the picture encoder is not trained (SOHO: 10). */
  readonly frozenVisualEpochs: number;
  /** Of weights whose names begin with `weights`: their rate times `factor`; the first that fits. */
  readonly rateFactors: readonly { readonly weights: string; readonly factor: number }[];
  readonly warmupSteps: number;
  /** The rate's factor before the first step of the warm-up (SOHO's code: 1/3). */
  readonly warmupFloor: number;
  /** The Transformer's rate is never below this (UNITER's code: 1e-8), the others in proportion. */
  readonly leastLearningRate: number;
  readonly decay: "steps" | "linear" | "cosine";
  readonly milestones: readonly number[];
  readonly decayFactor: number;
  /** Where decay and epsilon stand; see `AdamWOrder`. */
  readonly adamW: AdamWOrder;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly weightDecay: number;
  readonly clipNorm: number;
  /** Slices in which a rank takes its part of a batch, one after the other, where memory does not hold all of it. */
  readonly microBatches: number;
  /**
   * "whole-batch": each loss is a mean over the whole batch, so that slices change nothing. "summed": a mean over each slice,
   * and their sum is not divided by their number (UNITER's code).
   */
  readonly microBatchLoss: "whole-batch" | "summed";
  /** Decay of the weights' moving average, which is evaluated then; null without one. */
  readonly emaDecay: number | null;
  /** What happens at a step whose loss or gradient is not finite: the run stops, or goes on without this step. */
  readonly nonFinite: "stop" | "skip";
}

/** A Transformer that two CPU cores train from nothing in minutes. */
export const smallTransformer: RecipeTransformer = {
  hiddenSize: 128,
  layers: 3,
  heads: 4,
  intermediateSize: 512,
  maxPositions: 64,
  tokenTypes: 0,
  dropout: 0,
  recompute: false,
};

/** What most recipes leave alone. */
export const usualOptimisation: Pick<
  RecipeOptimisation,
  | "visualSgd"
  | "frozenVisualEpochs"
  | "rateFactors"
  | "warmupFloor"
  | "leastLearningRate"
  | "adamW"
  | "microBatches"
  | "microBatchLoss"
  | "emaDecay"
  | "nonFinite"
> = {
  visualSgd: null,
  frozenVisualEpochs: 0,
  rateFactors: [],
  warmupFloor: 0,
  leastLearningRate: 0,
  adamW: "torch",
  microBatches: 1,
  microBatchLoss: "whole-batch",
  emaDecay: null,
  nonFinite: "stop",
};

/** Which checkpoints a run writes and keeps, and when it stops early. */
export interface RecipeCheckpoints {
  readonly everySteps: number;
  /** The newest ones that are kept; at least one. */
  readonly keepLast: number;
  /**
   * A reading ("loss", or one of the system's such as "mlm") whose mean over the steps since the checkpoint before tells how
   * good one is: the best is kept beside the newest. Null: none is.
   */
  readonly best: BestCheckpoint | null;
  /** The run ends after so many checkpoints in a row that are not better than the best; null: never. */
  readonly patience: number | null;
}

interface BestCheckpoint {
  readonly reading: string;
  readonly wants: "lowest" | "highest";
}

/** A checkpoint now and then, of which the two newest are kept. */
export function usualCheckpoints(everySteps: number): RecipeCheckpoints {
  return { everySteps, keepLast: 2, best: null, patience: null };
}

/** What keeps a run from being stopped early. */
export function checkpointDemands({ best, patience }: RecipeCheckpoints): Demand[] {
  return [
    {
      isMet: patience === null || best !== null,
      path: "checkpoints.patience",
      message: "a run is stopped early by a reading: name it in checkpoints.best",
    },
  ];
}

/** What the recipes of all systems have. */
export interface RecipeBase {
  readonly name: string;
  readonly seed: number;
  readonly optimisation: RecipeOptimisation;
  /** The type in which matrices are multiplied; weights and moments are float32 in any. */
  readonly precision: Precision;
  /** How the step is executed; "eager" runs its operations one by one. */
  readonly execution: Execution;
  readonly checkpoints: RecipeCheckpoints;
  /** What the model is fine-tuned for; not there in pre-training. */
  readonly task?: FineTuningTask | undefined;
}

/** Its vocabulary's size comes from the vocabulary. */
export type RecipeTransformer = Omit<BertConfig, "vocabularySize">;

/** What values of a recipe have to fulfil together; `path` names one of them, `message` says what is wrong where it is not met. */
export interface Demand {
  readonly isMet: boolean;
  readonly path: string;
  readonly message: string;
}

/** What keeps any system's Transformer from being built. */
export function transformerDemands(recipe: {
  readonly data: RecipeData;
  readonly model: { readonly transformer: RecipeTransformer };
}): Demand[] {
  const { data, model } = recipe;
  const { heads, hiddenSize, maxPositions } = model.transformer;
  return [
    {
      isMet: hiddenSize % heads === 0,
      path: "model.transformer.heads",
      message: `${heads} heads cannot share ${hiddenSize} channels evenly`,
    },
    {
      isMet: hiddenSize % 4 === 0,
      path: "model.transformer.hiddenSize",
      message: `${hiddenSize} is no multiple of 4, which the sine positions need`,
    },
    {
      isMet: data.maxTextTokens <= maxPositions,
      path: "data.maxTextTokens",
      message: `${data.maxTextTokens} tokens, but there are ${maxPositions} positions (model.transformer.maxPositions)`,
    },
  ];
}

export const transformerSchema: z.ZodType<RecipeTransformer> = z.strictObject({
  hiddenSize: positiveInteger,
  layers: positiveInteger,
  heads: positiveInteger,
  intermediateSize: positiveInteger,
  maxPositions: positiveInteger,
  tokenTypes: z.int().nonnegative(),
  dropout: z.number().min(0).lt(1),
  recompute: z.boolean(),
});

const dataShape = {
  vocabulary: z.string(),
  picturesPerBatch: positiveInteger,
  maxTextTokens: positiveInteger,
  mlmProbability: z.number().min(0).max(1),
  numWorkers: positiveInteger,
  prefetchBatches: positiveInteger,
};

export const pairedPictureDataSchema: z.ZodType<PairedPictureData> = z.strictObject({
  ...dataShape,
  matchedTexts: positiveInteger,
  unmatchedTexts: z.int().nonnegative(),
  minimumCropArea: z.number().positive().max(1),
});

const optimisationSchema: z.ZodType<RecipeOptimisation> = z.strictObject({
  duration: z.strictObject({ unit: z.enum(["epochs", "steps"]), length: positiveInteger }),
  visualLearningRate: nonNegative,
  transformerLearningRate: nonNegative,
  visualSgd: z
    .strictObject({ momentum: z.number().min(0).lt(1), weightDecay: nonNegative })
    .nullable(),
  frozenVisualEpochs: z.int().nonnegative(),
  rateFactors: z.array(z.strictObject({ weights: z.string(), factor: nonNegative })),
  warmupFloor: z.number().min(0).max(1),
  leastLearningRate: nonNegative,
  adamW: z.enum(adamWOrders),
  microBatches: positiveInteger,
  microBatchLoss: z.enum(["whole-batch", "summed"]),
  emaDecay: z.number().min(0).lt(1).nullable(),
  nonFinite: z.enum(["stop", "skip"]),
  warmupSteps: z.int().nonnegative(),
  decay: z.enum(["steps", "linear", "cosine"]),
  milestones: z.array(positiveInteger),
  decayFactor: nonNegative,
  beta1: z.number().min(0).lt(1),
  beta2: z.number().min(0).lt(1),
  epsilon: z.number().positive(),
  weightDecay: nonNegative,
  clipNorm: z.number().positive(),
});

const checkpointsSchema: z.ZodType<RecipeCheckpoints> = z.strictObject({
  everySteps: positiveInteger,
  keepLast: positiveInteger,
  best: z
    .strictObject({ reading: z.string().min(1), wants: z.enum(["lowest", "highest"]) })
    .nullable(),
  patience: positiveInteger.nullable(),
});

/** The keys that the recipes of all systems have, as a schema's shape; each adds `system`, `model`, `data` and `objectives`. */
export const recipeBaseShape: {
  readonly name: z.ZodString;
  readonly seed: z.ZodInt;
  readonly optimisation: z.ZodType<RecipeOptimisation>;
  readonly precision: z.ZodType<Precision>;
  readonly execution: z.ZodType<Execution>;
  readonly checkpoints: z.ZodType<RecipeCheckpoints>;
  readonly task: z.ZodOptional<z.ZodType<FineTuningTask>>;
} = {
  name: z.string(),
  seed: z.int().nonnegative(),
  optimisation: optimisationSchema,
  precision: z.enum(precisions),
  execution: z.enum(executions),
  checkpoints: checkpointsSchema,
  task: taskSchema.optional(),
};
