import { ConfigError } from "../../core/errors.ts";
import type { Progress } from "../../core/progress.ts";
import { evaluateMaskedWords, type MaskedWordResult } from "../../eval/masked-words.ts";
import { wordQuestions } from "../../eval/word-questions.ts";
import { ShardSetReader } from "../../shards/shard-set-reader.ts";
import { loadRunModel } from "../../train/run/load-model.ts";
import { styled } from "../terminal/text-style.ts";
import { textTable } from "../text-table.ts";
import { defaultSplit } from "./retrieval.ts";

export interface MaskedWordCall {
  /** The run's folder. */
  readonly run: string;
  /** The folder of a shard set. */
  readonly data: string;
  /** Undefined: `test` where there is one, else the set's only split. */
  readonly split: string | undefined;
  readonly words: readonly string[];
  /** The questions about a split; each appearance of one of the words when left out. */
  readonly questionsOf?: typeof wordQuestions;
}

/** How a run tells masked words of one split, with what names both sides. */
export interface RunMaskedWords extends MaskedWordResult {
  readonly recipe: string;
  readonly run: string;
  readonly step: number;
  readonly set: { readonly name: string; readonly digest: string };
  readonly split: { readonly name: string; readonly role: string };
  readonly words: readonly string[];
}

/** Asks a run's newest checkpoint for masked words of a split. ConfigError without words. */
export async function askRun(
  { data, questionsOf = wordQuestions, run, split: splitName, words }: MaskedWordCall,
  context: { readonly progress: Progress; readonly signal: AbortSignal },
): Promise<RunMaskedWords> {
  if (words.length === 0) {
    throw new ConfigError("there are no words to ask for", {
      remedy: "name words that a picture decides: --words red green blue",
    });
  }
  const { batches, record, step, ...loaded } = await loadRunModel(run);
  await using reader = await ShardSetReader.open(data);
  const split = reader.split(splitName ?? defaultSplit(reader));
  const { maxTextTokens } = record.recipe.data;
  const { tokenizer } = loaded;
  const { signal } = context;
  const questions = await questionsOf(split, { tokenizer, maxTextTokens, words, signal });
  const { pictures, regions } = batches;
  const shown = { pictures, ...(regions && { regions }) };
  const result = await evaluateMaskedWords({
    ...context,
    ...shown,
    model: loaded,
    split,
    questions,
  });
  return {
    ...result,
    recipe: record.recipe.name,
    run: record.digest,
    step,
    set: { name: reader.index.name, digest: reader.index.digest },
    split: { name: split.name, role: split.role },
    words,
  };
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** What `eval masked-words` prints. */
export function maskedWordText(asked: RunMaskedWords): string {
  const { accuracy, chance, numQuestions, set, shuffledAccuracy, split, step, words } = asked;
  const rows = [
    ["beside its own picture", percent(accuracy)],
    ["beside another scene's picture", percent(shuffledAccuracy)],
    ["the most frequent word, always", percent(chance)],
  ];
  return [
    `${styled("bold", "masked words")} of ${asked.recipe}, step ${step}, on ${set.name}/${split.name} (${split.role})`,
    `${numQuestions.toLocaleString("en-US")} times one of ${words.join(", ")} was masked; told right:`,
    "",
    textTable(rows),
  ].join("\n");
}
