import { z } from "zod";
import type { LabelledTask } from "../../loader/labelled/labelled-task.ts";
import type { TaskHead, TaskView } from "../../models/tasks/task-model.ts";
import { taskViews } from "../../models/tasks/task-model.ts";

/** What of a sample is shown, in training and in evaluation: one side alone makes a blind control. */
interface SeenTask {
  readonly sees: TaskView;
}

/** VQA v2. */
export interface AnswerTask extends SeenTask {
  readonly kind: "vqa";
  /** By label; empty in a recipe: those of the sets' training questions, which the run's record then names. */
  readonly answers: readonly string[];
  /** How often an answer must be a question's own to be among them. */
  readonly minAnswerCount: number;
  /** min(1, 0.3 c) of c people, or min(1, c / 3). */
  readonly scoring: "official" | "soft3";
  /** Questions none of whose answers is in the vocabulary. */
  readonly withoutTarget: "keep" | "drop";
}

/** SNLI-VE, by the picture alone or with the premise as a text before the hypothesis: two tasks under one name. */
export interface EntailmentTask extends SeenTask {
  readonly kind: "snli-ve";
  /** A label's number is its place. */
  readonly labels: readonly string[];
  readonly layers: 1 | 2;
  readonly loss: "cross-entropy" | "soft-targets";
  readonly premise: "unread" | "read";
}

/** NLVR2. */
export interface ReasoningTask extends SeenTask {
  readonly kind: "nlvr2";
  readonly labels: readonly string[];
  readonly head: "pair" | "triplet" | "pair-biattn";
}

/** VCR: Q to A, or QA to R. */
export interface ChoiceTask extends SeenTask {
  readonly kind: "vcr";
  readonly asks: "answer" | "rationale";
}

/** RefCOCO, RefCOCO+, RefCOCOg. */
export interface ReferringTask extends SeenTask {
  readonly kind: "refcoco";
  readonly head: "one-layer" | "two-layer";
  readonly scale: "mean" | "sum";
}

/** A picture with a text that is true of it and others that are not. */
export interface RetrievalTask {
  readonly kind: "retrieval";
  /** What scores a pair: pre-training's matching head (Visual Parsing, SOHO), or a head of one output that starts as it (UNITER). */
  readonly head: "matching" | "rank";
  /** t, of a picture; the first one is its own. */
  readonly texts: number;
  /** Matched or not, of each pair; which of the t is the picture's own; or a margin between it and each other. */
  readonly loss: "binary" | "cross-entropy" | "triplet";
}

/** What a model is fine-tuned for. */
export type FineTuningTask =
  | AnswerTask
  | ChoiceTask
  | EntailmentTask
  | ReasoningTask
  | ReferringTask
  | RetrievalTask;

const seen = { sees: z.enum(taskViews) };
const labels = z.array(z.string()).min(2);

export const taskSchema: z.ZodType<FineTuningTask> = z.discriminatedUnion("kind", [
  z.strictObject({
    ...seen,
    kind: z.literal("vqa"),
    answers: z.array(z.string()),
    minAnswerCount: z.int().positive(),
    scoring: z.enum(["official", "soft3"]),
    withoutTarget: z.enum(["keep", "drop"]),
  }),
  z.strictObject({
    ...seen,
    kind: z.literal("snli-ve"),
    labels,
    layers: z.union([z.literal(1), z.literal(2)]),
    loss: z.enum(["cross-entropy", "soft-targets"]),
    premise: z.enum(["unread", "read"]),
  }),
  z.strictObject({
    ...seen,
    kind: z.literal("nlvr2"),
    labels,
    head: z.enum(["pair", "triplet", "pair-biattn"]),
  }),
  z.strictObject({ ...seen, kind: z.literal("vcr"), asks: z.enum(["answer", "rationale"]) }),
  z.strictObject({
    ...seen,
    kind: z.literal("refcoco"),
    head: z.enum(["one-layer", "two-layer"]),
    scale: z.enum(["mean", "sum"]),
  }),
  z.strictObject({
    kind: z.literal("retrieval"),
    head: z.enum(["matching", "rank"]),
    texts: z.int().min(2),
    loss: z.enum(["binary", "cross-entropy", "triplet"]),
  }),
]);

/** The tasks with a head of their own: all but retrieval. */
export type HeadedTask = Exclude<FineTuningTask, RetrievalTask>;

/** What the loader is asked for. */
export function labelledTaskOf(task: HeadedTask): LabelledTask {
  switch (task.kind) {
    case "vqa": {
      const { answers, scoring, withoutTarget } = task;
      return { kind: "answers", answers, scoring, withoutTarget };
    }
    case "snli-ve":
      return {
        kind: "labels",
        textKind: "hypothesis",
        labels: task.labels,
        reads: task.premise === "read" ? "context-and-text" : "text",
        pictures: 1,
      };
    case "nlvr2":
      return {
        kind: "labels",
        textKind: "statement",
        labels: task.labels,
        reads: "text",
        pictures: 2,
      };
    case "vcr":
      return { kind: "choices", textKind: task.asks === "answer" ? "question" : "rationale" };
    case "refcoco":
      return { kind: "expressions" };
  }
}

/** What the model is given. */
export function taskHeadOf(task: HeadedTask): TaskHead {
  switch (task.kind) {
    case "vqa":
      return { kind: "answers", layers: 2, numAnswers: task.answers.length };
    case "snli-ve":
      return { kind: "answers", layers: task.layers, numAnswers: task.labels.length };
    case "nlvr2":
      return { kind: "picture-pair", head: task.head };
    case "vcr":
      return { kind: "choices" };
    case "refcoco":
      return { kind: "regions", head: task.head };
  }
}

/** A task's name in results: what is read is part of it. */
export function taskName(task: FineTuningTask): string {
  const kinds = [
    ...(task.kind === "snli-ve" ? [task.premise === "read" ? "with premise" : "image only"] : []),
    ...(task.kind === "nlvr2" ? [task.head] : []),
    ...(task.kind === "vcr" ? [task.asks === "answer" ? "Q to A" : "QA to R"] : []),
    ...(task.kind === "retrieval" || task.sees === "both" ? [] : [`${task.sees} alone`]),
  ];
  return kinds.length === 0 ? task.kind : `${task.kind} (${kinds.join(", ")})`;
}
