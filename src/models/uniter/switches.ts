import type { MatchingKind } from "../heads/matching.ts";
import type { ReferringKind } from "../heads/choices.ts";
import type { PicturePairKind } from "../heads/picture-pairs.ts";
import type { ClassificationHead, RegressionHead } from "../heads/regions.ts";

/**
 * Where UNITER's paper (Chen et al., ECCV 2020) and its released code differ in model and objectives, one switch each.
 * A run records all of them. What one of the two leaves open is as in the other, and said here.
 */
export interface UniterSwitches {
  /** Whether features and boxes are normalised each before they are added; the paper normalises their sum only. */
  readonly innerNorms: boolean;
  /** Whether a learned vector takes the place of a masked region's features; in the paper zeros do. */
  readonly learnedMaskVector: boolean;
  /** Whether matching reads tanh(W h) of [CLS], the pooler, or the state of [CLS] itself (paper, section 3.2). */
  readonly matchingInput: "pooled" | "cls";
  readonly matchingHead: MatchingKind;
  readonly regressionHead: RegressionHead;
  /** A masked region's squared error: summed over its features (paper), or their mean. */
  readonly regressionScale: "squared-norm" | "mean-square";
  readonly classificationHead: ClassificationHead;
  /** KL divergence of a region (paper), or divided by the number of classes. */
  readonly divergenceScale: "region" | "element";
  /** Whether [CLS] and [SEP] take part in word-region alignment; in the paper w are "the input words". */
  readonly alignedSpecials: boolean;
  /** What the alignment of unmatched pairs does. The paper does not say; moving the wrong words nearer is not its aim. */
  readonly unmatchedAlignment: "negated" | "ignored" | "counted";
  /** What makes a pair unmatched: another picture, or another of either side (paper, section 3.2). */
  readonly replacedSide: "picture" | "either";
  /** Whether norms decay whose names are not "LayerNorm": the inner ones and the heads'. A slip of names in the code. */
  readonly decayedNorms: boolean;
  /** How SNLI-VE is trained: cross-entropy (paper, A.2), or soft targets as VQA. */
  readonly entailmentLoss: "cross-entropy" | "soft-targets";
  /** When a retrieval model looks for hard negatives: every few thousand steps (paper, A.2), or in each step. */
  readonly hardNegatives: "offline" | "online";
  /** Whether a referring expression's loss is the mean or the sum of a batch; the paper does not say. */
  readonly referringScale: "mean" | "sum";
  /** "An MLP layer" (paper, A.2); the code has two layers for RefCOCO+ only. */
  readonly referringHead: ReferringKind;
  /** The paper compares three; both report the last. */
  readonly picturePairs: PicturePairKind;
}

/** The paper's; where it is silent, the released code's. */
export const uniterPaper: UniterSwitches = {
  innerNorms: false,
  learnedMaskVector: false,
  matchingInput: "cls",
  matchingHead: "sigmoid",
  regressionHead: "linear",
  regressionScale: "squared-norm",
  classificationHead: "linear",
  divergenceScale: "region",
  alignedSpecials: false,
  unmatchedAlignment: "ignored",
  replacedSide: "either",
  decayedNorms: false,
  entailmentLoss: "cross-entropy",
  hardNegatives: "offline",
  referringScale: "mean",
  referringHead: "two-layer",
  picturePairs: "pair-biattn",
};

/** ChenRocks/UNITER's, snapshot of 2021-06-30. */
export const uniterReleased: UniterSwitches = {
  innerNorms: true,
  learnedMaskVector: true,
  matchingInput: "pooled",
  matchingHead: "softmax",
  regressionHead: "tied",
  regressionScale: "mean-square",
  classificationHead: "transform",
  divergenceScale: "element",
  alignedSpecials: true,
  unmatchedAlignment: "negated",
  replacedSide: "picture",
  decayedNorms: true,
  entailmentLoss: "soft-targets",
  hardNegatives: "online",
  referringScale: "sum",
  referringHead: "one-layer",
  picturePairs: "pair-biattn",
};

export type UniterPreset = "paper" | "released";

export const uniterPresets: Readonly<Record<UniterPreset, UniterSwitches>> = {
  paper: uniterPaper,
  released: uniterReleased,
};
