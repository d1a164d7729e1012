import { join } from "node:path";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Scene } from "../../src/core/records.ts";
import { silentProgress } from "../../src/core/progress.ts";
import { bestConstant, clusteredError, randomChoice } from "../../src/eval/task-answers.ts";
import { taskAccuracy, type TaskAccuracy } from "../../src/eval/task-accuracy.ts";
import type { LabelledTask } from "../../src/loader/labelled/labelled-task.ts";
import { WordPieceTokenizer } from "../../src/loader/text/word-piece.ts";
import type { PairModel } from "../../src/models/pair-model.ts";
import { tensor3 } from "../../src/models/ranks.ts";
import type { TaskHead } from "../../src/models/tasks/task-model.ts";
import { ShardSetReader } from "../../src/shards/shard-set-reader.ts";
import { loadTensorFlow } from "../../src/tensor/load.ts";
import { numFeatures } from "../loader/boxed-scenes.ts";
import {
  choiceScenes,
  expressionScenes,
  hypothesisScenes,
  questionScenes,
  statementScenes,
} from "../loader/labelled/labelled-scenes.ts";
import { temporaryFolder, writeSet, writeVocabulary } from "../loader/shard-set-fixture.ts";

const NUM_SCENES = 6;
const MAX_TEXT_TOKENS = 32;

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let tokenizer: WordPieceTokenizer;
beforeAll(async () => {
  await loadTensorFlow();
  folder = await temporaryFolder();
  process.env["CROSSWEAVE_CACHE"] = join(folder.path, "cache");
  tokenizer = await WordPieceTokenizer.fromFile(await writeVocabulary(folder.path));
});
afterAll(() => folder[Symbol.asyncDispose]());

/** One visual token a picture, [1, 1, C], 1 at `classOf` the number of the picture; [CLS] is the sum of a text's pictures. */
function tellingModel(numClasses: number, classOf: (picture: number) => number): PairModel {
  let picture = 0;
  return {
    specs: [],
    buffers: [],
    pictureTensors: () => ({ told: tf.tensor1d([classOf(picture++)], "int32") }),
    embed: (_, { told = tf.zeros([1], "int32") }) => ({
      tokens: tf.reshape(tf.oneHot(told, numClasses, 1, 0, "float32"), [1, 1, numClasses]),
      mask: tf.ones<tf.Rank.R2>([1, 1], "int32"),
    }),
    fuse: (_, { tokenIds, visual }) => ({
      text: tensor3(tf.tile(tf.sum(visual.tokens, 1, true), [1, tokenIds.shape[1], 1])),
      visual: visual.tokens,
    }),
    matchingLogits: () => tf.zeros([1, 2]),
    languageLogits: () => tf.zeros([1, 1]),
  };
}

interface Asked {
  readonly task: LabelledTask;
  readonly head: TaskHead;
  readonly model: PairModel;
  readonly hiddenSize: number;
  readonly weights?: Readonly<Record<string, tf.Tensor>>;
  readonly regions?: { readonly maxRegions: number; readonly numFeatures: number };
}

async function accuracyOn(
  name: string,
  scenes: readonly Scene[],
  asked: Asked,
): Promise<TaskAccuracy> {
  const path = join(folder.path, name);
  await writeSet(path, scenes);
  await using reader = await ShardSetReader.open(path);
  const { head, hiddenSize, model, regions, task, weights = {} } = asked;
  const result = await taskAccuracy({
    model: { model, weights },
    taskModel: { head, hiddenSize, heads: 1, reads: "first" },
    task,
    split: reader.split("train"),
    pictures: regions === undefined ? { kind: "square", size: 16 } : { kind: "none" },
    ...(regions && { regions }),
    tokenizer,
    maxTextTokens: MAX_TEXT_TOKENS,
    progress: silentProgress,
  });
  tf.dispose(Object.values(weights));
  return result;
}

/** What the telling model says is the answer. */
const toldLabels = (numClasses: number): Record<string, tf.Tensor> => ({
  "label_output.weight": tf.eye(numClasses),
  "label_output.bias": tf.zeros([numClasses]),
});

const relations = ["entailment", "neutral", "contradiction"];
const hypotheses = {
  kind: "labels",
  textKind: "hypothesis",
  labels: relations,
  reads: "text",
  pictures: 1,
} as const;

