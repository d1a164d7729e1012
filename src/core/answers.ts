import type { AnswerCount } from "./records.ts";

/** The answers that a model of VQA chooses from. */
export interface AnswerVocabulary {
  /** By label. One of them may be the empty string. */
  readonly answers: readonly string[];
  readonly labels: ReadonlyMap<string, number>;
}

/** What a model should give for one answer; answers that are not listed have the target 0. */
export interface SoftTarget {
  readonly label: number;
  /** 0.3, 0.6, 0.9 or 1. */
  readonly target: number;
}

/** How often an answer must be the question's own (normalised) to be in the usual vocabulary of 3,129. */
const MIN_ANSWER_COUNT = 9;

/** The vocabulary in which each answer's label is its place; the answers must be distinct. */
export function answerVocabulary(answers: readonly string[]): AnswerVocabulary {
  const labels = new Map(answers.map((answer, label) => [answer, label]));
  if (labels.size !== answers.length) throw new Error("an answer has two labels");
  return { answers, labels };
}

/**
 * The answers seen often enough, the most frequent first and equally frequent ones in the order of
 * their UTF-16 code units: the labels do not depend on the order of the annotations.
 */
export function frequentAnswers(
  counts: ReadonlyMap<string, number>,
  minCount: number = MIN_ANSWER_COUNT,
): AnswerVocabulary {
  const frequent = Array.from(counts).filter(([, count]) => count >= minCount);
  const ordered = frequent.toSorted(
    ([a, countOfA], [b, countOfB]) => countOfB - countOfA || (a < b ? -1 : 1),
  );
  return answerVocabulary(ordered.map(([answer]) => answer));
}

/**
 * The official accuracy of an answer that `count` of ten people gave: the mean, over the ten, of
 * min(1, matches among the other nine / 3). That is min(1, 0.3 count), not min(1, count / 3).
 */
export function answerAccuracy(count: number): number {
  return Math.min(1, (3 * count) / 10);
}

/**
 * What a model is trained to give for a question, by label: the official accuracy of every answer in
 * the vocabulary that anyone gave. Answers are looked up as the annotations spell them, as the published
 * systems do; a question all of whose answers are outside the vocabulary has no target at all.
 */
export function softTargets(
  answers: readonly AnswerCount[],
  vocabulary: AnswerVocabulary,
): SoftTarget[] {
  return answers
    .flatMap(({ answer, count }) => {
      const label = vocabulary.labels.get(answer);
      return label === undefined ? [] : [{ label, target: answerAccuracy(count) }];
    })
    .toSorted((a, b) => a.label - b.label);
}
