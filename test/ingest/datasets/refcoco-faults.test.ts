import { describe, expect, it } from "vitest";
import { allScenes, folderWith, ledgerLines, tally } from "./flickr30k-folder.ts";
import {
  type Fields,
  imageOf,
  objectOf,
  planRefcoco,
  refcocoFiles,
  refcocoFolder,
  refOf,
  sentenceOf,
} from "./refcoco-folder.ts";

describe("A faulty ref", () => {
  const ids = "expected a whole number from 0 to 2^53 - 1, or its digits";
  const parts = "expected testA, testB, test, val, train";
  const name = "COCO_train2014_000000000010_2.jpg";

  it.each<readonly [string, Fields, string]>([
    ["no object", {}, "  ANN_SHAPE: is no object"],
    ["no id", { ref_id: undefined }, `  ANN_SHAPE: /ref_id is null; ${ids}`],
    ["a negative id", { ref_id: -2 }, `  ANN_SHAPE: /ref_id is -2; ${ids}`],
    ["no image", { image_id: null }, ` 2 ANN_SHAPE: /image_id is null; ${ids}`],
    ["an object in words", { ann_id: "it" }, ` 2 ANN_SHAPE: /ann_id is "it"; ${ids}`],
    ["no file", { file_name: 5 }, " 2 ANN_SHAPE: /file_name is 5; expected a file name"],
    ["another file", { file_name: name }, ` 2 ANN_CONFLICT: its image is 9 and its file ${name}`],
    ["no such part", { split: "dev" }, ` 2 ANN_SHAPE: /split is "dev"; ${parts}`],
    ["no sentences", { sentences: "two" }, ' 2 ANN_SHAPE: /sentences is "two"; expected a list'],
  ])(
    "with %s is quarantined, and its object is not referred to",
    async (what, fields, expected) => {
      const faulty = what === "no object" ? 7 : refOf(2, 9, fields);
      await using folder = await refcocoFolder({
        refs: [refOf(1, 9), faulty],
        images: [imageOf(9)],
        annotations: [objectOf(1, 9), objectOf(2, 9)],
      });
      using plan = await planRefcoco(folder.path);
      const ledger = await Array.fromAsync(plan.ledger());
      expect(
        ledger.map(({ record, id, reason, evidence }) => `${record} ${id} ${reason}: ${evidence}`),
      ).toEqual([
        `/1${expected}`,
        "/annotations/1 1002 not-referred-to: no usable ref is about it",
      ]);
    },
  );

  it.each<readonly [string, unknown, string]>([
    ["no object", "a man", ' ANN_SHAPE: /sentences/1 is "a man"; expected an object'],
    ["no id", sentenceOf(3, { sent_id: -1 }), ` ANN_SHAPE: /sentences/1/sent_id is -1; ${ids}`],
    ["no text", sentenceOf(3, { sent: 5 }), "3 ANN_SHAPE: /sentences/1/sent is 5; expected a text"],
    ["an empty text", sentenceOf(3, { sent: " " }), "3 CAP_EMPTY: it has no visible character"],
    ["the id of another", sentenceOf(2), "2 ANN_CONFLICT"],
  ])("expression with %s is quarantined alone", async (_, sentence, expected) => {
    const first = sentenceOf(2, { sent: "the first" });
    await using folder = await refcocoFolder({
      refs: [refOf(1, 9, { sentences: [first, sentence] })],
      images: [imageOf(9)],
      annotations: [objectOf(1, 9)],
    });
    using plan = await planRefcoco(folder.path);
    const ledger = await Array.fromAsync(plan.ledger());
    expect(ledger).toHaveLength(1);
    expect(ledger[0]).toMatchObject({ kind: "expression", record: "/0/sentences/1" });
    expect(`${ledger[0]?.id} ${ledger[0]?.reason}: ${ledger[0]?.evidence}`).toContain(expected);
    const [scene] = await allScenes(plan);
    expect(scene?.draft.texts.map(({ text }) => text)).toEqual(["the first"]);
  });

  it("that stands twice is excluded when equal, and quarantined when not", async () => {
    await using folder = await refcocoFolder({
      refs: [refOf(1, 9), refOf(1, 9), refOf(1, 9, { ann_id: 1002 })],
      images: [imageOf(9)],
      annotations: [objectOf(1, 9)],
    });
    using plan = await planRefcoco(folder.path);
    const refs = (await Array.fromAsync(plan.ledger())).filter(({ kind }) => kind === "ref");
    expect(refs.map(({ record, outcome, reason }) => `${record} ${outcome} ${reason}`)).toEqual([
      "/1 excluded duplicate-of",
      "/2 quarantined ANN_CONFLICT",
    ]);
  });
});

describe("A faulty object", () => {
  const box = "expected [x, y, width, height] from 0 on, with a width and height above 0";
  it.each<readonly [string, Fields, string]>([
    ["a negative box", { bbox: [-1, 2, 3, 4] }, `ANN_BOX: /bbox is [-1,2,3,4]; ${box}`],
    ["a box without width", { bbox: [1, 2, 0, 4] }, `ANN_BOX: /bbox is [1,2,0,4]; ${box}`],
    ["three numbers", { bbox: [1, 2, 3] }, `ANN_BOX: /bbox is [1,2,3]; ${box}`],
    ["a box of texts", { bbox: ["1", "2", "3", "4"] }, 'ANN_BOX: /bbox is ["1"'],
    ["no box", { bbox: undefined }, `ANN_BOX: /bbox is missing; ${box}`],
    ["no category", { category_id: null }, "ANN_SHAPE: /category_id is null"],
    ["another image", { image_id: 10 }, "ANN_CONFLICT: its ref 1002 is of another picture"],
  ])("with %s is quarantined with its ref", async (_, fields, expected) => {
    await using folder = await refcocoFolder({
      refs: [refOf(1, 9), refOf(2, 9)],
      images: [imageOf(9), imageOf(10)],
      annotations: [objectOf(1, 9), objectOf(2, 9, fields)],
    });
    using plan = await planRefcoco(folder.path);
    const ledger = await Array.fromAsync(plan.ledger());
    expect(tally(ledger.map(({ kind, reason }) => `${kind} ${reason}`))).toMatchObject({
      "ref no-object": 1,
      "expression no-object": 2,
    });
    const object = ledger.find(({ kind }) => kind === "object");
    expect(`${object?.reason}: ${object?.evidence}`).toContain(expected);
  });

  it("with NaN in its box is no JSON and quarantined as such", async () => {
    const files = refcocoFiles({
      refs: [refOf(1, 9), refOf(2, 9)],
      images: [imageOf(9)],
      annotations: [objectOf(1, 9), objectOf(2, 9, { bbox: ["NaN", 2, 3, 4] })],
    });
    const instances = String(files["refcoco/refcoco/instances.json"]).replace('"NaN"', "NaN");
    await using folder = await folderWith({
      ...files,
      "refcoco/refcoco/instances.json": instances,
    });
    using plan = await planRefcoco(folder.path);
    expect(await ledgerLines(plan)).toContain("/annotations/1  quarantined ANN_SYNTAX");
  });

  it("whose category is not listed leaves the label empty", async () => {
    await using folder = await refcocoFolder({
      refs: [refOf(1, 9)],
      images: [imageOf(9)],
      annotations: [objectOf(1, 9, { category_id: 91 })],
    });
    using plan = await planRefcoco(folder.path);
    const [scene] = await allScenes(plan);
    expect(scene?.draft.texts.map(({ label }) => label)).toEqual([null, null]);
  });
});
