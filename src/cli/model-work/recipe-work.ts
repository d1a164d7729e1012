import { bertBaseCased, bertBaseUncased } from "../../models/bert/config.ts";
import {
  forwardWork,
  type PairSizes,
  type PartWork,
  sohoWork,
  stepWork,
  uniterWork,
  visualParsingWork,
} from "../../models/work/system-work.ts";
import type { TrainingRecipe } from "../../train/recipe.ts";
import { visualParsingConfig } from "../../train/recipes/visual-parsing-recipe.ts";
import { sohoConfig } from "../../train/systems/soho.ts";
import { uniterConfigOf } from "../../train/systems/uniter.ts";
import { textTable } from "../text-table.ts";

/** What a recipe's model holds and computes. Work is in multiply-adds of matrix products and convolutions. */
export interface RecipeWork {
  readonly recipe: string;
  readonly vocabularySize: number;
  /** Of the longest text, with [CLS] and [SEP]. */
  readonly textTokens: number;
  readonly textsPerPicture: number;
  readonly picturesPerStep: number;
  readonly parts: readonly PartWork[];
  readonly parameters: number;
  /** Forward, of one picture with one text. */
  readonly pairWork: number;
  /** Forward, of one picture with all its texts. */
  readonly pictureWork: number;
  /** Of a training step, forward and backward. */
  readonly stepWork: number;
}

/** The work of a recipe's model on its largest pictures and longest texts. */
export function recipeWork(recipe: TrainingRecipe): RecipeWork {
  const isCased = recipe.system === "uniter" && recipe.data.letterCase === "keep";
  const { vocabularySize } = isCased ? bertBaseCased : bertBaseUncased;
  const { maxTextTokens: textTokens, mlmProbability } = recipe.data;
  // [CLS] and [SEP] are not predicted.
  const predictedWords = mlmProbability * (textTokens - 2);
  const parts = partsOf(recipe, { vocabularySize, textTokens, predictedWords });
  const { picturesPerStep, textsPerPicture } = batchOf(recipe);
  return {
    recipe: recipe.name,
    vocabularySize,
    textTokens,
    textsPerPicture,
    picturesPerStep,
    parts,
    parameters: parts.reduce((sum, { parameters }) => sum + parameters, 0),
    pairWork: forwardWork(parts, 1),
    pictureWork: forwardWork(parts, textsPerPicture),
    stepWork: stepWork(parts, { pictures: picturesPerStep, textsPerPicture }),
  };
}

type TextSizes = PairSizes & { readonly vocabularySize: number };

function partsOf(recipe: TrainingRecipe, sizes: TextSizes): PartWork[] {
  const { vocabularySize } = sizes;
  switch (recipe.system) {
    case "visual-parsing": {
      const config = visualParsingConfig(recipe, vocabularySize);
      const predictedTokens = recipe.objectives.mfrMaskedTokens;
      return visualParsingWork(config, { ...sizes, predictedTokens });
    }
    case "soho": {
      const { longer, padToMultipleOf, shorter } = recipe.model.pictures;
      const padded = (side: number): number => Math.ceil(side / padToMultipleOf) * padToMultipleOf;
      const picture = { height: padded(shorter), width: padded(longer) };
      return sohoWork(sohoConfig(recipe, vocabularySize), { ...sizes, picture });
    }
    case "uniter": {
      const { maxRegions: regions, regionMaskProbability } = recipe.data;
      const predictedTokens = regionMaskProbability * regions;
      const config = uniterConfigOf(recipe, vocabularySize);
      return uniterWork(config, { ...sizes, predictedTokens, regions });
    }
  }
}

function batchOf({ data, system }: TrainingRecipe): {
  readonly picturesPerStep: number;
  readonly textsPerPicture: number;
} {
  if (system !== "uniter") {
    return {
      picturesPerStep: data.picturesPerBatch,
      textsPerPicture: data.matchedTexts + data.unmatchedTexts,
    };
  }
  const { maxRegions, maxTextTokens, picturesPerBatch, tokensPerBatch } = data;
  const pairs =
    tokensPerBatch === null
      ? picturesPerBatch
      : Math.floor(tokensPerBatch / (maxTextTokens + maxRegions));
  return { picturesPerStep: pairs, textsPerPicture: 1 };
}

/** As a table with its totals. */
export function recipeWorkText(work: RecipeWork): string {
  const rows = work.parts.map(({ parameters, part, perPicture, perText }) => [
    part,
    parameters,
    giga(perPicture),
    giga(perText),
  ]);
  const table = textTable([["part", "weights", "G a picture", "G a text"], ...rows]);
  const { picturesPerStep, textsPerPicture, textTokens, vocabularySize } = work;
  const texts = textsPerPicture === 1 ? "its text" : `its ${textsPerPicture} texts`;
  return [
    `${work.recipe}, with ${vocabularySize.toLocaleString("en-US")} words and texts of ${textTokens} tokens`,
    "",
    table,
    "",
    `weights: ${work.parameters.toLocaleString("en-US")}`,
    `a picture with one text: ${giga(work.pairWork)} G`,
    `a picture with ${texts}: ${giga(work.pictureWork)} G`,
    `a training step of ${picturesPerStep.toLocaleString("en-US")} pictures with ${texts}, forward and backward: ${(work.stepWork / 1e12).toFixed(3)} T`,
    "",
    "G and T: 10^9 and 10^12 multiply-adds of matrix products and convolutions, what papers call FLOPs; an operation",
    "counter shows twice as many. Pictures and texts are taken at their largest; a backward pass counts twice a forward pass.",
  ].join("\n");
}

function giga(work: number): string {
  return (work / 1e9).toFixed(3);
}
