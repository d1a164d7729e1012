import type { TrainingRecipe } from "../recipe.ts";
import type { System } from "./system.ts";
import { sohoSystem } from "./soho.ts";
import { uniterSystem } from "./uniter.ts";
import { visualParsingSystem } from "./visual-parsing.ts";

/** The system that a recipe trains, with a vocabulary of this size. */
export function systemOf(recipe: TrainingRecipe, vocabularySize: number): System {
  switch (recipe.system) {
    case "soho":
      return sohoSystem(recipe, vocabularySize);
    case "uniter":
      return uniterSystem(recipe, vocabularySize);
    case "visual-parsing":
      return visualParsingSystem(recipe, vocabularySize);
  }
}
