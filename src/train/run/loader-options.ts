import type { ExcludedName, LoaderOptions, LoaderSet } from "../../loader/options.ts";
import type { Cluster } from "../../tensor/cluster/cluster.ts";
import type { TrainingRecipe } from "../recipe.ts";

export interface LoaderCall {
  readonly recipe: TrainingRecipe;
  readonly sets: readonly LoaderSet[];
  readonly excluded?: readonly ExcludedName[] | undefined;
  readonly vocabulary: { readonly path: string };
  readonly cluster: Pick<Cluster, "rank" | "size">;
}

/** The loader of a recipe's batches; of each a rank gets its share. */
export function loaderOptions(call: LoaderCall): LoaderOptions {
  const { cluster, excluded = [], recipe, sets, vocabulary } = call;
  const { data, model } = recipe;
  const { minimumCropArea } = data;
  return {
    sets,
    excluded,
    vocabulary: vocabulary.path,
    seed: recipe.seed,
    batching: { kind: "pictures", picturesPerBatch: data.picturesPerBatch },
    grouping: "none",
    pairing: {
      kind: "matched-unmatched",
      matched: data.matchedTexts,
      unmatched: data.unmatchedTexts,
    },
    text: { maxTokens: data.maxTextTokens, longer: "cut" },
    pictures: { kind: "square", size: model.swin.imageSize },
    augment: {
      crop: minimumCropArea === 1 ? "none" : { scale: [minimumCropArea, 1], ratio: [3 / 4, 4 / 3] },
      flip: "never",
      randAugment: null,
    },
    onDamage: "stop",
    mlmProbability: data.mlmProbability,
    rank: cluster.rank,
    worldSize: cluster.size,
    numWorkers: data.numWorkers,
    prefetchBatches: data.prefetchBatches,
  };
}
