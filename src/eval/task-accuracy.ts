import * as tf from "@tensorflow/tfjs-core";
import type { Progress } from "../core/progress.ts";
import {
  evaluationPictures,
  type EvaluationPicture,
  type PictureOptions,
  type TextOptions,
} from "../loader/evaluation.ts";
import {
  type EvaluationQuestion,
  evaluationQuestions,
} from "../loader/labelled/evaluation-questions.ts";
import { type LabelledTask, picturesOf, rowsOf } from "../loader/labelled/labelled-task.ts";
import type { SceneReader } from "../loader/sample-source.ts";
import type { VisualTokens } from "../models/pair-model.ts";
import { matrix, tensor3 } from "../models/ranks.ts";
import type { TaskModel, TaskView } from "../models/tasks/task-model.ts";
import { loadTensorFlow } from "../tensor/load.ts";
import { type LoadedModel, ModelOnDevice } from "./model-on-device.ts";
import {
  bestConstant,
  classGrades,
  clusteredError,
  type Grades,
  isAnswered,
  randomChoice,
  regionGrades,
  type SceneSum,
} from "./task-answers.ts";
import { TaskReader } from "./task-reader.ts";

// p pictures of a scene, m visual tokens, D hidden size

export interface TaskAccuracyOptions extends PictureOptions, TextOptions {
  readonly model: LoadedModel;
  readonly taskModel: TaskModel;
  readonly task: LabelledTask;
  readonly split: SceneReader;
  readonly progress: Progress;
}

/** Means over questions; one of VQA counts as much as its answer's target, the others 1 or 0. */
export interface TaskAccuracy {
  /** Those with a known answer. */
  readonly numQuestions: number;
  /** Scenes that they are about: questions of one scene are not independent. */
  readonly numScenes: number;
  /** Questions that the split gives no answer to. */
  readonly numUnanswered: number;
  readonly accuracy: number;
  /** Of the accuracy, as the scenes vary. */
  readonly standardError: number;
  /** Without its picture: every visual token is zero. */
  readonly textOnly: number;
  /** Beside another scene's picture; null where the answer is a region of the picture. */
  readonly otherPicture: number | null;
  /** Without its text: [CLS] alone. */
  readonly pictureOnly: number;
  /** The best constant answer; of choices and regions, one of them at random. */
  readonly chance: number;
}

/** A question beside its scene's pictures, with what each answer is worth. */
interface Graded {
  readonly question: EvaluationQuestion;
  readonly grades: Grades;
}

/**
 * How often a fine-tuned model is right about a split, and how often where it does not see one side: a model that gains
 * nothing by seeing both has learned how often answers occur and not the task.
 */
export async function taskAccuracy(options: TaskAccuracyOptions): Promise<TaskAccuracy> {
  await loadTensorFlow();
  const { progress, split, task } = options;
  const questions = await Array.fromAsync(evaluationQuestions(split, options));
  const known = questions.filter((question) => isAnswered(question, task));
  const ofScene = Map.groupBy(known, ({ sceneIndex }) => sceneIndex);
  const shift = Math.max(1, Math.floor(split.numScenes / 2));
  const tally = { text: 0, picture: 0, beside: 0 };
  const asked: Grades[] = [];
  const sums: SceneSum[] = [];
  using device = new ModelOnDevice(options.model);
  using reader = new TaskReader(device, options.taskModel);
  for await (const pictures of scenesOf(evaluationPictures(split, options), picturesOf(task))) {
    const sceneIndex = pictures[0]?.sceneIndex ?? 0;
    const grade = (of: number): Promise<Graded[]> =>
      gradedQuestions(ofScene.get(of) ?? [], pictures, options);
    const own = await grade(sceneIndex);
    asked.push(...own.map(({ grades }) => grades));
    const visual = embedScene(device, pictures);
    const worthIn = (view: TaskView): number =>
      worth(own, reader.answers(visual, own.map(questionOf), view));
    sums.push({ worth: worthIn("both"), numQuestions: own.length });
    tally.text += worthIn("text");
    tally.picture += worthIn("picture");
    if (task.kind !== "expressions") {
      const others = await grade((sceneIndex + shift) % split.numScenes);
      tally.beside += worth(others, reader.answers(visual, others.map(questionOf), "both"));
    }
    tf.dispose([visual.tokens, visual.mask]);
    const [done, total] = [asked.length, known.length];
    progress.report({ activity: "answering questions", done, total, unit: "questions" });
  }
  const mean = (sum: number): number => sum / Math.max(1, known.length);
  return {
    numQuestions: known.length,
    numScenes: ofScene.size,
    numUnanswered: questions.length - known.length,
    accuracy: mean(sums.reduce((sum, scene) => sum + scene.worth, 0)),
    standardError: clusteredError(sums),
    textOnly: mean(tally.text),
    otherPicture: task.kind === "expressions" ? null : mean(tally.beside),
    pictureOnly: mean(tally.picture),
    chance: task.kind === "answers" || task.kind === "labels" ? bestConstant(asked) : randomChoice(asked), // prettier-ignore
  };
}

function questionOf({ question }: Graded): EvaluationQuestion {
  return question;
}

/** What the answers are worth together. */
function worth(questions: readonly Graded[], answers: readonly number[]): number {
  return questions.reduce((sum, { grades }, place) => sum + (grades[answers[place] ?? -1] ?? 0), 0);
}

async function gradedQuestions(
  questions: readonly EvaluationQuestion[],
  [picture]: readonly EvaluationPicture[],
  { split, task, taskModel }: TaskAccuracyOptions,
): Promise<Graded[]> {
  return await Promise.all(
    questions.map(async (question) => ({
      question,
      grades:
        task.kind === "expressions" && picture !== undefined
          ? await regionGrades(question, picture, split)
          : classGrades(question, task, numClassesOf(task, taskModel)),
    })),
  );
}

function numClassesOf(task: LabelledTask, { head }: TaskModel): number {
  if (head.kind === "answers") return head.numAnswers;
  return task.kind === "labels" ? task.labels.length : rowsOf(task);
}

/** The pictures of each scene, those of one together. */
async function* scenesOf(
  pictures: AsyncIterable<EvaluationPicture>,
  picturesOfScene: number,
): AsyncGenerator<readonly EvaluationPicture[]> {
  let scene: EvaluationPicture[] = [];
  for await (const picture of pictures) {
    scene.push(picture);
    if (scene.length < picturesOfScene) continue;
    yield scene;
    scene = [];
  }
}

/** A scene's embedded visual tokens, [p, m, D], pads behind those of a smaller picture; the caller's to dispose. */
function embedScene(device: ModelOnDevice, pictures: readonly EvaluationPicture[]): VisualTokens {
  const embedded = pictures.map((picture) => device.embed(picture));
  const longest = Math.max(...embedded.map(({ tokens }) => tokens.shape[1]));
  const joined = tf.tidy(() => ({
    tokens: tensor3(tf.concat(embedded.map(({ tokens }) => lengthened(tokens, longest)))),
    mask: matrix(tf.concat(embedded.map(({ mask }) => lengthened(mask, longest)))),
  }));
  for (const { mask, tokens } of embedded) tf.dispose([tokens, mask]);
  return joined;
}

function lengthened(x: tf.Tensor, length: number): tf.Tensor {
  const [pictures = 0, tokens = 0, ...rest] = x.shape;
  if (tokens === length) return x;
  return tf.concat([x, tf.zeros([pictures, length - tokens, ...rest], x.dtype)], 1);
}
