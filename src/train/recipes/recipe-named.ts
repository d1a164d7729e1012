import { closest } from "fastest-levenshtein";
import { ConfigError } from "../../core/errors.ts";
import type { TrainingRecipe } from "../recipe.ts";
import { demoFineTuning } from "../finetuning/demo.ts";
import { sohoFineTuning } from "../finetuning/soho.ts";
import { uniterFineTuning } from "../finetuning/uniter.ts";
import { visualParsingFineTuning } from "../finetuning/visual-parsing.ts";
import { sohoRecipes } from "./soho.ts";
import { uniterRecipes } from "./uniter.ts";
import { visualParsingRecipes } from "./visual-parsing.ts";

const trainingRecipes: readonly TrainingRecipe[] = [
  ...visualParsingRecipes,
  ...sohoRecipes,
  ...uniterRecipes,
  ...visualParsingFineTuning,
  ...sohoFineTuning,
  ...uniterFineTuning,
  ...demoFineTuning,
];

/** The recipe called `name`; ConfigError with the names there are. */
export function recipeNamed(name: string): TrainingRecipe {
  const recipe = trainingRecipes.find((candidate) => candidate.name === name);
  if (recipe !== undefined) return recipe;
  const names = trainingRecipes.map((candidate) => candidate.name);
  throw new ConfigError(`there is no recipe "${name}"; the nearest is ${closest(name, names)}`, {
    remedy: `the recipes are: ${names.join(", ")}`,
  });
}
