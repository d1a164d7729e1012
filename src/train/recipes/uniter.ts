import { bertBase, bertLarge } from "../../models/bert/config.ts";
import { uniterPaper, uniterReleased } from "../../models/uniter/switches.ts";
import { uniterTransport } from "../objectives/transport.ts";
import { usualCheckpoints, usualOptimisation, smallTransformer } from "./recipe-base.ts";
import type { UniterRecipe } from "./uniter-recipe.ts";

// UNITER: Chen et al., "UNITER: UNiversal Image-TExt Representation Learning", ECCV 2020. The paper leaves pre-training's
// batches, steps and optimizer open; "code" below is ChenRocks/UNITER's configuration for in-domain data (COCO and VG).

/** Of one GPU in a step (code). */
const TOKENS_PER_GPU = 10_240;
/** Steps whose gradients the code adds up before it moves the weights. */
const ACCUMULATED = 2;

/** In-domain pre-training of UNITER-base. */
export const uniterBase: UniterRecipe = {
  name: "pretrain/uniter-base",
  system: "uniter",
  preset: "paper",
  switches: uniterPaper,
  seed: 42, // code
  model: {
    initialScale: "published",
    regionFeatures: 2048, // bottom-up attention
    regionClasses: 1601, // bottom-up attention; the paper's K of MRC
    transformer: bertBase, // section 4, footnote 12; cased: code
  },
  data: {
    vocabulary: "",
    letterCase: "keep", // code
    picturesPerBatch: 1024, // not read beside tokensPerBatch
    tokensPerBatch: 8 * TOKENS_PER_GPU * ACCUMULATED, // code: 8 GPUs
    bucketSize: 8192, // code
    maxTextTokens: 62, // code: 60 without [CLS] and [SEP]
    maxRegions: 100, // code: max_bb
    mlmProbability: 0.15, // section 3.2
    regionMaskProbability: 0.15, // section 3.2
    masking: "conditional", // section 3.2
    unmatchedProbability: 0.5, // code
    taskGroup: 1, // code: one task for what a step accumulates, which is one batch here
    numWorkers: 8,
    prefetchBatches: 8,
  },
  objectives: {
    ratios: { itm: 2, mlm: 2, mrfr: 1, mrc: 0, "mrc-kl": 1 }, // code; tasks: table 2, line 11
    wraWeight: 0.1, // code
    transport: uniterTransport,
    hiddenOverlap: null, // the paper hides the masked regions only
    softLabels: "as-stored",
  },
  optimisation: {
    ...usualOptimisation,
    duration: { unit: "steps", length: 200_000 }, // code
    visualLearningRate: 5e-5, // code
    transformerLearningRate: 5e-5, // code
    warmupSteps: 10_000, // code
    decay: "linear", // code
    milestones: [],
    decayFactor: 0.1,
    adamW: "old-hugging-face", // code
    beta1: 0.9, // code
    beta2: 0.98, // code
    epsilon: 1e-6, // code
    weightDecay: 0.01, // code
    clipNorm: 5, // code
  },
  precision: "fp32",
  execution: "captured",
  checkpoints: usualCheckpoints(1000),
};

/** In-domain pre-training of UNITER-large. */
const uniterLarge: UniterRecipe = {
  ...uniterBase,
  name: "pretrain/uniter-large",
  model: { ...uniterBase.model, transformer: bertLarge }, // section 4, footnote 12
  data: { ...uniterBase.data, tokensPerBatch: 16 * TOKENS_PER_GPU * ACCUMULATED }, // code: 16 GPUs
  optimisation: {
    ...uniterBase.optimisation,
    duration: { unit: "steps", length: 500_000 }, // code
  },
};

/** The demo's: a model of three layers that learns the small world's regions from nothing on two cores. */
export const uniterDemo: UniterRecipe = {
  ...uniterBase,
  name: "demo-uniter",
  // The means of the released code: at sums over 2048 features regression would drown the other tasks. Its tied head would
  // turn W_f toward the mean of the features, after which all regions look alike for as long as this run is.
  preset: "released",
  switches: { ...uniterReleased, regressionHead: "linear" },
  model: {
    ...uniterBase.model,
    initialScale: "fan-in",
    transformer: { ...smallTransformer, tokenTypes: 2 },
  },
  data: {
    ...uniterBase.data,
    letterCase: "lower",
    picturesPerBatch: 64,
    tokensPerBatch: null,
    maxTextTokens: 24,
    maxRegions: 16,
    numWorkers: 1,
    prefetchBatches: 3,
  },
  // Words are what the demo asks for; the other tasks are there to be seen.
  objectives: {
    ...uniterBase.objectives,
    ratios: { itm: 2, mlm: 6, mrfr: 1, mrc: 0, "mrc-kl": 1 },
  },
  optimisation: {
    ...uniterBase.optimisation,
    duration: { unit: "steps", length: 1000 },
    visualLearningRate: 1e-3,
    transformerLearningRate: 1e-3,
    warmupSteps: 50,
    clipNorm: 1,
  },
  checkpoints: usualCheckpoints(200),
};

export const uniterRecipes: readonly UniterRecipe[] = [uniterBase, uniterLarge, uniterDemo];
