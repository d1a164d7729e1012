import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SourceError } from "../../../src/core/errors.ts";
import { softTargets } from "../../../src/core/answers.ts";
import {
  buildAnswerVocabulary,
  readAnswerVocabulary,
} from "../../../src/ingest/answers/answer-vocabulary.ts";
import { realData } from "../../real-data.ts";
import { writeFileBelow } from "../coco-folder.ts";
import { layOutRealVqa2 } from "../datasets/vqa2-folder.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "crossweave-answers-"));
  await layOutRealVqa2(folder);
});
afterAll(() => rm(folder, { recursive: true }));

const toLabels = realData("vqa2/trainval_ans2label.json");
const toAnswers = realData("vqa2/trainval_label2ans.json");

async function fileOf(name: string, content: unknown): Promise<string> {
  const text = typeof content === "string" ? content : JSON.stringify(content);
  await writeFileBelow(folder, name, text);
  return join(folder, name);
}

describe("The published vocabulary", () => {
  it("has 3,129 answers, the empty one with label 0, and its two files are inverse", async () => {
    const vocabulary = await readAnswerVocabulary(toLabels, toAnswers);
    expect(vocabulary.answers.length).toBe(3129);
    expect(vocabulary.answers[0]).toBe("");
    expect(vocabulary.labels.get("net")).toBe(vocabulary.answers.indexOf("net"));
    expect(await readAnswerVocabulary(toAnswers)).toEqual(vocabulary);
  });

  it("may be an object with labels for keys, in any order", async () => {
    const vocabulary = await readAnswerVocabulary(toAnswers);
    const entries = vocabulary.answers.map((answer, label) => [`${label}`, answer] as const);
    const path = await fileOf("object.json", Object.fromEntries(entries.toReversed()));
    expect(await readAnswerVocabulary(path, toLabels)).toEqual(vocabulary);
  });

  it("gives the answers to a real question their targets", async () => {
    const vocabulary = await readAnswerVocabulary(toLabels);
    const answers = ["net", "netting", "mesh", "pitcher", "orange"].map((answer) => {
      return { answer, count: answer === "net" ? 6 : 1 };
    });
    const targets = softTargets(answers, vocabulary).map(({ label, target }) => [
      vocabulary.answers[label],
      target,
    ]);
    expect(Object.fromEntries(targets)).toEqual({ net: 1, pitcher: 0.3, orange: 0.3 });
  });
});

describe("A vocabulary that is wrong", () => {
  const wrong: readonly (readonly [string, unknown, string])[] = [
    ["lacks a label", { yes: 0, no: 2 }, ": has no answer with the label 1"],
    [
      "gives two answers one label",
      { yes: 0, no: 1, net: 1 },
      " /net: has the label 1 again, which /no has",
    ],
    ["has an answer twice", ["yes", "no", "yes"], ' /2: has the answer "yes" again, which /0 has'],
    ["has a number for an answer", ["yes", 4], " /1: /1 is 4; expected an answer, or its label"],
    ["has words for labels", { yes: "no" }, " /yes: gives no whole number from 0 on for a label"],
    ["has half a label", { yes: 0.5 }, " /yes: gives no whole number from 0 on for a label"],
    ["has a label beyond all reason", { yes: 1e9 }, " /yes: gives no whole number"],
    ["is empty", [], ": has no answer"],
    ["is a number", 5, ": is neither a list nor an object"],
    ["is cut off", '["yes", "n', ": is not JSON"],
  ];

  it.each(wrong)("because it %s is refused with its place", async (_, content, message) => {
    const path = await fileOf("wrong.json", content);
    const refused = readAnswerVocabulary(path);
    await expect(refused).rejects.toThrow(SourceError);
    await expect(refused).rejects.toThrow(`${path}${message}`);
  });

  it("because it is not there is refused", async () => {
    const path = join(folder, "nowhere.json");
    await expect(readAnswerVocabulary(path)).rejects.toThrow(`${path}: cannot be read (ENOENT)`);
  });

  it("because its files are of two releases is refused with the labels that differ", async () => {
    const answers: unknown[] = JSON.parse(await readFile(toAnswers, "utf8"));
    const [zeroth, first, second, ...others] = answers;
    const swapped = await fileOf("swapped.json", [zeroth, second, first, ...others]);
    const refused = readAnswerVocabulary(toLabels, swapped);
    await expect(refused).rejects.toThrow(
      `disagree about 2 of 3129 labels:\n  label 1: "woods" in ${toLabels}, "trash can" in ${swapped}\n  label 2:`,
    );
    const shorter = await fileOf("shorter.json", answers.slice(0, 3100));
    await expect(readAnswerVocabulary(toLabels, shorter)).rejects.toThrow(
      /disagree about 29 of 3129 labels:(?:.|\n)*label 3100: "[^"]+" in .*, none in (?:.|\n)*and 24 more$/,
    );
  });
});

describe("A vocabulary of one's own", () => {
  const val = "vqa2/v2_mscoco_val2014_annotations.json";

  it("has the normalised answers seen often enough, most frequent first", async () => {
    const built = await buildAnswerVocabulary({ sourceFolder: folder, paths: [val], minCount: 2 });
    const { annotations } = JSON.parse(await readFile(join(folder, val), "utf8"));
    const given: string[] = annotations.map(
      (one: { multiple_choice_answer: string }) => one.multiple_choice_answer,
    );
    const numOf = (answer: string): number => given.filter((one) => one === answer).length;
    expect(built.answers.slice(0, 2)).toEqual(
      ["no", "yes"].toSorted((a, b) => numOf(b) - numOf(a)),
    );
    for (const answer of built.answers) expect(numOf(answer)).toBeGreaterThanOrEqual(2);
    const frequent = new Set(given.filter((answer) => numOf(answer) >= 2));
    expect(new Set(built.answers)).toEqual(frequent);
  });

  it('spells "none" as "0", as the published one does', async () => {
    const built = await buildAnswerVocabulary({ sourceFolder: folder, paths: [val], minCount: 1 });
    const published = await readAnswerVocabulary(toLabels);
    expect(built.labels.has("none")).toBe(false);
    expect(published.labels.has("none")).toBe(false);
    expect(built.labels.has("0") && published.labels.has("0")).toBe(true);
  });

  it("counts all files together", async () => {
    const options = { sourceFolder: folder, minCount: 2 };
    const once = await buildAnswerVocabulary({ ...options, paths: [val] });
    const twice = await buildAnswerVocabulary({ ...options, paths: [val, val], minCount: 4 });
    expect(twice).toEqual(once);
  });

  it("needs the file, and the answer of every annotation", async () => {
    const train = "vqa2/v2_mscoco_train2014_annotations.json";
    const missing = buildAnswerVocabulary({ sourceFolder: folder, paths: ["vqa2/none.json"] });
    await expect(missing).rejects.toThrow("vqa2/none.json: missing");
    const unanswered = buildAnswerVocabulary({ sourceFolder: folder, paths: [train] });
    await expect(unanswered).rejects.toThrow(
      `${train} /annotations/0: /multiple_choice_answer is missing; expected a text`,
    );
  });
});
