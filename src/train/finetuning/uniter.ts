import type { RecipeOptimisation } from "../recipes/recipe-base.ts";
import { uniterBase } from "../recipes/uniter.ts";
import type { UniterRecipe } from "../recipes/uniter-recipe.ts";
import {
  choice,
  entailment,
  fineTuned,
  reasoning,
  referring,
  retrieval,
  vqa,
} from "./fine-tuned.ts";

// UNITER (Chen et al., ECCV 2020), appendix A.2; "code": its released configurations (ChenRocks/UNITER).

/** So many steps at a rate; the rate rises over the first tenth of them (code). */
function steps(
  length: number,
  rate: number,
): Pick<
  RecipeOptimisation,
  "clipNorm" | "duration" | "transformerLearningRate" | "visualLearningRate" | "warmupSteps"
> {
  return {
    duration: { unit: "steps", length },
    visualLearningRate: rate,
    transformerLearningRate: rate,
    warmupSteps: length / 10,
    clipNorm: 2, // code
  };
}

const TOKENS_PER_BATCH = 10_240;

/** A true pair and two that are not (A.2: "two negative image-text pairs per positive sample"). */
const ranking = { ...retrieval, head: "rank", texts: 3, loss: "triplet" } as const;

const choiceTuning = {
  data: { tokensPerBatch: 4096, maxTextTokens: 222 }, // the length: code, 220 without [CLS] and [SEP]
  optimisation: steps(5000, 1e-4),
} as const;

export const uniterFineTuning: readonly UniterRecipe[] = [
  fineTuned(uniterBase, {
    name: "finetune/vqa-uniter",
    task: vqa,
    data: { tokensPerBatch: TOKENS_PER_BATCH },
    optimisation: {
      ...steps(5000, 3e-4),
      rateFactors: [{ weights: "vqa_output.", factor: 10 }], // code
    },
  }),
  fineTuned(uniterBase, {
    name: "finetune/nlvr2-uniter",
    task: { ...reasoning, head: "pair-biattn" },
    data: { tokensPerBatch: TOKENS_PER_BATCH },
    optimisation: steps(8000, 1e-4),
  }),
  fineTuned(uniterBase, {
    name: "finetune/snli-ve-uniter",
    task: { ...entailment, layers: 2 },
    data: { tokensPerBatch: TOKENS_PER_BATCH },
    optimisation: steps(3000, 8e-5),
  }),
  fineTuned(uniterBase, {
    ...choiceTuning,
    name: "finetune/vcr-answer-uniter",
    task: choice,
  }),
  fineTuned(uniterBase, {
    ...choiceTuning,
    name: "finetune/vcr-rationale-uniter",
    task: { ...choice, asks: "rationale" },
  }),
  fineTuned(uniterBase, {
    name: "finetune/refcoco-uniter",
    task: referring,
    data: { tokensPerBatch: null, picturesPerBatch: 64 },
    optimisation: {
      ...steps(24_000, 5e-5), // the warm-up is the code's, 2,400 of 24,000 steps
      duration: { unit: "epochs", length: 5 },
    },
  }),
  fineTuned(uniterBase, {
    name: "finetune/retrieval-coco-uniter",
    task: ranking,
    data: { tokensPerBatch: null, picturesPerBatch: 60 },
    optimisation: steps(20_000, 2e-5),
  }),
  fineTuned(uniterBase, {
    name: "finetune/retrieval-flickr30k-uniter",
    task: ranking,
    data: { tokensPerBatch: null, picturesPerBatch: 120 },
    optimisation: steps(16_000, 5e-5),
  }),
];
