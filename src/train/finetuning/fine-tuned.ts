import type { TrainingRecipe } from "../recipe.ts";
import type { RecipeOptimisation } from "../recipes/recipe-base.ts";
import type {
  AnswerTask,
  ChoiceTask,
  EntailmentTask,
  FineTuningTask,
  ReasoningTask,
  ReferringTask,
  RetrievalTask,
} from "./task.ts";

export interface FineTuning<Recipe extends TrainingRecipe> {
  readonly name: string;
  readonly task: FineTuningTask;
  /** What is not as in pre-training. */
  readonly data?: Partial<Recipe["data"]>;
  readonly optimisation: Partial<RecipeOptimisation>;
}

/** The recipe that fine-tunes what another one pre-trains. */
export function fineTuned<Recipe extends TrainingRecipe>(
  base: Recipe,
  { data = {}, name, optimisation, task }: FineTuning<Recipe>,
): Recipe {
  return {
    ...base,
    name,
    task,
    data: { ...base.data, ...data },
    optimisation: { ...base.optimisation, ...optimisation },
  };
}

/** VQA v2 as all three papers: soft targets over the answers that are a question's own at least nine times (3,129). */
export const vqa: AnswerTask = {
  kind: "vqa",
  answers: [],
  minAnswerCount: 9,
  scoring: "official",
  withoutTarget: "keep",
  sees: "both",
};

/** The order of UNITER's released code; REFERENCE, section 3.3, has the others. */
export const entailment: EntailmentTask = {
  kind: "snli-ve",
  labels: ["contradiction", "entailment", "neutral"],
  layers: 1,
  loss: "cross-entropy",
  premise: "unread",
  sees: "both",
};

export const reasoning: ReasoningTask = {
  kind: "nlvr2",
  labels: ["False", "True"],
  head: "pair",
  sees: "both",
};

export const choice: ChoiceTask = { kind: "vcr", asks: "answer", sees: "both" };

export const referring: ReferringTask = {
  kind: "refcoco",
  head: "two-layer",
  scale: "mean",
  sees: "both",
};

/** As many unmatched as matched pairs, as in pre-training. */
export const retrieval: RetrievalTask = {
  kind: "retrieval",
  head: "matching",
  texts: 2,
  loss: "binary",
};
