import { bertBase } from "../../models/bert/config.ts";
import { swinBase384, swinTiny } from "../../models/swin/config.ts";
import { usualCheckpoints, usualOptimisation, smallTransformer } from "./recipe-base.ts";
import type { VisualParsingRecipe } from "./visual-parsing-recipe.ts";

// Visual Parsing: Xue et al., "Probing Inter-modality: Visual Parsing with Self-Attention for
// Vision-Language Pre-training", NeurIPS 2021; "VP 4.1" below is its section 4.1.

/** The paper's pre-training setting. */
export const visualParsing: VisualParsingRecipe = {
  name: "pretrain/visual-parsing",
  system: "visual-parsing",
  seed: 1,
  model: {
    initialScale: "published",
    // VP never says which Swin its main model uses; B with window 12 has the global last window at 384
    // that attention-ranked masking needs (Liu et al. 2021 for the constants).
    swin: { ...swinBase384, stochasticDepth: 0 }, // stochastic depth is not stated
    // VP 4.1: "a 12-layer Transformer"; token types are not stated
    transformer: { ...bertBase, tokenTypes: 0 },
    languageLayers: 0, // VP 4.3: "we do not include T_Lan in our final model"
  },
  data: {
    vocabulary: "",
    picturesPerBatch: 512, // VP 4.1: batch size 2048, an image with four texts
    matchedTexts: 2,
    unmatchedTexts: 2,
    maxTextTokens: 40, // not stated; ViLT's
    mlmProbability: 0.15, // "the same masking strategy as in BERT"
    minimumCropArea: 1,
    numWorkers: 8,
    prefetchBatches: 8, // fewer would leave workers idle
  },
  objectives: {
    mlmWeight: 1,
    itmWeight: 1, // VP 4.1
    mfrWeight: 0.01, // VP 4.1
    mfrMask: "attention", // VP 3.3
    mfrRanking: "with-identity", // not stated: "similar to A^l in Equation 3"
    mfrMaskedTokens: 7, // VP 4.1
    mfrMaskedShare: null,
    mfrReduction: "sum", // VP eq. 9
    mfrTargetGradient: "stopped", // not stated; else features are won by making them alike
    vlaWeight: 0.1, // VP 3.3
    vlaUnmatched: "ignored", // not stated; UNITER's released code negates them
    vlaSpecials: true, // not stated; UNITER's released code
  },
  optimisation: {
    ...usualOptimisation,
    duration: { unit: "epochs", length: 40 }, // VP 4.1
    visualLearningRate: 5e-6, // VP 4.1
    transformerLearningRate: 5e-5, // VP 4.1
    warmupSteps: 500, // VP 4.1
    decay: "steps",
    milestones: [25, 35], // VP 4.1
    decayFactor: 0.1, // VP 4.1
    beta1: 0.9,
    beta2: 0.98, // not stated; UNITER's released code
    epsilon: 1e-6, // not stated; UNITER's released code
    weightDecay: 0.01, // not stated; UNITER's released code
    clipNorm: 5, // not stated; UNITER's released code
  },
  precision: "fp32",
  execution: "captured",
  checkpoints: usualCheckpoints(1000),
};

/** The ablation's (VP 4.3): Swin-T at 224 px and three layers, k = m p. */
const visualParsingAblation: VisualParsingRecipe = {
  ...visualParsing,
  name: "pretrain/visual-parsing-swin-t",
  model: {
    ...visualParsing.model,
    swin: { ...swinTiny, stochasticDepth: 0 },
    transformer: { ...visualParsing.model.transformer, layers: 3 },
  },
  objectives: { ...visualParsing.objectives, mfrMaskedShare: 0.15 }, // p is not stated; MLM's
};

/** The ablation's last row: a language Transformer before the multi-modal one. */
const visualParsingLanguage: VisualParsingRecipe = {
  ...visualParsingAblation,
  name: "pretrain/visual-parsing-swin-t-language",
  // VP table 5: 20.0 M parameters more. Its layers are not stated; three of BERT's have 21.3 M.
  model: { ...visualParsingAblation.model, languageLayers: 3 },
};

/** The same model at a size that two CPU cores train in minutes, from random weights: 112 px, 49 visual tokens. */
const visualParsingSmall: VisualParsingRecipe = {
  ...visualParsing,
  name: "pretrain/visual-parsing-small",
  model: {
    initialScale: "fan-in",
    swin: {
      imageSize: 112,
      patchSize: 4,
      embedDim: 32,
      depths: [2, 2, 2],
      heads: [2, 4, 8],
      windowSize: 7,
      mlpRatio: 4,
      stochasticDepth: 0,
      recompute: false,
    },
    transformer: smallTransformer,
    languageLayers: 0,
  },
  data: {
    ...visualParsing.data,
    picturesPerBatch: 16,
    maxTextTokens: 24,
    numWorkers: 1,
    prefetchBatches: 3,
  },
  // At 0.01 of random features the regression is won by making all visual tokens alike. Alignment is the paper's alone.
  objectives: { ...visualParsing.objectives, mfrWeight: 0.001, vlaWeight: 0 },
  optimisation: {
    ...visualParsing.optimisation,
    duration: { unit: "steps", length: 2500 },
    // Nothing is pre-trained here, so both parts learn at one rate.
    visualLearningRate: 1e-3,
    transformerLearningRate: 1e-3,
    warmupSteps: 100,
    decay: "linear",
    milestones: [],
    clipNorm: 1,
  },
  checkpoints: usualCheckpoints(250),
};

/** The demo's: pictures of 64 px with one to three shapes, 64 visual tokens of 8 px. */
export const visualParsingDemo: VisualParsingRecipe = {
  ...visualParsingSmall,
  name: "demo",
  model: {
    initialScale: "fan-in",
    swin: {
      imageSize: 64,
      patchSize: 4,
      embedDim: 32,
      depths: [2, 2],
      heads: [2, 4],
      windowSize: 8,
      mlpRatio: 4,
      stochasticDepth: 0,
      recompute: false,
    },
    transformer: visualParsingSmall.model.transformer,
    languageLayers: 0,
  },
  // 15 % of 64 visual tokens, the ablation's k = m p (VP 4.3).
  objectives: { ...visualParsingSmall.objectives, mfrMaskedTokens: 10 },
  optimisation: {
    ...visualParsingSmall.optimisation,
    duration: { unit: "steps", length: 800 },
    warmupSteps: 50,
  },
  checkpoints: usualCheckpoints(200),
};

export const visualParsingRecipes: readonly VisualParsingRecipe[] = [
  visualParsing,
  visualParsingAblation,
  visualParsingLanguage,
  visualParsingSmall,
  visualParsingDemo,
];
