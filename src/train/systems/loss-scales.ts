import type { LossScale } from "../objectives/loss-audit.ts";
import type { SohoRecipe } from "../recipes/soho-recipe.ts";
import type { VisualParsingRecipe } from "../recipes/visual-parsing-recipe.ts";

/** A loss of a system: how it stands to the paper's, and its weight in the total. */
export interface WeightedScale extends LossScale {
  readonly weight: number;
}

const wordsAndPairs = (words: number, pairs: number): WeightedScale[] => [
  {
    loss: "mlm",
    weight: words,
    factor: 1,
    computed: "-log p of a masked word",
    published: "-log p of a masked word",
  },
  {
    loss: "itm",
    weight: pairs,
    factor: 1,
    computed: "cross-entropy of a pair",
    published: "cross-entropy of a pair",
  },
];

/** Visual Parsing's losses (eq. 7 to 10). */
export function visualParsingScales(
  { objectives }: VisualParsingRecipe,
  { channels, maskedTokens }: { readonly channels: number; readonly maskedTokens: number },
): WeightedScale[] {
  const { itmWeight, mfrReduction, mfrWeight, mlmWeight, vlaWeight } = objectives;
  const isSum = mfrReduction === "sum";
  return [
    ...wordsAndPairs(mlmWeight, itmWeight),
    {
      loss: "mfr",
      weight: mfrWeight,
      factor: isSum ? 1 : 1 / (maskedTokens * channels),
      computed: isSum ? "squared norms of a pair's tokens" : "mean of their squares",
      published: "squared norms of a pair's k tokens (eq. 9)",
    },
    ...(vlaWeight === 0
      ? []
      : [
          {
            loss: "vla",
            weight: itmWeight * vlaWeight,
            factor: 1,
            computed: "transport distance of a pair",
            published: "0.1 times it, within the matching loss",
          },
        ]),
  ];
}

/** SOHO's losses (eq. 5 to 8). */
export function sohoScales({ objectives, switches }: SohoRecipe): WeightedScale[] {
  const { itmWeight, mlmWeight, mvmWeight } = objectives;
  return [
    ...wordsAndPairs(mlmWeight, itmWeight),
    {
      loss: "mvm",
      weight: mvmWeight,
      factor: 1,
      computed: `-log p of a masked code, logits by ${switches.mvmLogits} product`,
      published: "-log p of a masked code (eq. 7)",
    },
  ];
}
