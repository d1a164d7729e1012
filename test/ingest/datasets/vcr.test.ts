import { describe, expect, it } from "vitest";
import { SourceError } from "../../../src/core/errors.ts";
import { vcr } from "../../../src/ingest/datasets/vcr.ts";
import type { SourceOptions, SourcePlan } from "../../../src/ingest/source.ts";
import { everything } from "../coco-folder.ts";
import {
  allScenes,
  eachPart,
  folderWith,
  planOf,
  realFile,
  type SourceFolder,
} from "./flickr30k-folder.ts";
import {
  type Fields,
  jsonLines,
  layOutVcr,
  realVcr,
  vcrRecord,
  vcrTestRecord,
} from "./web-and-film-folders.ts";

const allParts = eachPart("train", "val", "test");

function planned({ path }: SourceFolder, choice: Partial<SourceOptions> = {}): Promise<SourcePlan> {
  return planOf(vcr, path, { splits: allParts, ...choice });
}

describe("The real records of VCR", () => {
  it("give a question and a rationale with four choices each, objects named from 1 on", async () => {
    await using folder = await folderWith({ "vcr/val.jsonl": jsonLines([await realVcr("val")]) });
    using plan = await planned(folder);
    const [scene] = await allScenes(plan);
    const film = "lsmdc_1054_Harry_Potter_and_the_prisoner_of_azkaban";
    const frame = "1054_Harry_Potter_and_the_prisoner_of_azkaban_00.01.46.736-00.01.50.168@0";
    const question = "Does person1 live in this house ?";
    const shared = { id: "val-1", text: question, answers: [], box: null };
    expect(scene?.draft).toEqual({
      sceneKey: `vcr:${film}/${frame}`,
      split: "val",
      pictures: [
        {
          key: `vcr:${film}/${frame}`,
          path: `vcr/vcr1images/${film}/${frame}`,
          url: null,
          flickrPhotoId: null,
          license: null,
          linkedKeys: [],
        },
      ],
      texts: [
        {
          ...shared,
          kind: "question",
          label: "2",
          context: null,
          choices: [
            "No , person1 lives nowhere close .",
            "Yes , person1 works there .",
            "No , person1 is a visitor .",
            "No person2 does not belong here .",
          ],
        },
        {
          ...shared,
          kind: "rationale",
          label: "3",
          context: `${question} No , person1 is a visitor .`,
          choices: [
            "person1 is nicely dressed with a tie . people dress up when they visit someone else .",
            "person3 sits comfortably in a chair , reading papers , while it seems person1 has just arrived and is settling in .",
            "person2 is wearing a coat and muff and is sitting as if a visitor .",
            "person1 is wearing outerwear , holding an umbrella , and there is a car outside .",
          ],
        },
      ],
    });
  });

  it("name objects as their annotators did in the texts before tagging", async () => {
    const real = await realVcr("train");
    await using folder = await folderWith({ "vcr/train.jsonl": jsonLines([real]) });
    using plan = await planned(folder);
    const [scene] = await allScenes(plan);
    expect(real["question_orig"]).toBe("Does 3 feel comfortable?");
    expect(scene?.draft.texts[0]?.text).toBe("Does person3 feel comfortable ?");
  });

  it("have the objects that the metadata beside the frame names: six, with a box each", async () => {
    const { metadata_fn: name, objects } = await realVcr("val");
    const metadata: unknown = JSON.parse(
      (await realFile("vcr/vcr1images", String(name))).toString(),
    );
    expect(metadata).toMatchObject({ names: objects });
    expect(metadata).toHaveProperty("names.length", 6);
    expect(metadata).toHaveProperty("boxes.length", 6);
    expect(metadata).toHaveProperty("boxes.0.length", 5);
  });

  it("find their frames below the folders of the films", async () => {
    await using folder = await folderWith({});
    await layOutVcr(folder.path);
    using plan = await planned(folder, { annotationsOnly: false });
    const { img_fn: frame } = await realVcr("val");
    const scenes = await allScenes(plan);
    expect(scenes.map(({ draft }) => draft.pictures[0]?.path)).toEqual([
      `vcr/vcr1images/${String(frame)}`,
      "vcr/vcr1images/lsmdc_0001_A_FILM/0001_A_FILM_test-0@0.jpg",
    ]);
    expect(plan.missing).toEqual({
      numPictures: 1,
      examples: [expect.stringContaining("vcr/vcr1images/lsmdc_3015_CHARLIE_ST_CLOUD/3015_")],
    });
  });
});

