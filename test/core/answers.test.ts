import { readFile } from "node:fs/promises";
import { beforeAll, describe, expect, it } from "vitest";
import { normalisedAnswer } from "../../src/core/answer-spelling.ts";
import {
  answerAccuracy,
  answerVocabulary,
  frequentAnswers,
  softTargets,
} from "../../src/core/answers.ts";
import { realData } from "../real-data.ts";

async function readReal<T>(name: string): Promise<T> {
  return JSON.parse(await readFile(realData("vqa2", name), "utf8"));
}

interface Tables {
  readonly contractions: Readonly<Record<string, string>>;
  readonly number_words: Readonly<Record<string, string>>;
  readonly articles: readonly string[];
  readonly punctuation: readonly string[];
}

describe("The official spelling of answers", () => {
  let tables: Tables;
  beforeAll(async () => {
    tables = await readReal("vqa_eval_tables.json");
  });

  it("puts back the apostrophes of every contraction in the official table", () => {
    const inLowerCase = Object.entries(tables.contractions).filter(
      ([word]) => word === word.toLowerCase(),
    );
    expect(inLowerCase.length).toBe(116);
    for (const [word, contraction] of inLowerCase) {
      expect(normalisedAnswer(word)).toBe(contraction);
    }
  });

  it("leaves words that the official table lacks as they are, such as those that lost two apostrophes", () => {
    for (const word of ["shes", "lets", "couldntve", "owsat", "somebodyd", "im", "id've"]) {
      expect(tables.contractions[word]).toBeUndefined();
      expect(normalisedAnswer(word)).toBe(word);
    }
  });

  it("writes number words as digits and leaves articles out", () => {
    for (const [word, digits] of Object.entries(tables.number_words)) {
      expect(normalisedAnswer(`the ${word.toUpperCase()} an apple`)).toBe(`${digits} apple`);
    }
    for (const article of tables.articles) expect(normalisedAnswer(article)).toBe("");
  });

  it("takes a mark out beside a space and makes it a space inside a word", () => {
    for (const mark of tables.punctuation) {
      expect(normalisedAnswer(`red${mark} blue`)).toBe("red blue");
      expect(normalisedAnswer(`red${mark}blue`)).toBe("red blue");
    }
    expect(normalisedAnswer("red- blue-green")).toBe("red bluegreen");
    expect(normalisedAnswer("1,000-2,000")).toBe("10002000");
  });

  it("keeps a period before a digit only, and removes 32 of the others at most", () => {
    expect(normalisedAnswer("2.5 p.m.")).toBe("2.5 pm");
    expect(normalisedAnswer(".".repeat(40))).toBe(".".repeat(8));
  });

  it("changes no answer of the published vocabulary", async () => {
    const answers = await readReal<readonly string[]>("trainval_label2ans.json");
    expect(answers.map((answer) => normalisedAnswer(answer))).toEqual(answers);
  });
});

describe("The accuracy of an answer", () => {
  it("is 0, 0.3, 0.6, 0.9 and 1, with no error of rounding", () => {
    const counts = [0, 1, 2, 3, 4, 5, 10];
    expect(counts.map((count) => answerAccuracy(count))).toEqual([0, 0.3, 0.6, 0.9, 1, 1, 1]);
  });

  it("is the mean over the ten people of min(1, matches among the other nine / 3)", () => {
    for (let count = 0; count <= 10; count += 1) {
      const ofOne = Array.from({ length: 10 }, (_, person) =>
        Math.min(1, (person < count ? count - 1 : count) / 3),
      );
      const mean = ofOne.reduce((sum, accuracy) => sum + accuracy, 0) / 10;
      expect(answerAccuracy(count)).toBeCloseTo(mean, 12);
    }
  });

  it("gives every question of a results file the score of the official program", async () => {
    interface Annotation {
      readonly question_id: number;
      readonly answers: readonly { readonly answer: string }[];
    }
    const { annotations } = await readReal<{ annotations: readonly Annotation[] }>(
      "v2_mscoco_val2014_annotations.first100.json",
    );
    const results =
      await readReal<readonly { question_id: number; answer: string }[]>("results.made-up.json");
    const official = await readReal<{ evalQA: Readonly<Record<string, number>> }>(
      "results.made-up.official-scores.json",
    );
    const predicted = new Map(results.map(({ question_id, answer }) => [question_id, answer]));
    const scores = annotations.map(({ question_id, answers }) => {
      const given = answers.map(({ answer }) => answer);
      // With ten equal answers the raw strings are compared.
      const spelling = new Set(given).size > 1 ? normalisedAnswer : (text: string) => text.trim();
      const answer = spelling(predicted.get(question_id) ?? "");
      const count = given.filter((one) => spelling(one) === answer).length;
      return [String(question_id), Number((100 * answerAccuracy(count)).toFixed(2))];
    });
    expect(scores.length).toBe(100);
    expect(Object.fromEntries(scores)).toEqual(official.evalQA);
  });
});

describe("Soft targets", () => {
  const vocabulary = answerVocabulary(["", "net", "mesh", "no"]);

  it("are the official accuracies of the answers in the vocabulary, by label", () => {
    const answers = [
      { answer: "no", count: 1 },
      { answer: "netting", count: 2 },
      { answer: "net", count: 5 },
      { answer: "", count: 2 },
    ];
    expect(softTargets(answers, vocabulary)).toEqual([
      { label: 0, target: 0.6 },
      { label: 1, target: 1 },
      { label: 3, target: 0.3 },
    ]);
  });

  it("are none for a question whose answers are all outside, and for one without answers", () => {
    expect(softTargets([{ answer: "orange", count: 10 }], vocabulary)).toEqual([]);
    expect(softTargets([], vocabulary)).toEqual([]);
  });

  it("look answers up as the annotations spell them", () => {
    expect(softTargets([{ answer: "Net.", count: 10 }], vocabulary)).toEqual([]);
  });
});

describe("A vocabulary of frequent answers", () => {
  it("holds what was seen nine times or more, most frequent first, equals by code unit", () => {
    const counts = new Map([
      ["two", 9],
      ["zebra", 12],
      ["", 9],
      ["rare", 8],
      ["no", 100],
      ["apple", 12],
    ]);
    expect(frequentAnswers(counts).answers).toEqual(["no", "apple", "zebra", "", "two"]);
    expect(frequentAnswers(counts, 50).answers).toEqual(["no"]);
  });

  it("does not depend on the order in which answers were counted", () => {
    const counts = Array.from(
      { length: 200 },
      (_, index) => [`answer ${index}`, 9 + (index % 7)] as const,
    );
    expect(frequentAnswers(new Map(counts.toReversed()))).toEqual(frequentAnswers(new Map(counts)));
  });

  it("gives each answer one label", () => {
    expect(() => answerVocabulary(["yes", "no", "yes"])).toThrow("two labels");
  });
});
