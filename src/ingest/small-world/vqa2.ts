import type { RandomStream } from "../../core/random.ts";
import { cocoIdOf } from "./coco.ts";
import { questionsOf, type Question } from "./questions.ts";
import {
  sideOf,
  streamOf,
  type PlantedLeak,
  type WorldDocument,
  type WorldPart,
  type WorldPicture,
} from "./world.ts";

/** The pictures that VQA v2 asks about, all COCO's. */
export interface Vqa2Pictures {
  /** All of COCO's: questions are asked of val, test and test2015. */
  readonly pictures: readonly WorldPicture[];
  readonly train: readonly WorldPicture[];
  /** Some of Karpathy's restval, which COCO trains on and VQA v2 evaluates on. */
  readonly restval: readonly WorldPicture[];
  /** Training pictures with the bytes of an evaluation picture: the same is asked of both. */
  readonly pairs: readonly PlantedLeak[];
}

interface Asked {
  readonly question: Question;
  readonly picture: WorldPicture;
  readonly questionId: number;
}

const MAX_QUESTIONS = 4;

/** VQA v2: questions and annotations of train2014 and val2014, questions alone of test2015. */
export function planVqa2(seed: number, sources: Vqa2Pictures): WorldPart {
  const { pictures, restval, pairs } = sources;
  const twins = new Map(pairs.map((pair) => [pair.eval.key, pair.train.key]));
  const ask = (list: readonly WorldPicture[]): Asked[] =>
    list.flatMap((picture) => {
      // The two pictures of a pair draw from one stream, so that they are asked the same.
      const key = twins.get(picture.key) ?? picture.key;
      return askAbout(picture, streamOf(seed, "vqa2", Number(key.slice("coco:".length))));
    });
  const pairedTrain = pictures.filter(({ key }) => pairs.some(({ train }) => train.key === key));
  const ofSplits = (...splits: string[]): WorldPicture[] =>
    pictures.filter(({ split }) => splits.includes(split));
  const train = ask([...pairedTrain, ...sources.train]);
  const val = ask([...restval, ...ofSplits("val", "test")]);
  const test = ask(ofSplits("test2015"));
  const third = test.filter(({ picture }) => cocoIdOf(picture) % 3 === 0);
  const testDev = third.length > 0 ? third : test.slice(0, 1); // no official file is empty
  const sets = [
    { subset: "train2014", asked: train },
    { subset: "val2014", asked: val },
    { subset: "test2015", asked: test },
    { subset: "test-dev2015", asked: testDev },
  ];
  return {
    pictures: [],
    documents: [
      ...sets.map(({ subset, asked }) => questionFile(subset, asked)),
      annotationFile(seed, "train2014", train),
      annotationFile(seed, "val2014", val),
    ],
    leaks: [...restval.map(sameKeyLeak), ...pairs.flatMap((pair) => textLeaks(pair, train, val))],
    texts: [train, val, test].flat().flatMap(textsOf),
    numTexts: { train: train.length, val: val.length, test: test.length },
  };
}

function askAbout(picture: WorldPicture, random: RandomStream): Asked[] {
  const count = 2 + random.nextInt(MAX_QUESTIONS - 1);
  return questionsOf(picture.view, random, count).map((question, index) => {
    const questionId = cocoIdOf(picture) * 1000 + index;
    return { picture, question, questionId };
  });
}

function textsOf({ question }: Asked): string[] {
  return [question.text, question.answer].concat(question.nearMisses);
}

// Karpathy's restval is trained on, and VQA v2 evaluates on all of val2014.
function sameKeyLeak(picture: WorldPicture): PlantedLeak {
  return {
    kind: "same-key",
    train: sideOf(picture),
    eval: sideOf(picture, { dataset: "vqa2", split: "val" }),
    chain: [picture.key],
  };
}

function textLeaks(
  pair: PlantedLeak,
  train: readonly Asked[],
  val: readonly Asked[],
): PlantedLeak[] {
  const ofEval = val.filter(({ picture }) => picture.key === pair.eval.key);
  const ofTrain = train.filter(({ picture }) => picture.key === pair.train.key);
  return ofTrain.map(({ questionId }, index) => ({
    kind: "text-with-label",
    train: { ...pair.train, dataset: "vqa2", textId: String(questionId) },
    eval: {
      ...pair.eval,
      dataset: "vqa2",
      split: "val",
      textId: String(ofEval[index]?.questionId),
    },
    chain: pair.chain,
  }));
}

const license = {
  url: "http://creativecommons.org/licenses/by/4.0/",
  name: "Creative Commons Attribution 4.0 International License",
};

function headOf(subset: string): object {
  return {
    info: {
      description: "This is v2.0 of the VQA dataset.",
      url: "http://visualqa.org",
      version: "2.0",
      year: 2017,
      contributor: "VQA Team",
      date_created: subset === "train2014" ? "2017-04-26 17:07:13" : "2017-04-26 17:00:44",
    },
    license,
    data_subtype: subset,
    data_type: "mscoco",
  };
}

function questionFile(subset: string, asked: readonly Asked[]): WorldDocument {
  const questions = asked.map(({ picture, question, questionId }) => ({
    image_id: cocoIdOf(picture),
    question: question.text,
    question_id: questionId,
  }));
  return {
    path: `vqa2/v2_OpenEnded_mscoco_${subset}_questions.json`,
    text: JSON.stringify({ ...headOf(subset), task_type: "Open-Ended", questions }),
  };
}

function annotationFile(seed: number, subset: string, asked: readonly Asked[]): WorldDocument {
  const annotations = asked.map(({ picture, question, questionId }) => ({
    question_type: questionTypeOf(question.text),
    multiple_choice_answer: question.answer,
    answers: tenAnswers(question, streamOf(seed, "vqa2", questionId, 1)),
    image_id: cocoIdOf(picture),
    answer_type: question.answerType,
    question_id: questionId,
  }));
  return {
    path: `vqa2/v2_mscoco_${subset}_annotations.json`,
    text: JSON.stringify({ ...headOf(subset), annotations }),
  };
}

// Ten people answer; at least six are right, so the most frequent answer always is.
function tenAnswers(question: Question, random: RandomStream): object[] {
  const given = Array.from({ length: 10 }, (_, index) => {
    const isRight = index < 6 || random.nextBoolean(0.7);
    return isRight ? question.answer : random.pick(question.nearMisses);
  });
  return random.shuffled(given).map((answer, index) => ({
    answer,
    answer_confidence: random.pick(
      answer === question.answer ? ["yes", "yes", "yes", "maybe"] : ["maybe", "no"],
    ),
    answer_id: index + 1,
  }));
}

// Those of the 65 official question types that our questions begin with.
const questionTypes = [
  "what color is the",
  "what color are the",
  "what is on the",
  "what is in the",
  "what is",
  "what",
  "how many",
  "is there a",
  "is there",
  "is the",
  "are there any",
  "where is the",
];

function questionTypeOf(question: string): string {
  const words = `${question.toLowerCase().replace("?", "")} `;
  return questionTypes.find((type) => words.startsWith(`${type} `)) ?? "none of the above";
}