describe("Records of VCR", () => {
  it("of the test file say nothing of what is right, so that rationales have no context", async () => {
    await using folder = await folderWith({
      "vcr/test.jsonl": jsonLines([vcrTestRecord("test-0"), vcrRecord("test-1")]),
    });
    using plan = await planned(folder);
    const texts = (await allScenes(plan)).flatMap(({ draft }) => draft.texts);
    expect(texts.map(({ id, kind, label, context }) => [id, kind, label, context])).toEqual([
      ["test-0", "question", null, null],
      ["test-0", "rationale", null, null],
      ["test-1", "question", "2", null],
      ["test-1", "rationale", "0", "Who are person1,person2 ? person1 is tall ."],
    ]);
  });

  it("give only the kinds of texts that are asked for", async () => {
    await using folder = await folderWith({ "vcr/train.jsonl": jsonLines([vcrRecord("train-0")]) });
    using plan = await planned(folder, { textKinds: ["question"] });
    expect(plan.splits[0]?.numTexts).toBe(1);
    expect((await allScenes(plan))[0]?.draft.texts.map(({ kind }) => kind)).toEqual(["question"]);
  });

  it("about one frame are one scene", async () => {
    const frame = { img_fn: "lsmdc_0001_A_FILM/frame.jpg" };
    await using folder = await folderWith({
      "vcr/train.jsonl": jsonLines([vcrRecord("train-0", frame), vcrRecord("train-1", frame)]),
    });
    using plan = await planned(folder);
    expect(plan.splits[0]).toMatchObject({ numScenes: 1, numTexts: 4 });
  });

  it("of train about a frame of val are quarantined, unless both go to one split", async () => {
    const frame = { img_fn: "lsmdc_0001_A_FILM/frame.jpg" };
    await using folder = await folderWith({
      "vcr/train.jsonl": jsonLines([vcrRecord("train-0", frame)]),
      "vcr/val.jsonl": jsonLines([vcrRecord("val-0", frame)]),
    });
    using plan = await planned(folder);
    expect(plan.splits.map(({ numScenes }) => numScenes)).toEqual([0, 1, 0]);
    const [entry] = await Array.fromAsync(plan.ledger());
    expect(entry).toMatchObject({
      id: "train-0",
      reason: "ANN_CONFLICT",
      evidence: "its picture is in two parts: vcr/val.jsonl and vcr/train.jsonl",
    });
    using together = await planned(folder, { splits: everything });
    expect(together.splits[0]).toMatchObject({ numScenes: 1, numTexts: 4 });
  });

  const [answers] = [vcrRecord("train-1")["answer_choices"]];
  const choices = Array.isArray(answers) ? answers : [];
  it.each<readonly [string, Fields, string]>([
    ["no id", { annot_id: 7 }, ' ANN_SHAPE: /annot_id is 7; expected an id such as "train-17"'],
    [
      "another part's id",
      { annot_id: "val-3" },
      "val-3 ANN_CONFLICT: its annot_id val-3 is not of train",
    ],
    ["no picture", { img_fn: null }, "ANN_SHAPE: /img_fn is null; expected <film>/<frame>.jpg"],
    ["a picture elsewhere", { img_fn: "../x.jpg" }, 'ANN_SHAPE: /img_fn is "../x.jpg"'],
    ["a picture far off", { img_fn: "a/../../x.jpg" }, "ANN_SHAPE: /img_fn is"],
    ["no objects", { objects: [1] }, "ANN_SHAPE: /objects is [1]; expected a list of names"],
    [
      "an object too many",
      { question: ["Who", [3]] },
      "ANN_SHAPE: /question/1/0 is 3; expected an object from 0 to 2",
    ],
    [
      "a question in words",
      { question: "Who?" },
      'ANN_SHAPE: /question is "Who?"; expected a list of tokens',
    ],
    ["an empty question", { question: [] }, "CAP_EMPTY: /question: it has no visible character"],
    ["three answers", { answer_choices: choices.slice(1) }, "ANN_SHAPE: /answer_choices is "],
    [
      "an empty answer",
      { answer_choices: [...choices.slice(1), [" "]] },
      "CAP_EMPTY: /answer_choices/3: it has",
    ],
    [
      "a wrong rationale",
      { rationale_choices: [...choices.slice(1), [[9]]] },
      "ANN_SHAPE: /rationale_choices/3/0/0 is 9",
    ],
    [
      "no label",
      { answer_label: undefined },
      "ANN_SHAPE: /answer_label is missing; expected a whole number from 0 to 3",
    ],
    ["a label too high", { answer_label: 4 }, "ANN_SHAPE: /answer_label is 4"],
    ["a negative label", { rationale_label: -1 }, "ANN_SHAPE: /rationale_label is -1"],
    ["half a label", { answer_label: 0.5 }, "ANN_SHAPE: /answer_label is 0.5"],
    ["a label in words", { answer_label: "2" }, 'ANN_SHAPE: /answer_label is "2"'],
  ])("with %s are quarantined", async (_, fields, expected) => {
    await using folder = await folderWith({
      "vcr/train.jsonl": jsonLines([vcrRecord("train-0"), vcrRecord("train-1", fields)]),
    });
    using plan = await planned(folder);
    const ledger = await Array.fromAsync(plan.ledger());
    const rows = ledger.map(({ record, id, reason, evidence }) => {
      return `${record} ${id} ${reason}: ${evidence}`;
    });
    expect(rows).toEqual([expect.stringContaining(expected)]);
    expect(rows[0]).toMatch(/^line 2 /);
  });

  it("that are no JSON, or stand twice, are in the ledger with their line", async () => {
    const lines = [
      JSON.stringify(vcrRecord("train-0")),
      "{",
      "",
      "[1]",
      JSON.stringify(vcrRecord("train-0")),
      JSON.stringify(vcrRecord("train-0", { answer_label: 1 })),
    ];
    await using folder = await folderWith({ "vcr/train.jsonl": lines.join("\n") });
    using plan = await planned(folder);
    const ledger = await Array.fromAsync(plan.ledger());
    expect(ledger.map(({ record, outcome, reason }) => `${record} ${outcome} ${reason}`)).toEqual([
      "line 2 quarantined ANN_SYNTAX",
      "line 4 quarantined ANN_SHAPE",
      "line 5 excluded duplicate-of",
      "line 6 quarantined ANN_CONFLICT",
    ]);
  });

  it("are missed with where they are offered", async () => {
    await using folder = await folderWith({});
    await expect(planned(folder)).rejects.toThrow(SourceError);
    await expect(planned(folder)).rejects.toThrow("has no file of VCR: looked for vcr/train.jsonl");
  });
});
