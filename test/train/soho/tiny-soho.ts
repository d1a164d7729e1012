import * as tf from "@tensorflow/tfjs-core";
import type { NamedTensors } from "../../../src/models/pair-model.ts";
import { sohoPaper } from "../../../src/models/soho/switches.ts";
import type { TrainingRecipe } from "../../../src/train/recipe.ts";
import { recipeNamed } from "../../../src/train/recipes/recipe-named.ts";
import type { SohoRecipe } from "../../../src/train/recipes/soho-recipe.ts";
import { tinyPictures, tinySoho } from "../../models/soho/soho-fixture.ts";

/** The recipe, which must be one of SOHO. */
function requireSoho(recipe: TrainingRecipe): SohoRecipe {
  if (recipe.system === "soho") return recipe;
  throw new RangeError(`${recipe.name} trains ${recipe.system}`);
}

const tiny = tinySoho(sohoPaper);

const { vocabularySize, ...transformer } = tiny.transformer;

export const VOCABULARY_SIZE: number = vocabularySize;

const demo = requireSoho(recipeNamed("demo-soho"));

/** A model of a few thousand weights. */
export const tinySohoRecipe: SohoRecipe = {
  ...demo,
  name: "tiny-soho",
  model: {
    ...demo.model,
    resnet: tiny.resnet,
    dictionary: tiny.dictionary,
    transformer: { ...transformer, dropout: 0 },
  },
};

const matrix = (rows: number[][]): tf.Tensor2D => tf.tensor2d(rows, undefined, "int32");

/** Two pictures of different sizes, each with a matched and an unmatched text; one word of each matched text is predicted. */
export function tinySohoBatch(changes: NamedTensors = {}): NamedTensors {
  const { pixels, valid } = tinyPictures();
  return {
    pixels,
    validHeights: valid.heights,
    validWidths: valid.widths,
    pictureOfPair: tf.tensor1d([0, 0, 1, 1], "int32"),
    tokenIds: matrix([[2, 5, 4, 3, 0], [2, 6, 7, 8, 3], [2, 4, 9, 10, 3], [2, 5, 3, 0, 0]]), // prettier-ignore
    tokenMask: matrix([[1, 1, 1, 1, 0], [1, 1, 1, 1, 1], [1, 1, 1, 1, 1], [1, 1, 1, 0, 0]]), // prettier-ignore
    matched: tf.tensor1d([1, 0, 1, 0], "int32"),
    maskedRows: tf.tensor1d([2, 11, 0], "int32"),
    maskedLabels: tf.tensor1d([6, 11, 0], "int32"),
    maskedWeights: tf.tensor1d([1, 1, 0]),
    mvmUniforms: tf.tensor1d([0.1, 0.5, 0.3, 0.9]),
    mvmLocation: tf.tensor1d([0]),
    shares: tf.ones([3]),
    ...changes,
  };
}
