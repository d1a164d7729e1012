import { visualParsing } from "../recipes/visual-parsing.ts";
import type { VisualParsingRecipe } from "../recipes/visual-parsing-recipe.ts";
import { entailment, fineTuned, reasoning, retrieval, vqa } from "./fine-tuned.ts";

// Visual Parsing (Xue et al., NeurIPS 2021), section 4.2: "we keep the optimizer the same as in the pre-training stage".
// How many unmatched texts a picture gets in retrieval, and the warm-up of each task, are not stated: one, and that of
// pre-training.

/** "With a batch size of 512", all tasks but retrieval. */
const TEXTS_PER_BATCH = 512;

/** Two texts in one row: twice the length of one. */
const PREMISE_TOKENS = 80;

const entailmentTuning = {
  data: { picturesPerBatch: TEXTS_PER_BATCH },
  optimisation: {
    duration: { unit: "epochs", length: 25 },
    transformerLearningRate: 5e-5,
    milestones: [15, 20, 23],
  },
} as const;

export const visualParsingFineTuning: readonly VisualParsingRecipe[] = [
  fineTuned(visualParsing, {
    name: "finetune/vqa-visual-parsing",
    task: vqa,
    data: { picturesPerBatch: TEXTS_PER_BATCH },
    optimisation: { duration: { unit: "epochs", length: 100 }, milestones: [65, 75] },
  }),
  fineTuned(visualParsing, {
    name: "finetune/nlvr2-visual-parsing",
    task: reasoning,
    data: { picturesPerBatch: TEXTS_PER_BATCH },
    optimisation: {
      duration: { unit: "epochs", length: 80 },
      milestones: [60, 65, 70, 75, 78, 79],
      decayFactor: 0.5,
    },
  }),
  fineTuned(visualParsing, {
    ...entailmentTuning,
    name: "finetune/snli-ve-visual-parsing",
    task: entailment,
  }),
  // The paper's figures are those of a model that reads the premise (REFERENCE, 2.3); it does not say so.
  fineTuned(visualParsing, {
    ...entailmentTuning,
    name: "finetune/snli-ve-premise-visual-parsing",
    task: { ...entailment, premise: "read" },
    data: { ...entailmentTuning.data, maxTextTokens: PREMISE_TOKENS },
  }),
  fineTuned(visualParsing, {
    name: "finetune/retrieval-visual-parsing",
    task: retrieval,
    data: { picturesPerBatch: 32 },
    optimisation: {
      duration: { unit: "epochs", length: 10 },
      transformerLearningRate: 5e-5,
      milestones: [5],
      decayFactor: 0.5,
    },
  }),
];
