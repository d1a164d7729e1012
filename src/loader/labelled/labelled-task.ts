import {
  type AnswerVocabulary,
  answerAccuracy,
  answerVocabulary,
  type SoftTarget,
} from "../../core/answers.ts";
import type { SceneText, TextKind } from "../../core/records.ts";

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

/** A row of tokens: one text, or two, one behind the other. */
export interface LabelledRow {
  readonly first: string;
  readonly second: string | null;
}

/** What is read of a text, and what is to be told. */
export interface LabelledText {
  /** As many for every text of a task: one, or one for each choice. */
  readonly rows: readonly LabelledRow[];
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

/** Undefined for a text that the task cannot be trained on: of another kind, without a label, or without what is read beside it. */
export function labelledText(text: SceneText, task: LabelledTask): LabelledText | undefined {
  const rows = askedRows(text, task);
  const label = labelOf(text, task);
  const targets = targetsOf(text, task);
  if (rows === undefined || !isTold(text, { task, label, targets })) return undefined;
  return { rows, label, targets };
}

/** What is read of a text, whether or not the right answer is known; undefined for a text that the task does not ask for. */
export function askedRows(
  { box, choices, context, kind, text }: SceneText,
  task: LabelledTask,
): readonly LabelledRow[] | undefined {
  const { kind: asked } = task;
  if (kind !== textKindOf(task)) return undefined;
  if (asked === "choices") {
    // A reason is judged beside the question with its right answer, an answer beside the question.
    const first = kind === "rationale" ? context : text;
    const hasAll = first !== null && choices.length === NUM_CHOICES;
    return hasAll ? choices.map((second) => ({ first, second })) : undefined;
  }
  if (asked === "labels" && task.reads === "context-and-text") {
    return context === null ? undefined : [{ first: context, second: text }];
  }
  if (asked === "expressions" && box === null) return undefined;
  return [{ first: text, second: null }];
}

function textKindOf(task: LabelledTask): TextKind {
  if (task.kind === "answers") return "question";
  return task.kind === "expressions" ? "expression" : task.textKind;
}

function labelOf({ label }: SceneText, task: LabelledTask): number {
  if (label === null) return NO_LABEL;
  if (task.kind === "choices") return Number(label);
  return task.kind === "labels" ? task.labels.indexOf(label) : NO_LABEL;
}

const accuracies: Readonly<Record<AnswersTask["scoring"], (count: number) => number>> = {
  official: answerAccuracy,
  soft3: (count) => Math.min(1, count / 3),
};

function targetsOf({ answers }: SceneText, task: LabelledTask): readonly SoftTarget[] {
  if (task.kind !== "answers") return [];
  const { labels } = vocabularyOf(task);
  return answers.flatMap(({ answer, count }) => {
    const label = labels.get(answer);
    return label === undefined ? [] : [{ label, target: accuracies[task.scoring](count) }];
  });
}

function isTold(
  { answers }: SceneText,
  { label, targets, task }: Omit<LabelledText, "rows"> & { readonly task: LabelledTask },
): boolean {
  switch (task.kind) {
    case "answers":
      return answers.length > 0 && (targets.length > 0 || task.withoutTarget === "keep");
    case "labels":
    case "choices":
      return label !== NO_LABEL;
    case "expressions":
      return true;
  }
}

const vocabularies = new WeakMap<AnswersTask, AnswerVocabulary>();

function vocabularyOf(task: AnswersTask): AnswerVocabulary {
  const known = vocabularies.get(task);
  if (known !== undefined) return known;
  const vocabulary = answerVocabulary(task.answers);
  vocabularies.set(task, vocabulary);
  return vocabulary;
}

/** Of a text, right or not known: its label and targets for an evaluation; -1 and none where they are not known. */
export function knownTruth(text: SceneText, task: LabelledTask): Omit<LabelledText, "rows"> {
  return { label: labelOf(text, task), targets: targetsOf(text, task) };
}
