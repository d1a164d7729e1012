// The switches of Masked Feature Regression (Visual Parsing). No tensors: recipes are read without TensorFlow.

/**
 * What chooses the visual tokens that Masked Feature Regression hides (Visual Parsing, section 4.3, table 5): the
 * last attention (MFR), the features' cosine (MFR_CNN), chance (MFR_Rand), or none are hidden.
 */
export const maskChoosers = ["attention", "cosine", "random", "none"] as const;
export type MaskChooser = (typeof maskChoosers)[number];

/**
 * Which numbers are ranked and how many tokens that makes; the paper is silent, "similar to A^l in Equation 3".
 * "with-identity": 0.5 (I + W), whose first is always the pivot: k in total. "bare": W, k in total, among which the
 * pivot may be missing. "pivot-and-bare": the pivot and the k highest others of W: k + 1.
 */
export const maskRankings = ["with-identity", "bare", "pivot-and-bare"] as const;
export type MaskRanking = (typeof maskRankings)[number];

export interface MaskSize {
  readonly chooser: MaskChooser;
  /** m, of a picture. */
  readonly visualTokens: number;
  /** k of eq. 9: 7 in the paper. */
  readonly maskedTokens: number;
  /** p, for k = round(m p) as in the paper's ablation; null: `maskedTokens` counts. */
  readonly maskedShare: number | null;
  readonly ranking: MaskRanking;
}

/** How many visual tokens of each pair are hidden. */
export function maskedTokenCount(size: MaskSize): number {
  const { chooser, maskedShare, maskedTokens, ranking, visualTokens } = size;
  if (chooser === "none") return 0;
  const k = maskedShare === null ? maskedTokens : Math.round(visualTokens * maskedShare);
  // Chance knows no ranking, but hides as many tokens as the rankings that it is compared with.
  return ranking === "pivot-and-bare" ? k + 1 : k;
}

/**
 * "sum": over the masked tokens, eq. 9. "mean": over them and over their channels, k c times less, whatever the
 * model's size.
 */
export const featureReductions = ["sum", "mean"] as const;
export type FeatureReduction = (typeof featureReductions)[number];
