import type { LoaderSet } from "../../loader/options.ts";
import { defaultCache } from "../../shards/remote/cache-plan.ts";
import { readIndex } from "../../shards/shard-set-index.ts";
import type { TrainingRecipe } from "../../train/recipe.ts";
import { overrideRecipe } from "../../train/recipe-parser.ts";
import { recipeNamed } from "../../train/recipes/recipe-named.ts";
import { countTrainingScenes, readVocabulary, trainingSplits } from "./training.ts";

export interface MeasuringRequest<Flags> {
  readonly recipeName: string;
  readonly flags: Flags;
  /** The recipe's unless given. */
  readonly seed: number | undefined;
}

interface SetFlags {
  readonly data: readonly string[];
  readonly set?: readonly string[];
  readonly cache?: string;
  readonly cacheGigabytes?: number;
}

/** What a command measures that keeps nothing: a recipe and its training splits, which are not audited. */
export interface MeasuredRecipe {
  readonly recipe: TrainingRecipe;
  readonly sets: readonly LoaderSet[];
  readonly vocabulary: { readonly path: string; readonly size: number };
}

export async function measuredRecipe({
  flags,
  recipeName,
  seed,
}: MeasuringRequest<SetFlags>): Promise<MeasuredRecipe> {
  const named = recipeNamed(recipeName);
  const recipe = overrideRecipe({ ...named, seed: seed ?? named.seed }, flags.set ?? []);
  const usual = defaultCache();
  const { cache: folder = usual.folder, cacheGigabytes: gigabytes } = flags;
  const maxBytes = gigabytes === undefined ? usual.maxBytes : gigabytes * 1e9;
  const call = { recipe, folders: flags.data, cache: { folder, maxBytes } };
  const vocabulary = await readVocabulary(recipe.data.vocabulary);
  const indexes = await Promise.all(flags.data.map((set) => readIndex(set)));
  countTrainingScenes(indexes, call);
  return { recipe, sets: trainingSplits(call, indexes), vocabulary };
}
