import { normalisedAnswer } from "../../core/answer-spelling.ts";
import { type AnswerVocabulary, frequentAnswers } from "../../core/answers.ts";
import type { SplitReader } from "../../shards/shard-set-reader.ts";

/**
 * The answers that a model of VQA chooses from, by the splits it is trained on: the normalised answers that are a question's own
 * (its label) often enough, 9 times when `minCount` is left out. Of VQA v2's train and val these are the usual 3,129.
 */
export async function answersOfSplits(
  splits: readonly Pick<SplitReader, "heads">[],
  options: { readonly minCount?: number; readonly signal?: AbortSignal } = {},
): Promise<AnswerVocabulary> {
  const counts = new Map<string, number>();
  for (const split of splits) {
    for await (const { texts } of split.heads(options.signal)) {
      const labels = texts.flatMap(({ kind, label }) => (kind === "question" ? (label ?? []) : []));
      for (const label of labels) count(counts, normalisedAnswer(label));
    }
  }
  return frequentAnswers(counts, options.minCount);
}

function count(counts: Map<string, number>, answer: string): void {
  counts.set(answer, (counts.get(answer) ?? 0) + 1);
}
