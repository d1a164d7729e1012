import type { TrainingRecipe } from "../recipe.ts";
import { taskSystem } from "../finetuning/task-system.ts";
import type { System } from "./system.ts";
import { sohoSystem } from "./soho.ts";
import { uniterSystem } from "./uniter.ts";
import { visualParsingSystem } from "./visual-parsing.ts";

/** The system that a recipe trains, with a vocabulary of this size, for the recipe's task where it has one. */
export function systemOf(recipe: TrainingRecipe, vocabularySize: number): System {
  const { task } = recipe;
  const pretrained = pretrainedSystem(recipe, vocabularySize);
  return task === undefined ? pretrained : taskSystem(pretrained, { recipe, task });
}

function pretrainedSystem(recipe: TrainingRecipe, vocabularySize: number): System {
  switch (recipe.system) {
    case "soho":
      return sohoSystem(recipe, vocabularySize);
    case "uniter":
      return uniterSystem(recipe, vocabularySize);
    case "visual-parsing":
      return visualParsingSystem(recipe, vocabularySize);
  }
}
