import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { defaultListing } from "../../../src/audit/audit-splits.ts";
import { relateSplits } from "../../../src/audit/relate-splits.ts";
import { findTextLeaks } from "../../../src/audit/texts/find-text-leaks.ts";
import type { TextFindings } from "../../../src/audit/texts/text-findings.ts";
import type { SceneHead, SceneText } from "../../../src/core/records.ts";
import { pictureOf, splitOfScenes } from "../picture-fixtures.ts";

const plain: SceneText = {
  id: "1",
  kind: "caption",
  text: "",
  label: null,
  answers: [],
  choices: [],
  box: null,
  context: null,
};

function scene(picture: number, texts: readonly Partial<SceneText>[]): SceneHead {
  const info = pictureOf(picture);
  return {
    sceneKey: info.key,
    pictures: [info],
    texts: texts.map((text) => ({ ...plain, ...text })),
  };
}

async function compare(
  train: readonly SceneHead[],
  evaluation: readonly SceneHead[],
): Promise<TextFindings> {
  const splits = () => [
    splitOfScenes("coco/test", "eval", evaluation),
    splitOfScenes("vg/train", "train", train),
  ];
  const related = await relateSplits(splits());
  return findTextLeaks({ splits: splits(), related, listing: defaultListing });
}

const question = { kind: "question", text: "What colour is the cat?" } as const;

describe("a training text that is an evaluation text", () => {
  it("is a leak with its label when the picture is the same", async () => {
    const found = await compare(
      [scene(1, [{ ...question, id: "7", label: "red" }])],
      [scene(1, [{ ...question, id: "900", text: "what colour is the cat", label: "red" }])],
    );
    expect(found.numLeaks).toBe(1);
    expect(found.leaks).toEqual([
      expect.objectContaining({
        rule: "same-text-and-picture",
        sameLabel: true,
        similarity: 1,
        kind: {
          modality: "picture-and-text",
          coverage: "within-dataset",
          degree: "identical",
        },
        evidence:
          "the same question (7 and 900) of the same picture: key coco:1 (in vg/train; in coco/test)",
      }),
    ]);
  });

  it("is named as the same record when the publisher's id is the same", async () => {
    const same = { ...question, id: "7", answers: [{ answer: "red", count: 6 }] };
    const found = await compare([scene(1, [same])], [scene(1, [same])]);
    expect(found.leaks.map(({ rule, sameLabel }) => [rule, sameLabel])).toEqual([
      ["same-pair-id", true],
    ]);
    expect(found.summary.matrix).toEqual([
      {
        train: "vg/train",
        eval: "coco/test",
        sameRecord: 1,
        samePicture: 0,
        withLabel: 1,
        sameText: 0,
        nearText: 0,
      },
    ]);
  });

  it("is counted, but no leak, when the picture is another", async () => {
    const found = await compare(
      [scene(1, [{ id: "1", text: "A man riding a wave." }])],
      [scene(2, [{ id: "2", text: "a man riding a wave" }])],
    );
    expect(found.numLeaks).toBe(0);
    expect(found.summary.yields.find(({ rule }) => rule === "same-text")?.trainTexts).toBe(1);
    expect(found.summary.alike.map(({ kind }) => kind.modality)).toEqual(["text"]);
  });

  it("is counted as nearly the same by its pairs of words", async () => {
    const found = await compare(
      [scene(1, [{ text: "a man in a red shirt is riding a wave on top of a surfboard" }])],
      [scene(2, [{ text: "a man in a red shirt riding a wave on top of a surfboard" }])],
    );
    expect(found.summary.alike.map(({ rule, similarity }) => [rule, similarity])).toEqual([
      ["near-text", 12 / 15],
    ]);
  });
});

it("finds the pictures of a text that a thousand pictures have", async () => {
  const evaluation = Array.from({ length: 1000 }, (_, index) =>
    scene(index, [{ id: String(index), text: "a cat" }]),
  );
  const train = [scene(500, [{ id: "x", text: "A cat!" }]), scene(5000, [{ text: "a cat" }])];
  const found = await compare(train, evaluation);
  expect(found.numLeaks).toBe(1);
  expect(found.leaks.map((leak) => leak.eval.textId)).toEqual(["500"]);
  expect(found.summary.matrix).toMatchObject([{ samePicture: 1, sameText: 999 }]);
});

it("counts texts without words and compares hostile ones", async () => {
  const hostile = ["", " \u202e ", "\ud800", "!?", "x".repeat(2 ** 20)];
  const texts = hostile.map((text, index) => ({ id: String(index), text }));
  const found = await compare([scene(1, texts)], [scene(2, texts)]);
  expect(found.summary.withoutWords).toEqual({ train: 4, eval: 4 });
  expect(found.summary.compared).toEqual({ train: 1, eval: 1 });
});

describe("the comparison of texts", () => {
  const words = fc
    .array(fc.constantFrom("a", "cat", "dog", "on", "the", "mat", "sits"), { maxLength: 5 })
    .map((some) => some.join(" "));
  const scenes = fc.array(
    fc.record({
      picture: fc.integer({ min: 0, max: 4 }),
      texts: fc.array(words, { maxLength: 3 }),
    }),
    { maxLength: 6 },
  );

  it("finds exactly the texts that a look at every pair finds", async () => {
    await fc.assert(
      fc.asyncProperty(scenes, scenes, async (train, evaluation) => {
        const build = (some: typeof train): SceneHead[] =>
          some.map(({ picture, texts }) =>
            scene(
              picture,
              texts.map((text, index) => ({ id: `${picture}-${index}-${text}`, text })),
            ),
          );
        const found = await compare(build(train), build(evaluation));
        const leaking = train.flatMap(({ picture, texts }) =>
          texts.filter(
            (text) =>
              text !== "" &&
              evaluation.some((other) => other.picture === picture && other.texts.includes(text)),
          ),
        );
        expect(found.numLeaks).toBe(leaking.length);
      }),
      { numRuns: 100 },
    );
  });
});
