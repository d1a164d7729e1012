import type { SohoRecipe } from "./recipes/soho-recipe.ts";
import type { UniterRecipe } from "./recipes/uniter-recipe.ts";
import type { VisualParsingRecipe } from "./recipes/visual-parsing-recipe.ts";

/** All constants of a training run; saved beside its results. */
export type TrainingRecipe = SohoRecipe | UniterRecipe | VisualParsingRecipe;

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
