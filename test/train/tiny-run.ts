import * as tf from "@tensorflow/tfjs-core";
import type { VisualParsingConfig } from "../../src/models/visual-parsing/visual-parsing.ts";
import { recipeNamed } from "../../src/train/recipes/recipe-named.ts";
import { usualCheckpoints } from "../../src/train/recipes/recipe-base.ts";
import type { TrainingRecipe } from "../../src/train/recipe.ts";
import {
  visualParsingConfig,
  type VisualParsingRecipe,
} from "../../src/train/recipes/visual-parsing-recipe.ts";
import { ONLY_VARIANT, type StepBatch, type System } from "../../src/train/systems/system.ts";
import type { VisualParsingBatch } from "../../src/train/visual-parsing/losses.ts";
import { visualParsingSystem } from "../../src/train/systems/visual-parsing.ts";
import { uniform } from "../models/parity-fixture.ts";

const demo = requireVisualParsing(recipeNamed("demo"));

/** The recipe, which must be one of Visual Parsing. */
export function requireVisualParsing(recipe: TrainingRecipe): VisualParsingRecipe {
  if (recipe.system === "visual-parsing") return recipe;
  throw new RangeError(`${recipe.name} trains ${recipe.system}`);
}

/** A model of a few thousand weights: 16 px, 4 visual tokens, texts of up to 20 tokens; six steps. */
export const tinyRecipe: VisualParsingRecipe = {
  ...demo,
  name: "tiny",
  model: {
    initialScale: "fan-in",
    swin: {
      imageSize: 16,
      patchSize: 4,
      embedDim: 8,
      depths: [1, 1],
      heads: [1, 2],
      windowSize: 2,
      mlpRatio: 2,
      stochasticDepth: 0,
      recompute: false,
    },
    transformer: {
      hiddenSize: 16,
      layers: 1,
      heads: 2,
      intermediateSize: 32,
      maxPositions: 20,
      tokenTypes: 0,
      dropout: 0.1,
      recompute: false,
    },
    languageLayers: 0,
  },
  data: {
    ...demo.data,
    picturesPerBatch: 4,
    maxTextTokens: 20,
    numWorkers: 1,
    prefetchBatches: 2,
    minimumCropArea: 0.5,
  },
  objectives: { ...demo.objectives, mfrWeight: 0.01, mfrMaskedTokens: 2 },
  optimisation: { ...demo.optimisation, duration: { unit: "steps", length: 6 }, warmupSteps: 2 },
  checkpoints: usualCheckpoints(100),
};

const VOCABULARY_SIZE = 12;

export const tinyModel: VisualParsingConfig = visualParsingConfig(tinyRecipe, VOCABULARY_SIZE);

/** What a recipe like the tiny one trains. */
export const tinySystem = (recipe: VisualParsingRecipe = tinyRecipe): System =>
  visualParsingSystem(recipe, VOCABULARY_SIZE);

/** `tinyBatch` as a step takes it. */
export function tinyStepBatch(changes: Partial<VisualParsingBatch> = {}): StepBatch {
  return { variant: ONLY_VARIANT, tensors: { ...tinyBatch(changes) } };
}

/** Two pictures, each with a matched and an unmatched text of five tokens; one word of each matched text is predicted. */
export function tinyBatch(changes: Partial<VisualParsingBatch> = {}): VisualParsingBatch {
  const pixels = uniform(8, "pixels", [2 * 16 * 16 * 3]).map((value) => 127.5 + 127 * value);
  return {
    pixels: tf.tensor4d(Int32Array.from(pixels), [2, 16, 16, 3], "int32"),
    pictureOfPair: tf.tensor1d([0, 0, 1, 1], "int32"),
    tokenIds: tf.tensor2d(
      [
        [2, 5, 4, 3, 0],
        [2, 6, 7, 8, 3],
        [2, 4, 9, 10, 3],
        [2, 5, 3, 0, 0],
      ],
      [4, 5],
      "int32",
    ),
    tokenMask: tf.tensor2d(
      [
        [1, 1, 1, 1, 0],
        [1, 1, 1, 1, 1],
        [1, 1, 1, 1, 1],
        [1, 1, 1, 0, 0],
      ],
      [4, 5],
      "int32",
    ),
    matched: tf.tensor1d([1, 0, 1, 0], "int32"),
    maskedRows: tf.tensor1d([2, 11, 0], "int32"),
    maskedLabels: tf.tensor1d([6, 11, 0], "int32"),
    maskedWeights: tf.tensor1d([1, 1, 0]),
    pivots: tf.tensor1d([0, 1, 2, 3], "int32"),
    shares: tf.ones([3]),
    ...changes,
  };
}
