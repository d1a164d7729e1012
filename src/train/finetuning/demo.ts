import type { TrainingRecipe } from "../recipe.ts";
import { sohoDemo } from "../recipes/soho.ts";
import { uniterDemo } from "../recipes/uniter.ts";
import { visualParsingDemo } from "../recipes/visual-parsing.ts";
import {
  choice,
  entailment,
  fineTuned,
  reasoning,
  referring,
  retrieval,
  vqa,
} from "./fine-tuned.ts";
import type { FineTuningTask } from "./task.ts";

// The small world's tasks, from the demo's runs, in a minute or two on two cores.

/** "demo-vqa" is Visual Parsing's, "demo-vqa-soho" SOHO's. */
const demos: readonly { readonly suffix: string; readonly base: TrainingRecipe }[] = [
  { suffix: "", base: visualParsingDemo },
  { suffix: "-soho", base: sohoDemo },
  { suffix: "-uniter", base: uniterDemo },
];

const tasks: Readonly<Record<string, FineTuningTask>> = {
  vqa: { ...vqa, minAnswerCount: 3 },
  nlvr2: reasoning,
  "snli-ve": entailment,
  "snli-ve-premise": { ...entailment, premise: "read" },
  retrieval: { ...retrieval, texts: 4, loss: "cross-entropy" },
};

/** Tasks about regions and their persons: UNITER's alone. */
const regionTasks: Readonly<Record<string, FineTuningTask>> = {
  refcoco: referring,
  vcr: choice,
};

function demo(base: TrainingRecipe, name: string, task: FineTuningTask): TrainingRecipe {
  const readsTwo = task.kind === "vcr" || (task.kind === "snli-ve" && task.premise === "read");
  const showsMore = task.kind === "nlvr2" || task.kind === "retrieval";
  return fineTuned(base, {
    name,
    task,
    data: { picturesPerBatch: showsMore ? 16 : 32, maxTextTokens: readsTwo ? 48 : 24 },
    optimisation: {
      duration: { unit: "steps", length: 500 },
      visualLearningRate: 1e-3,
      transformerLearningRate: 1e-3,
      warmupSteps: 40,
      clipNorm: 1,
    },
  });
}

export const demoFineTuning: readonly TrainingRecipe[] = [
  ...demos.flatMap(({ base, suffix }) =>
    Object.entries(tasks).map(([name, task]) => demo(base, `demo-${name}${suffix}`, task)),
  ),
  ...Object.entries(regionTasks).map(([name, task]) =>
    demo(uniterDemo, `demo-${name}-uniter`, task),
  ),
];
