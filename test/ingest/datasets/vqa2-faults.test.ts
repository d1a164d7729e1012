import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import {
  annotationOf,
  answersOf,
  planVqa,
  questionOf,
  type VqaContent,
  vqaSplits,
  writeVqa,
} from "./vqa2-folder.ts";

const folders: string[] = [];
afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true }))));

const splits = vqaSplits.slice(1, 2);

async function vqaFolder(content: VqaContent): Promise<string> {
  const folder = await writeVqa(content);
  folders.push(folder);
  return folder;
}

/** The rows of the ledger as "place id reason: evidence"; questions and annotations are those of val. */
async function faultsOf(
  questions: readonly unknown[],
  annotations: readonly unknown[],
): Promise<string[]> {
  const content = { questions: { val2014: questions }, annotations: { val2014: annotations } };
  using plan = await planVqa(await vqaFolder(content), { splits });
  const ledger = await Array.fromAsync(plan.ledger());
  const numOut = plan.counts.reduce((sum, { read, written }) => sum + read - written, 0);
  expect(numOut).toBe(ledger.length);
  return ledger.map(({ record, id, reason, evidence }) => `${record} ${id} ${reason}: ${evidence}`);
}

const ids = "expected a whole number from 0 to 2^53 - 1, or its digits";
const files =
  "vqa2/v2_OpenEnded_mscoco_val2014_questions.json, vqa2/v2_mscoco_val2014_annotations.json";
const goodQuestion = questionOf(1000, 1);
const goodAnnotation = annotationOf(1000, 1);

describe("Faulty questions of VQA v2", () => {
  const dangling = `/annotations/1 2000 dangling-question-id: no question 2000 that can be used is in ${files}`;

  it.each([
    ["an empty question", { question: "" }, "CAP_EMPTY: /question: it has no visible character"],
    ["no question", { question: undefined }, "ANN_SHAPE: /question is missing; expected a text"],
    ["a list for a question", { question: [] }, "ANN_SHAPE: /question is []; expected a text"],
    [
      "a lone surrogate",
      { question: "Is \uDC00?" },
      "CAP_NOT_UNICODE: /question: it has a lone surrogate",
    ],
    ["no image", { image_id: undefined }, `ANN_SHAPE: /image_id is missing; ${ids}`],
    ["a negative image", { image_id: -5 }, `ANN_SHAPE: /image_id is -5; ${ids}`],
    ["half an image", { image_id: 1.5 }, `ANN_SHAPE: /image_id is 1.5; ${ids}`],
  ])("with %s take their annotation with them", async (_, fields, expected) => {
    const questions = [goodQuestion, questionOf(2000, 2, { ...fields })];
    expect(await faultsOf(questions, [goodAnnotation, annotationOf(2000, 2)])).toEqual([
      `/questions/1 2000 ${expected}`,
      dangling,
    ]);
  });

  it.each([
    ["no id", undefined, "missing"],
    [
      "an id beyond 2^53",
      2 ** 53,
      "about 9007199254740992 (past 2^53 a number has lost its last digits)",
    ],
    ["an id in words", "two", '"two"'],
    ["an id that is null", null, "null"],
  ])("with %s", async (_, id, shown) => {
    expect(await faultsOf([goodQuestion, questionOf(id, 2)], [goodAnnotation])).toEqual([
      `/questions/1  ANN_SHAPE: /question_id is ${shown}; ${ids}`,
    ]);
  });

  it("that are no objects", async () => {
    expect(await faultsOf([5, goodQuestion, null], [goodAnnotation])).toEqual([
      "/questions/0  ANN_SHAPE: is no object",
      "/questions/2  ANN_SHAPE: is no object",
    ]);
  });

  it("that stand twice, equal and not", async () => {
    const twice = [
      goodQuestion,
      goodQuestion,
      questionOf(1000, 1, { question: "Who?" }),
      questionOf(1000, 7),
    ];
    const first = "vqa2/v2_OpenEnded_mscoco_val2014_questions.json#/questions/0";
    expect(await faultsOf(twice, [goodAnnotation])).toEqual([
      `/questions/1 1000 duplicate-of: ${first}`,
      `/questions/2 1000 ANN_CONFLICT: ${first} has the same id and other content`,
      `/questions/3 1000 ANN_CONFLICT: ${first} has the same id and other content`,
    ]);
  });

  it("without an annotation", async () => {
    expect(await faultsOf([goodQuestion, questionOf(2000, 1)], [goodAnnotation])).toEqual([
      `/questions/1 2000 no-annotation: no annotation names it in ${files}`,
    ]);
  });
});

