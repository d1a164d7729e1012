import { soho } from "../recipes/soho.ts";
import type { SohoRecipe } from "../recipes/soho-recipe.ts";
import { entailment, fineTuned, reasoning, retrieval, vqa } from "./fine-tuned.ts";

// SOHO (Huang et al., CVPR 2021), section 4.2; "code": its released configuration of VQA. Not stated: the warm-up, taken
// from pre-training, and how many unmatched texts a picture gets in retrieval: one.

/** The backbone was frozen until the dictionary had settled; here it has. */
const trainedBackbone = { frozenVisualEpochs: 0 } as const;

/** VQA's optimizer and epochs, which NLVR2 has too. */
const answerTuning = {
  ...trainedBackbone,
  duration: { unit: "epochs", length: 18 },
  milestones: [12, 16],
  clipNorm: 4, // code
} as const;

const entailmentTuning = {
  ...trainedBackbone,
  duration: { unit: "epochs", length: 6 },
  milestones: [4],
} as const;

/** Two texts in one row: twice the length of one. */
const PREMISE_TOKENS = 32;

export const sohoFineTuning: readonly SohoRecipe[] = [
  fineTuned(soho, {
    name: "finetune/vqa-soho",
    task: vqa,
    data: { picturesPerBatch: 256 },
    optimisation: answerTuning,
  }),
  fineTuned(soho, {
    name: "finetune/nlvr2-soho",
    task: reasoning,
    data: { picturesPerBatch: 128 },
    optimisation: answerTuning,
  }),
  fineTuned(soho, {
    name: "finetune/snli-ve-soho",
    task: entailment,
    data: { picturesPerBatch: 128 },
    optimisation: entailmentTuning,
  }),
  // The paper's figures are those of a model that reads the premise (REFERENCE, 2.3); it does not say so.
  fineTuned(soho, {
    name: "finetune/snli-ve-premise-soho",
    task: { ...entailment, premise: "read" },
    data: { picturesPerBatch: 128, maxTextTokens: PREMISE_TOKENS },
    optimisation: entailmentTuning,
  }),
  fineTuned(soho, {
    name: "finetune/retrieval-soho",
    task: retrieval,
    data: { picturesPerBatch: 24 },
    optimisation: {
      ...trainedBackbone,
      duration: { unit: "epochs", length: 20 },
      transformerLearningRate: 1e-4,
      milestones: [3, 5, 9, 13],
      decayFactor: 0.5,
    },
  }),
];
