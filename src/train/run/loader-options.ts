import type { ExcludedName, LoaderOptions, LoaderSet } from "../../loader/options.ts";
import type { Cluster } from "../../tensor/cluster/cluster.ts";
import type { TrainingRecipe } from "../recipe.ts";
import type { SystemBatches } from "../systems/system.ts";

export interface LoaderCall {
  readonly recipe: TrainingRecipe;
  readonly batches: SystemBatches;
  readonly sets: readonly LoaderSet[];
  readonly excluded?: readonly ExcludedName[] | undefined;
  readonly vocabulary: { readonly path: string };
  readonly cluster: Pick<Cluster, "rank" | "size">;
}

/** The loader of a recipe's batches; of each a rank gets its share. */
export function loaderOptions(call: LoaderCall): LoaderOptions {
  const { batches, cluster, excluded = [], recipe, sets, vocabulary } = call;
  const { numWorkers, prefetchBatches } = recipe.data;
  return {
    ...batches,
    sets,
    excluded,
    vocabulary: vocabulary.path,
    seed: recipe.seed,
    onDamage: "stop",
    rank: cluster.rank,
    worldSize: cluster.size,
    numWorkers,
    prefetchBatches,
  };
}
