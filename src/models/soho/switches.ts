/**
 * Where SOHO's paper (Huang et al., CVPR 2021) and its released code differ in the model and its objectives; the rows are
 * those of REFERENCE 2.2.1. Rows 5 to 7 follow from the dictionary's update, 11 is the loader's, 12 to 16 the optimizer's.
 */
export interface SohoSwitches {
  /** Row 1: 1x1 convolution and then pooling, or pooling and then convolution. */
  readonly gridOrder: "conv-pool" | "pool-conv";
  /** Row 1: what comes after the convolution. */
  readonly gridNorm: "none" | "batch";
  /**
   * Row 2: what the Transformer reads of pictures in pre-training: the dictionary's code, or code and feature mixed by a
   * gate. "features": neither, as both the paper (4.2) and the code do in downstream tasks.
   */
  readonly visualInput: "quantised" | "gated" | "features";
  /** Row 3. */
  readonly dictionaryLaw: "momentum-means" | "moving-sums";
  /** Row 4: whether a step reads its codes before or after they have moved. */
  readonly dictionaryOrder: "read-first" | "update-first";
  /** Whether cells of padding move the dictionary; the paper is silent, the code lets them. */
  readonly dictionaryPadding: "left-out" | "counted";
  /** Row 8: how Masked Visual Modelling chooses the code that it hides. */
  readonly mvmChoice: "existing-index" | "batch-location";
  /** Row 9. */
  readonly mvmLogits: "dot" | "cosine";
  /** Row 10: the pairs that MLM and MVM are computed with. */
  readonly predictedPairs: "matched" | "all";
  /** Row 12: parts of the network that are never trained, counted from the front: 0, or 2 for stem and first stage. */
  readonly frozenParts: number;
  /** Row 14: what weight decay pulls at; the paper is silent. */
  readonly decayed: "kernels" | "all";
}

/**
 * The paper's. It does not say how MVM makes logits: a dot product, as in MLM whose counterpart it is ("a symmetry to the
 * MLM"); the code's cosine cannot come near certainty.
 */
export const sohoPaper: SohoSwitches = {
  gridOrder: "conv-pool",
  gridNorm: "none",
  visualInput: "quantised",
  dictionaryLaw: "momentum-means",
  dictionaryOrder: "read-first",
  dictionaryPadding: "left-out",
  mvmChoice: "existing-index",
  mvmLogits: "dot",
  predictedPairs: "matched",
  frozenParts: 0,
  decayed: "kernels",
};

/** The released code's (researchmm/soho, 2022-09-30). */
export const sohoReleased: SohoSwitches = {
  gridOrder: "pool-conv",
  gridNorm: "batch",
  visualInput: "gated",
  dictionaryLaw: "moving-sums",
  dictionaryOrder: "update-first",
  dictionaryPadding: "counted",
  mvmChoice: "batch-location",
  mvmLogits: "cosine",
  predictedPairs: "all",
  frozenParts: 2,
  decayed: "all",
};
