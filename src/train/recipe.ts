import type { BertConfig } from "../models/bert/config.ts";
import type { SwinConfig } from "../models/swin/config.ts";
import type { InitialScale } from "../models/weights.ts";
import type { Execution, Precision } from "../tensor/compiled/options.ts";

export interface RecipeData {
  /** Path of a WordPiece vocabulary, one token a line. */
  readonly vocabulary: string;
  readonly picturesPerBatch: number;
  readonly matchedTexts: number;
  readonly unmatchedTexts: number;
  /** With [CLS] and [SEP]; longer texts are cut. */
  readonly maxTextTokens: number;
  readonly mlmProbability: number;
  /** The smallest share of a picture's area that a random crop keeps; 1 leaves pictures whole. */
  readonly minimumCropArea: number;
  readonly numWorkers: number;
  readonly prefetchBatches: number;
}

export interface VisualParsingObjectives {
  readonly mlmWeight: number;
  /** lambda_1 of Visual Parsing's eq. 10. */
  readonly itmWeight: number;
  /** lambda_2 of Visual Parsing's eq. 10. */
  readonly mfrWeight: number;
  /** k of Visual Parsing's eq. 9. */
  readonly mfrMaskedTokens: number;
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
  readonly warmupSteps: number;
  readonly decay: "steps" | "linear" | "cosine";
  readonly milestones: readonly number[];
  readonly decayFactor: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly weightDecay: number;
  readonly clipNorm: number;
}

/** What the recipes of all systems have. */
export interface RecipeBase {
  readonly name: string;
  readonly seed: number;
  readonly data: RecipeData;
  readonly optimisation: RecipeOptimisation;
  /** The type in which matrices are multiplied; weights and moments are float32 in any. */
  readonly precision: Precision;
  /** How the step is executed; "eager" runs its operations one by one. */
  readonly execution: Execution;
  readonly checkpointEverySteps: number;
}

/** Its vocabulary's size comes from the vocabulary. */
export type RecipeTransformer = Omit<BertConfig, "vocabularySize">;

/** Visual Parsing (Xue et al., NeurIPS 2021). */
export interface VisualParsingRecipe extends RecipeBase {
  readonly system: "visual-parsing";
  readonly model: {
    readonly initialScale: InitialScale;
    readonly swin: SwinConfig;
    readonly transformer: RecipeTransformer;
  };
  readonly objectives: VisualParsingObjectives;
}

/** All constants of a training run; saved beside its results. */
export type TrainingRecipe = VisualParsingRecipe;

/** A recipe's constants one by one, each with its path: "optimisation.warmupSteps". */
export function recipeEntries(
  recipe: TrainingRecipe,
): { readonly name: string; readonly value: string | number | boolean | null }[] {
  return entriesOf(recipe, "");
}

function entriesOf(
  node: unknown,
  prefix: string,
): { readonly name: string; readonly value: string | number | boolean | null }[] {
  if (typeof node === "object" && node !== null && !Array.isArray(node)) {
    return Object.entries(node).flatMap(([key, value]) =>
      entriesOf(value, prefix === "" ? key : `${prefix}.${key}`),
    );
  }
  const isPlain = typeof node === "string" || typeof node === "number" || typeof node === "boolean";
  return [{ name: prefix, value: isPlain ? node : JSON.stringify(node) }];
}
