import {
  type AnswerVocabulary,
  answerAccuracy,
  answerVocabulary,
  type SoftTarget,
} from "../../core/answers.ts";
import type { SceneText } from "../../core/records.ts";

/** VQA v2: what people answered to a question, as soft targets over a vocabulary. */
interface AnswersTask {
  readonly kind: "answers";
  /** By label. */
  readonly answers: readonly string[];
  /** min(1, 0.3 c) of c people, which is the official accuracy, or min(1, c / 3), which is not. */
  readonly scoring: "official" | "soft3";
  /** What becomes of questions none of whose answers is in the vocabulary: they have no target above 0. */
  readonly withoutTarget: "keep" | "drop";
}

/** NLVR2 and SNLI-VE: one of a few labels for a text. */
interface LabelsTask {
  readonly kind: "labels";
  readonly textKind: "statement" | "hypothesis";
  /** As the publisher spells them; a label's number is its place. */
  readonly labels: readonly string[];
  /** Whether SNLI-VE's premise, which says what the picture shows, is read before the hypothesis. */
  readonly reads: "text" | "context-and-text";
  /** 2 for NLVR2. */
  readonly pictures: 1 | 2;
}

/** VCR: which of four choices is right, of answers to a question or of reasons for the right answer. */
interface ChoicesTask {
  readonly kind: "choices";
  readonly textKind: "question" | "rationale";
}

/** RefCOCO, RefCOCO+, RefCOCOg: which region an expression means. */
interface ExpressionsTask {
  readonly kind: "expressions";
}

/** What a model is fine-tuned to tell of a text and the picture or pictures of its scene. */
export type LabelledTask = AnswersTask | LabelsTask | ChoicesTask | ExpressionsTask;

/** Each text that a task can ask for is a sample of its own, beside its own scene's picture or pictures. */
export interface LabelledPairing {
  readonly kind: "labelled";
  readonly task: LabelledTask;
}

/** What is read of a text, and what is to be told. */
export interface LabelledText {
  /** As many for every text of a task: one, or one for each choice. */
  readonly rows: readonly { readonly first: string; readonly second: string | null }[];
  /** The number of the right label or choice; -1 where there is no such thing. */
  readonly label: number;
  readonly targets: readonly SoftTarget[];
}

/** The label of padding, and of tasks without labels. */
export const NO_LABEL = -1;
/** VCR's. */
const NUM_CHOICES = 4;

/** How many pictures a sample has. */
export function picturesOf(task: LabelledTask): 1 | 2 {
  return task.kind === "labels" ? task.pictures : 1;
}

/** How many rows of tokens a sample has. */
export function rowsOf(task: LabelledTask): number {
  return task.kind === "choices" ? NUM_CHOICES : 1;
}

/** Undefined for a text that the task cannot ask for: of another kind, without a label, or without what is read beside it. */
export function labelledText(text: SceneText, task: LabelledTask): LabelledText | undefined {
  switch (task.kind) {
    case "answers":
      return answeredText(text, task);
    case "labels":
      return text.kind === task.textKind ? textWithLabel(text, task) : undefined;
    case "choices":
      return text.kind === task.textKind ? textWithChoices(text) : undefined;
    case "expressions": {
      const isUsable = text.kind === "expression" && text.box !== null;
      return isUsable ? { rows: [alone(text.text)], label: NO_LABEL, targets: [] } : undefined;
    }
  }
}

const accuracies: Readonly<Record<AnswersTask["scoring"], (count: number) => number>> = {
  official: answerAccuracy,
  soft3: (count) => Math.min(1, count / 3),
};

function answeredText(
  { answers, kind, text }: SceneText,
  task: AnswersTask,
): LabelledText | undefined {
  if (kind !== "question" || answers.length === 0) return undefined;
  const { labels } = vocabularyOf(task);
  const targets = answers.flatMap(({ answer, count }) => {
    const label = labels.get(answer);
    return label === undefined ? [] : [{ label, target: accuracies[task.scoring](count) }];
  });
  if (targets.length === 0 && task.withoutTarget === "drop") return undefined;
  return { rows: [alone(text)], label: NO_LABEL, targets };
}

const vocabularies = new WeakMap<AnswersTask, AnswerVocabulary>();

function vocabularyOf(task: AnswersTask): AnswerVocabulary {
  const known = vocabularies.get(task);
  if (known !== undefined) return known;
  const vocabulary = answerVocabulary(task.answers);
  vocabularies.set(task, vocabulary);
  return vocabulary;
}

function textWithLabel(
  { context, label, text }: SceneText,
  { labels, reads }: LabelsTask,
): LabelledText | undefined {
  const number = label === null ? NO_LABEL : labels.indexOf(label);
  if (number === NO_LABEL) return undefined;
  if (reads === "text") return { rows: [alone(text)], label: number, targets: [] };
  if (context === null) return undefined;
  return { rows: [{ first: context, second: text }], label: number, targets: [] };
}

/** A reason is judged beside the question with its right answer, an answer beside the question. */
function textWithChoices({
  choices,
  context,
  kind,
  label,
  text,
}: SceneText): LabelledText | undefined {
  const first = kind === "rationale" ? context : text;
  if (first === null || label === null || choices.length !== NUM_CHOICES) return undefined;
  return { rows: choices.map((second) => ({ first, second })), label: Number(label), targets: [] };
}

function alone(first: string): LabelledText["rows"][number] {
  return { first, second: null };
}