describe("Faulty annotations of VQA v2", () => {
  const lacking = `/questions/1 2000 no-annotation: no annotation names it in ${files}`;
  const answers = answersOf();
  const withAnswer = (answer: object): object => ({ answers: [...answers.slice(1), answer] });

  it.each([
    ["no answers", { answers: undefined }, "ANN_SHAPE: /answers is missing; expected a list"],
    [
      "nine answers",
      { answers: answers.slice(1) },
      "ANN_SHAPE: /answers has 9 answers; expected 10",
    ],
    [
      "eleven answers",
      { answers: [...answers, { answer: "yes", answer_id: 11 }] },
      "ANN_SHAPE: /answers has 11 answers; expected 10",
    ],
    [
      "an answer that is a number",
      withAnswer({ answer: 4, answer_id: 1 }),
      "ANN_SHAPE: /answers/9/answer is 4; expected a text",
    ],
    [
      "an answer that is no object",
      withAnswer([]),
      "ANN_SHAPE: /answers/9 is []; expected an object",
    ],
    [
      "an answer without an id",
      withAnswer({ answer: "yes" }),
      `ANN_SHAPE: /answers/9/answer_id is missing; ${ids}`,
    ],
    [
      "two answers with one id",
      withAnswer({ answer: "yes", answer_id: 5 }),
      "ANN_CONFLICT: /answers/9/answer_id is 5, which /answers/3 has too",
    ],
    [
      "an answer with a lone surrogate",
      withAnswer({ answer: "a \uD800", answer_id: 1 }),
      "CAP_NOT_UNICODE: /answers/9/answer: it has a lone surrogate",
    ],
    [
      "a label that is null",
      { multiple_choice_answer: null },
      "ANN_SHAPE: /multiple_choice_answer is null; expected a text",
    ],
    ["a broken image", { image_id: "two" }, `ANN_SHAPE: /image_id is "two"; ${ids}`],
  ])("with %s leave their question without one", async (_, fields, expected) => {
    const annotations = [goodAnnotation, annotationOf(2000, 2, { ...fields })];
    const found = await faultsOf([goodQuestion, questionOf(2000, 2)], annotations);
    expect(found).toEqual([lacking, `/annotations/1 2000 ${expected}`]);
  });

  it("of a question that is not asked, or without its id", async () => {
    const annotations = [goodAnnotation, annotationOf(3000, 3), annotationOf(undefined, 1)];
    expect(await faultsOf([goodQuestion], annotations)).toEqual([
      `/annotations/1 3000 dangling-question-id: no question 3000 that can be used is in ${files}`,
      `/annotations/2  ANN_SHAPE: /question_id is missing; ${ids}`,
    ]);
  });

  it("that name another image than the question", async () => {
    const annotations = [goodAnnotation, annotationOf(2000, 1)];
    const found = await faultsOf([goodQuestion, questionOf(2000, 2)], annotations);
    expect(found).toEqual([
      lacking,
      "/annotations/1 2000 ANN_CONFLICT: its question 2000 is of another picture, or another record joins it",
    ]);
  });

  it("that stand twice, equal and not", async () => {
    const other = annotationOf(1000, 1, { answers: answersOf(9) });
    const first = "vqa2/v2_mscoco_val2014_annotations.json#/annotations/0";
    expect(await faultsOf([goodQuestion], [goodAnnotation, goodAnnotation, other])).toEqual([
      `/annotations/1 1000 duplicate-of: ${first}`,
      `/annotations/2 1000 ANN_CONFLICT: ${first} has the same id and other content`,
    ]);
  });

  it("take the empty string for an answer, and for the label", async () => {
    const empty = answersOf().map((answer) => ({ ...answer, answer: "" }));
    const annotation = annotationOf(1000, 1, { answers: empty, multiple_choice_answer: "" });
    expect(await faultsOf([goodQuestion], [annotation])).toEqual([]);
  });

  it("may leave out what the question says, or what OK-VQA never has", async () => {
    const bare = annotationOf(1000, 1, { image_id: undefined, multiple_choice_answer: undefined });
    expect(await faultsOf([goodQuestion], [bare])).toEqual([]);
  });
});

describe("Broken files of VQA v2", () => {
  const content = {
    questions: { val2014: [goodQuestion, questionOf(2000, 2)] },
    annotations: { val2014: [goodAnnotation, annotationOf(2000, 2)] },
  };

  it("with a bare NaN lose that annotation and its question", async () => {
    const folder = await vqaFolder(content);
    const path = join(folder, "vqa2/v2_mscoco_val2014_annotations.json");
    const text = await readFile(path, "utf8");
    await writeFile(path, text.replace('"image_id":2', '"image_id":NaN'));
    using plan = await planVqa(folder, { splits });
    const ledger = await Array.fromAsync(plan.ledger());
    expect(ledger.map(({ record, reason }) => `${record} ${reason}`)).toEqual([
      "/questions/1 no-annotation",
      "/annotations/1 ANN_SYNTAX",
    ]);
  });

  it("that are cut off or have no list are refused with the place", async () => {
    const folder = await vqaFolder(content);
    const path = join(folder, "vqa2/v2_mscoco_val2014_annotations.json");
    const text = await readFile(path, "utf8");
    await writeFile(path, text.slice(0, -40));
    await expect(planVqa(folder, { splits })).rejects.toThrow(
      /v2_mscoco_val2014_annotations\.json: the document ends early.* at byte \d+ \(line 1, column/,
    );
    await writeFile(path, "{}");
    await expect(planVqa(folder, { splits })).rejects.toThrow('it has no list "annotations"');
  });

  it("stop a strict preparation at the first faulty record", async () => {
    const questions = { val2014: [goodQuestion, questionOf(2000, 2, { question: "" })] };
    const folder = await vqaFolder({ ...content, questions });
    await expect(planVqa(folder, { splits, strict: true })).rejects.toThrow(
      "vqa2/v2_OpenEnded_mscoco_val2014_questions.json /questions/1: CAP_EMPTY",
    );
  });
});
