import type { UniterConfig } from "../../models/uniter/config.ts";
import type { LossScale } from "../objectives/loss-audit.ts";
import type { UniterObjectives } from "../recipes/uniter-recipe.ts";

/**
 * How UNITER's losses of a recipe stand to section 3.2 of the paper. Sums over a pair's masked words or regions are
 * means over all of a batch in both presets, so factors are told for one word, one region and one pair.
 */
export function uniterLossScales(
  { regionClasses, regionFeatures, switches }: UniterConfig,
  { wraWeight }: Pick<UniterObjectives, "wraWeight">,
): LossScale[] {
  const isRegression = switches.regressionScale === "squared-norm";
  const isDivergence = switches.divergenceScale === "region";
  const unmatched = {
    negated: "distance of matched minus unmatched",
    ignored: "distance of matched",
    counted: "distance of all",
  }[switches.unmatchedAlignment];
  return [
    {
      loss: "itm",
      factor: 1,
      computed: "cross-entropy of a pair",
      published: "cross-entropy of a pair (eq. 2)",
    },
    {
      loss: "wra",
      factor: wraWeight,
      computed: `${unmatched}, by the number of pairs`,
      published: "distance of a pair (eq. 3), no weight said",
    },
    {
      loss: "mlm",
      factor: 1,
      computed: "-log p of a masked word",
      published: "-log p of a masked word (eq. 1)",
    },
    {
      loss: "mrfr",
      factor: isRegression ? 1 : 1 / regionFeatures,
      computed: isRegression ? "squared norm" : `mean of ${regionFeatures} squares`,
      published: "squared norm of a region",
    },
    {
      loss: "mrc",
      factor: 1,
      computed: "cross-entropy of a region",
      published: "cross-entropy of a region",
    },
    {
      loss: "mrcKl",
      factor: isDivergence ? 1 : 1 / regionClasses,
      computed: isDivergence ? "KL of a region" : `mean of KL over ${regionClasses} classes`,
      published: "KL of a region",
    },
  ];
}