describe("a task's accuracy", () => {
  it("counts an answer of VQA by its target, and says what a constant answer would reach", async () => {
    // Of "yes" 1, 2, 3, 4, 1, 2 people: 0.3, 0.6, 0.9, 1, 0.3, 0.6; the other questions' answer is not in the vocabulary.
    const task = { kind: "answers", answers: ["no", "yes"], scoring: "official", withoutTarget: "keep" } as const; // prettier-ignore
    const result = await accuracyOn("vqa", await questionScenes(NUM_SCENES), {
      task,
      head: { kind: "answers", layers: 1, numAnswers: 2 },
      model: tellingModel(2, (picture) => Number(picture < 3)), // "yes" of the first three
      hiddenSize: 2,
      weights: toldLabels(2),
    });
    expect(result.numQuestions).toBe(12);
    expect(result.numScenes).toBe(NUM_SCENES);
    expect(result.accuracy).toBeCloseTo(1.8 / 12, 6);
    expect(result.otherPicture).toBeCloseTo(1.9 / 12, 6);
    expect(result.textOnly).toBe(0); // of equal logits the first: "no"
    expect(result.pictureOnly).toBeCloseTo(1.8 / 12, 6);
    expect(result.chance).toBeCloseTo(3.7 / 12, 6);
  });

  it.each([relations, relations.toReversed(), ["neutral", "entailment", "contradiction"]])(
    "E-5: is the same whatever the order of labels (%s, %s, %s)",
    async (...labels) => {
      const right = labels.indexOf("neutral");
      const result = await accuracyOn(`order-${labels.join("-")}`, await hypothesisScenes(3), {
        task: { ...hypotheses, labels },
        head: { kind: "answers", layers: 1, numAnswers: 3 },
        model: tellingModel(3, () => right),
        hiddenSize: 3,
        weights: toldLabels(3),
      });
      expect(result.accuracy).toBeCloseTo(1 / 3, 6);
      expect(result.chance).toBeCloseTo(1 / 3, 6);
    },
  );

  it("reads both pictures of a statement together", async () => {
    // Scenes 0 and 3 of four are "True": so is every first picture that the model calls 1.
    const result = await accuracyOn("nlvr2", await statementScenes(4), {
      task: { kind: "labels", textKind: "statement", labels: ["False", "True"], reads: "text", pictures: 2 }, // prettier-ignore
      head: { kind: "picture-pair", head: "pair" },
      model: tellingModel(2, (picture) => Number(picture === 0 || picture === 6)),
      hiddenSize: 2,
      weights: {
        picture_types: tf.zeros([2, 2]),
        "nlvr2_output.weight": tf.tensor2d([[1, 0, 0, 0], [0, 1, 0, 0]]), // prettier-ignore
        "nlvr2_output.bias": tf.zeros([2]),
      },
    });
    expect(result).toMatchObject({ numQuestions: 4, numScenes: 4, accuracy: 1, chance: 0.5 });
  });

  it("asks a question's four choices together", async () => {
    const result = await accuracyOn("vcr", await choiceScenes(NUM_SCENES), {
      task: { kind: "choices", textKind: "question" },
      head: { kind: "choices" },
      model: tellingModel(2, () => 0),
      hiddenSize: 2,
      weights: {
        "vcr_output.0.weight": tf.ones([4, 2]),
        "vcr_output.0.bias": tf.zeros([4]),
        "vcr_output.2.weight": tf.ones([4]),
        "vcr_output.2.bias": tf.zeros([4]),
        "vcr_output.3.weight": tf.ones([2, 4]),
        "vcr_output.3.bias": tf.zeros([2]),
      },
    });
    // All four alike: the first, which is right of scenes 0 and 4.
    expect(result).toMatchObject({ numQuestions: NUM_SCENES, chance: 0.25 });
    expect(result.accuracy).toBeCloseTo(2 / 6, 6);
  });

  it("takes a region for right that lies on the box of the expression", async () => {
    // Three regions a picture, each meant by one expression: whichever is taken is right once in three times.
    const model: PairModel = {
      ...tellingModel(numFeatures, () => 0),
      pictureTensors: ({ regionFeatures, shape }) => ({
        features: tf.tensor3d(regionFeatures.slice(), [1, shape.regionsPerPicture, numFeatures]),
      }),
      embed: (_, { features = tf.zeros([1, 3, numFeatures]) }) => ({
        tokens: tensor3(features),
        mask: tf.ones<tf.Rank.R2>([1, features.shape[1] ?? 0], "int32"),
      }),
    };
    const result = await accuracyOn("expressions", await expressionScenes(NUM_SCENES), {
      task: { kind: "expressions" },
      head: { kind: "regions", head: "one-layer" },
      model,
      hiddenSize: numFeatures,
      weights: {
        "re_output.weight": tf.tensor2d([[0, 1, 0, 0]]),
        "re_output.bias": tf.zeros([1]),
      },
      regions: { maxRegions: 3, numFeatures },
    });
    expect(result).toMatchObject({ numQuestions: 3 * NUM_SCENES, otherPicture: null });
    expect(result.accuracy).toBeCloseTo(1 / 3, 6);
    expect(result.chance).toBeCloseTo(1 / 3, 6);
  });
});

describe("the standard error of an accuracy", () => {
  it("counts scenes and not questions", () => {
    const scenes = [
      { worth: 4, numQuestions: 4 },
      { worth: 0, numQuestions: 4 },
    ];
    expect(clusteredError(scenes)).toBeCloseTo(Math.SQRT2 / 4, 12); // as of two questions
    const single = [1, 1, 1, 1, 0, 0, 0, 0].map((one) => ({ worth: one, numQuestions: 1 }));
    expect(clusteredError(single)).toBeCloseTo(Math.sqrt(0.25 / 8), 12);
    expect(clusteredError([])).toBe(0);
  });
});

describe("what is reached without seeing", () => {
  it("is the best answer that never changes", () => {
    expect(bestConstant([[1, 0], [0, 1], [0, 0.9]])).toBeCloseTo(1.9 / 3, 12); // prettier-ignore
    expect(bestConstant([])).toBe(0);
  });

  it("is what a choice at random is worth", () => {
    expect(randomChoice([[1, 0, 0, 0], [1, 0]])).toBeCloseTo(0.375, 12); // prettier-ignore
  });
});
