import { ConfigError } from "../../core/errors.ts";
import type { Progress } from "../../core/progress.ts";
import { taskAccuracy, type TaskAccuracy } from "../../eval/task-accuracy.ts";
import { ShardSetReader } from "../../shards/shard-set-reader.ts";
import { type HeadedTask, labelledTaskOf, taskName } from "../../train/finetuning/task.ts";
import { taskModelOf } from "../../train/finetuning/task-system.ts";
import type { TrainingRecipe } from "../../train/recipe.ts";
import { loadRunModel } from "../../train/run/load-model.ts";
import { defaultSplit } from "../runs/retrieval.ts";
import { styled } from "../terminal/text-style.ts";
import { textTable } from "../text-table.ts";

export interface TaskAccuracyCall {
  /** "vqa", "nlvr2", …: what the run must have been fine-tuned for. */
  readonly kind: HeadedTask["kind"];
  /** The run's folder. */
  readonly run: string;
  /** The folder of a shard set. */
  readonly data: string;
  /** Undefined: `test` where there is one, else the set's only split. */
  readonly split: string | undefined;
}

/** How right a fine-tuned run is about a split, with what names both sides. */
export interface RunTaskAccuracy extends TaskAccuracy {
  /** With what is read: "snli-ve (with premise)". */
  readonly task: string;
  readonly recipe: string;
  readonly run: string;
  readonly step: number;
  readonly set: { readonly name: string; readonly digest: string };
  readonly split: { readonly name: string; readonly role: string };
}

/** The tasks that are answered by a head of their own. */
export const headedKinds: readonly HeadedTask["kind"][] = [
  "vqa",
  "nlvr2",
  "snli-ve",
  "vcr",
  "refcoco",
];

/** Asks a run's newest checkpoint the questions of a split. ConfigError for a run of another task, and without an answer. */
export async function evaluateTask(
  { data, kind, run, split: splitName }: TaskAccuracyCall,
  context: { readonly progress: Progress; readonly signal: AbortSignal },
): Promise<RunTaskAccuracy> {
  const { batches, record, step, tokenizer, ...model } = await loadRunModel(run);
  const task = requireTask(record.recipe, kind);
  await using reader = await ShardSetReader.open(data);
  const split = reader.split(splitName ?? defaultSplit(reader));
  const { pictures, regions } = batches;
  const result = await taskAccuracy({
    ...context,
    pictures,
    ...(regions && { regions }),
    model,
    taskModel: taskModelOf(record.recipe, task),
    task: labelledTaskOf(task),
    split,
    tokenizer,
    maxTextTokens: record.recipe.data.maxTextTokens,
  });
  if (result.numQuestions === 0) {
    throw new ConfigError(
      `split ${split.name} of ${reader.index.name} answers no question of ${kind}`,
      {
        remedy: "name a set and a split of this task whose answers are public",
      },
    );
  }
  return {
    ...result,
    task: taskName(task),
    recipe: record.recipe.name,
    run: record.digest,
    step,
    set: { name: reader.index.name, digest: reader.index.digest },
    split: { name: split.name, role: split.role },
  };
}

function requireTask({ name, task }: TrainingRecipe, kind: HeadedTask["kind"]): HeadedTask {
  if (task !== undefined && task.kind !== "retrieval" && task.kind === kind) return task;
  throw new ConfigError(`the run is one of ${name}, which was not fine-tuned for ${kind}`, {
    remedy: `fine-tune it first: crossweave train demo-${kind} --from RUN --data SET --out OTHER`,
  });
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** What `eval vqa` and the others print. */
export function taskAccuracyText(result: RunTaskAccuracy): string {
  const { numQuestions, numScenes, numUnanswered, set, split, step, task } = result;
  const controls: readonly [string, number | null][] = [
    ["text and picture", result.accuracy],
    ["text beside another scene's picture", result.otherPicture],
    ["text alone", result.textOnly],
    ["picture alone", result.pictureOnly],
    ["chance", result.chance],
  ];
  const rows = controls.flatMap(([name, share]): [string, string][] =>
    share === null ? [] : [[name, percent(share)]],
  );
  return [
    styled(
      "bold",
      `${task} on ${set.name}, split ${split.name} (${split.role}), after step ${step}`,
    ),
    textTable(rows),
    `standard error of the first, as scenes vary: ${percent(result.standardError)}`,
    `${numQuestions} questions about ${numScenes} scenes; ${numUnanswered} without a public answer`,
  ].join("\n");
}
