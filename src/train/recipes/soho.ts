import { bertBase } from "../../models/bert/config.ts";
import { resNet101, resNet18 } from "../../models/resnet/config.ts";
import { sohoPaper, sohoReleased } from "../../models/soho/switches.ts";
import { usualCheckpoints, usualOptimisation, smallTransformer } from "./recipe-base.ts";
import type { SohoRecipe } from "./soho-recipe.ts";

// SOHO: Huang et al., "Seeing Out of tHe bOx: End-to-End Pre-training for Vision-Language Representation Learning",
// CVPR 2021; "SOHO 4.1" below is its section 4.1, "code" its released code (researchmm/soho, 2022-09-30).

/** The paper's pre-training setting. */
export const soho: SohoRecipe = {
  name: "pretrain/soho",
  system: "soho",
  preset: "paper",
  seed: 1,
  switches: sohoPaper,
  model: {
    initialScale: "published",
    pictures: { shorter: 600, longer: 1000, padToMultipleOf: 32 }, // SOHO 4.1; the padding is the code's
    resnet: resNet101, // SOHO 4.1
    // SOHO table 7: 2048 codes; gamma of eq. 4 is not stated, 0.4 is the decay in the code's other law
    dictionary: { codes: 2048, momentum: 0.4, restartAfterSteps: 0 },
    // SOHO 4.1: "12-layer Transformer"; code: words have the first of two token types, visual tokens none
    transformer: bertBase,
  },
  data: {
    vocabulary: "",
    picturesPerBatch: 1024, // SOHO 4.1: 4,096 image-text pairs, an image with four texts
    matchedTexts: 2, // SOHO 4.1
    unmatchedTexts: 2, // SOHO 4.1
    maxTextTokens: 16, // code
    mlmProbability: 0.15, // "the same masking strategy used in BERT"
    minimumCropArea: 1,
    numWorkers: 8,
    prefetchBatches: 8, // fewer would leave workers idle
  },
  objectives: { mlmWeight: 1, itmWeight: 1, mvmWeight: 1, mvmProbability: 1 }, // eq. 9
  optimisation: {
    ...usualOptimisation,
    duration: { unit: "epochs", length: 40 }, // SOHO 4.1
    visualLearningRate: 1e-2, // SOHO 4.1
    transformerLearningRate: 1e-4, // SOHO 4.1
    visualSgd: { momentum: 0.9, weightDecay: 5e-4 }, // SOHO 4.1; the momentum is the code's
    frozenVisualEpochs: 10, // SOHO 3.2
    warmupSteps: 1000, // code
    warmupFloor: 1 / 3, // code
    decay: "steps",
    milestones: [25, 35], // SOHO 4.1
    decayFactor: 0.1, // SOHO 4.1
    beta1: 0.9,
    beta2: 0.999, // code
    epsilon: 1e-6, // code
    weightDecay: 1e-2, // SOHO 4.1
    clipNorm: 10, // code
  },
  precision: "fp32",
  execution: "captured",
  checkpoints: usualCheckpoints(1000),
};

/** The size of the paper's ablations (section 4.3), which is all that the code can train. */
const sohoSmall: SohoRecipe = {
  ...soho,
  name: "pretrain/soho-small",
  model: { ...soho.model, resnet: resNet18, transformer: { ...bertBase, layers: 3 } },
};

/**
 * The same size with the switches of the released code; but an image has two matched and two unmatched texts, where the
 * code takes each of its four for unmatched with probability 0.5 (REFERENCE 2.2.1, row 11).
 */
const sohoSmallReleased: SohoRecipe = {
  ...sohoSmall,
  name: "pretrain/soho-small-released",
  preset: "released",
  switches: sohoReleased,
  objectives: { ...soho.objectives, mvmProbability: 0.015 }, // code: mask_prob
  optimisation: {
    ...soho.optimisation,
    visualSgd: { momentum: 0.9, weightDecay: 1e-4 }, // code
    frozenVisualEpochs: 0, // code: stem and first stage are frozen for ever instead
  },
};

/** The small world's pictures of 64 px, from random weights, in minutes on two cores: 16 visual tokens of 16 px. */
export const sohoDemo: SohoRecipe = {
  ...soho,
  name: "demo-soho",
  model: {
    initialScale: "fan-in",
    pictures: { shorter: 64, longer: 64, padToMultipleOf: 1 },
    resnet: { block: "basic", depths: [1, 1], width: 32 },
    // Without a restart 13 of 64 codes are ever hit: too few to tell colors and shapes by.
    dictionary: { codes: 128, momentum: 0.9, restartAfterSteps: 20 },
    transformer: smallTransformer,
  },
  data: {
    ...soho.data,
    picturesPerBatch: 16,
    maxTextTokens: 24,
    numWorkers: 1,
    prefetchBatches: 3,
  },
  optimisation: {
    ...soho.optimisation,
    duration: { unit: "steps", length: 800 },
    // Nothing is pre-trained here, so both parts learn at one rate and from the start.
    visualLearningRate: 1e-3,
    transformerLearningRate: 1e-3,
    visualSgd: null,
    frozenVisualEpochs: 0,
    warmupSteps: 50,
    warmupFloor: 0,
    decay: "linear",
    milestones: [],
    clipNorm: 1,
  },
  checkpoints: usualCheckpoints(200),
};

export const sohoRecipes: readonly SohoRecipe[] = [soho, sohoSmall, sohoSmallReleased, sohoDemo];
