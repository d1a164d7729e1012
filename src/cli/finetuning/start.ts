import { readFile } from "node:fs/promises";
import { sha256 } from "../../core/digest.ts";
import { ConfigError } from "../../core/errors.ts";
import { answersOfSplits } from "../../loader/labelled/split-answers.ts";
import { ShardSetReader } from "../../shards/shard-set-reader.ts";
import { runSource } from "../../train/finetuning/run-source.ts";
import type { TrainingRecipe } from "../../train/recipe.ts";
import type { InitialSource } from "../../train/run/initial-weights.ts";

/** A recipe with what only its run and its sets can say. */
export interface FineTuningStart {
  readonly recipe: TrainingRecipe;
  /** The weights of the run that it starts from. */
  readonly sources: readonly InitialSource[];
}

export interface FineTuningCall {
  readonly recipe: TrainingRecipe;
  /** Folders or URLs of shard sets. */
  readonly folders: readonly string[];
  /** The folder of a run; weights of published files, or fresh ones, without. */
  readonly from?: string | undefined;
}

/**
 * Where a run starts: the vocabulary and the weights of `from`, and the answers of its sets where the recipe's task is VQA
 * and names none. ConfigError for a run of another system or vocabulary, and where no answer is frequent enough.
 */
export async function fineTuningStart(
  call: FineTuningCall,
  context: { readonly signal: AbortSignal },
): Promise<FineTuningStart> {
  const { from } = call;
  const recipe = await withAnswers(call, context);
  if (from === undefined) return { recipe, sources: [] };
  const { initial, record, vocabulary } = await runSource(from);
  if (record.recipe.system !== recipe.system) {
    throw new ConfigError(
      `${from} is a run of ${record.recipe.system}, ${recipe.name} trains ${recipe.system}`,
      { remedy: `name a run of ${recipe.system} with --from` },
    );
  }
  const own = recipe.data.vocabulary;
  if (own !== "" && sha256(await readFile(own, "utf8")) !== record.vocabularySha256) {
    throw new ConfigError(`${own} is not the vocabulary of ${from}`, {
      remedy: "leave data.vocabulary out: the run's is then taken",
    });
  }
  return { recipe: withVocabulary(recipe, own === "" ? vocabulary : own), sources: initial };
}

function withVocabulary<Recipe extends TrainingRecipe>(recipe: Recipe, vocabulary: string): Recipe {
  return { ...recipe, data: { ...recipe.data, vocabulary } };
}

/** The label map of VQA belongs to the run, and so to its recipe. */
async function withAnswers(
  { folders, recipe }: FineTuningCall,
  { signal }: { readonly signal: AbortSignal },
): Promise<TrainingRecipe> {
  const { task } = recipe;
  if (task?.kind !== "vqa" || task.answers.length > 0) return recipe;
  await using readers = new AsyncDisposableStack();
  const splits = [];
  for (const folder of folders) {
    const reader = readers.use(await ShardSetReader.open(folder));
    const training = reader.index.splits.filter(({ role }) => role === "train");
    splits.push(...training.map(({ name }) => reader.split(name)));
  }
  const { answers } = await answersOfSplits(splits, { minCount: task.minAnswerCount, signal });
  if (answers.length > 0) return { ...recipe, task: { ...task, answers } };
  throw new ConfigError(
    `no answer of ${folders.join(", ")} is a question's own ${task.minAnswerCount} times`,
    { remedy: "prepare a set of VQA v2, or lower task.minAnswerCount" },
  );
}
