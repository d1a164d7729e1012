import { NUMBERS_OF_A_BOX } from "../loader/batch-shape.ts";
import type { EvaluationPicture } from "../loader/evaluation.ts";
import type { EvaluationQuestion } from "../loader/labelled/evaluation-questions.ts";
import { type LabelledTask, NO_LABEL } from "../loader/labelled/labelled-task.ts";
import { boxInView, overlapOf, wholePicture } from "../loader/pictures/view-geometry.ts";
import type { SceneReader } from "../loader/sample-source.ts";

/** A region is right whose intersection over union with the box is at least this (REFERENCE, 3.4: `plain`). */
const RIGHT_OVERLAP = 0.5;

/** What each class, choice or region would count for a question, 0 to 1. */
export type Grades = readonly number[];

/** Whether the split says what is right. */
export function isAnswered({ label, text }: EvaluationQuestion, task: LabelledTask): boolean {
  if (task.kind === "answers") return text.answers.length > 0;
  return task.kind === "expressions" || label !== NO_LABEL;
}

/** Grades of a question whose answer is a class or a choice, `numClasses` of them. */
export function classGrades(
  { label, targets }: EvaluationQuestion,
  task: LabelledTask,
  numClasses: number,
): Grades {
  const grades = Array.from({ length: numClasses }, (_, choice) => Number(choice === label));
  if (task.kind !== "answers") return grades;
  grades.fill(0);
  for (const { label: answer, target } of targets) grades[answer] = target;
  return grades;
}

/** Grades of an expression: 1 for each region that lies well enough on what it means. */
export async function regionGrades(
  { text }: EvaluationQuestion,
  picture: EvaluationPicture,
  split: Pick<SceneReader, "head">,
): Promise<Grades> {
  const [info] = (await split.head(picture.sceneIndex)).pictures;
  const shown = { width: picture.validWidths[0] ?? 0, height: picture.validHeights[0] ?? 0 };
  const box =
    text.box === null || info === undefined
      ? undefined
      : boxInView(text.box, info, { view: wholePicture, shown })?.box;
  return Array.from({ length: picture.numRegions[0] ?? 0 }, (_, region) => {
    const start = region * NUMBERS_OF_A_BOX;
    const [x = 0, y = 0, width = 0, height = 0] = picture.regionBoxes.subarray(start, start + 4);
    const isRight = box !== undefined && overlapOf({ x, y, width, height }, box) >= RIGHT_OVERLAP;
    return Number(isRight);
  });
}

/** What the best answer would be worth that is the same for every question. */
export function bestConstant(graded: readonly Grades[]): number {
  const sums: number[] = [];
  for (const grades of graded) {
    for (const [choice, grade] of grades.entries()) sums[choice] = (sums[choice] ?? 0) + grade;
  }
  return Math.max(0, ...sums) / Math.max(1, graded.length);
}

/** What an answer drawn at random for each question would be worth on average. */
export function randomChoice(graded: readonly Grades[]): number {
  const means = graded.map(
    (grades) => grades.reduce((sum, grade) => sum + grade, 0) / Math.max(1, grades.length),
  );
  return means.reduce((sum, mean) => sum + mean, 0) / Math.max(1, graded.length);
}

/** What the questions of one scene are worth together, and how many they are. */
export interface SceneSum {
  readonly worth: number;
  readonly numQuestions: number;
}

/**
 * The standard error of a mean over questions whose scenes are drawn independently, but not the questions of one scene
 * (the ratio estimator of cluster sampling; Cochran 1977, section 2.11): the root of sum (r_s - m n_s)^2, over all questions.
 */
export function clusteredError(scenes: readonly SceneSum[]): number {
  const total = scenes.reduce((sum, { numQuestions }) => sum + numQuestions, 0);
  if (total === 0) return 0;
  const mean = scenes.reduce((sum, { worth }) => sum + worth, 0) / total;
  const squares = scenes.map(({ numQuestions, worth }) => (worth - mean * numQuestions) ** 2);
  return Math.sqrt(squares.reduce((sum, square) => sum + square, 0)) / total;
}
