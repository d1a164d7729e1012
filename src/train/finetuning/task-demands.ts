import type { TrainingRecipe } from "../recipe.ts";
import type { Demand } from "../recipes/recipe-base.ts";

/** What keeps a recipe's task from being trained; nothing without one. */
export function taskDemands({ optimisation, system, task }: TrainingRecipe): Demand[] {
  if (task === undefined) return [];
  return [
    {
      isMet: task.kind !== "refcoco" || system === "uniter",
      path: "task.kind",
      message: `an expression is answered by a region, and ${system} has none`,
    },
    {
      isMet: task.kind !== "nlvr2" || task.labels.length === 2,
      path: "task.labels",
      message: "a statement about two pictures is true or false: two labels",
    },
    {
      isMet: task.kind === "retrieval" || optimisation.microBatches === 1,
      path: "optimisation.microBatches",
      message: "batches of labelled texts are not cut in slices",
    },
  ];
}
