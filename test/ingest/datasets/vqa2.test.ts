import { mkdtemp, readFile, rm, unlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, it } from "vitest";
import { ConfigError, SourceError } from "../../../src/core/errors.ts";
import type { SourcePlan } from "../../../src/ingest/source.ts";
import { realData } from "../../real-data.ts";
import { drawPicture, ledgerLines, scenesOf, writeFileBelow } from "../coco-folder.ts";
import {
  annotationOf,
  answersOf,
  layOutRealVqa2,
  planVqa,
  questionOf,
  type VqaContent,
  vqaSplits,
  writeVqa,
} from "./vqa2-folder.ts";

const folders: string[] = [];
afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true }))));

async function emptyFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "crossweave-vqa2-"));
  folders.push(folder);
  return folder;
}

async function vqaFolder(content: VqaContent): Promise<string> {
  const folder = await writeVqa(content);
  folders.push(folder);
  return folder;
}

function countsOf(plan: SourcePlan): string[] {
  return plan.counts.map(
    ({ file, kind, read, written, excluded, quarantined }) =>
      `${file.replace(/vqa2\/v2_(?:OpenEnded_)?mscoco_(.*)\.json/, "$1")} ${kind}: ${read} = ${written} + ${excluded} + ${quarantined}`,
  );
}

const trainAndVal = vqaSplits.slice(0, 2);

describe("The real files of VQA v2", () => {
  it("give every question its ten answers, counted, and the most frequent one as label", async () => {
    const folder = await emptyFolder();
    await layOutRealVqa2(folder);
    using plan = await planVqa(folder, { splits: trainAndVal });
    expect(countsOf(plan)).toEqual([
      "train2014_questions question: 3 = 3 + 0 + 0",
      "train2014_annotations annotation: 3 = 3 + 0 + 0",
      "val2014_questions question: 100 = 100 + 0 + 0",
      "val2014_annotations annotation: 100 = 100 + 0 + 0",
    ]);
    const texts = (await scenesOf(plan, "val")).flatMap(({ draft }) => draft.texts);
    expect(texts[0]).toEqual({
      id: "262148000",
      kind: "question",
      text: "Where is he looking?",
      label: "down",
      answers: [
        { answer: "down", count: 7 },
        { answer: "at table", count: 1 },
        { answer: "skateboard", count: 1 },
        { answer: "table", count: 1 },
      ],
      choices: [],
      box: null,
      context: null,
    });
    expect(texts.length).toBe(100);
    for (const { label, answers } of texts) {
      const counts = answers.map(({ count }) => count);
      expect(counts.reduce((sum, count) => sum + count, 0)).toBe(10);
      const ofLabel = answers.find(({ answer }) => answer === label)?.count;
      expect(ofLabel).toBe(Math.max(...counts));
    }
  });

  it("have no label where the annotations leave it out", async () => {
    const folder = await emptyFolder();
    await layOutRealVqa2(folder);
    using plan = await planVqa(folder, { splits: trainAndVal });
    const [scene] = await scenesOf(plan, "train");
    expect(scene?.draft.sceneKey).toBe("coco:458752");
    expect(scene?.draft.texts[0]).toMatchObject({
      label: null,
      answers: [{ answer: "net", count: 6 }, {}, {}, {}, {}],
    });
  });

  it("of OK-VQA have the same form: 9,009 questions", async () => {
    const folder = await emptyFolder();
    const text = await readFile(realData("vqa2/okvqa/OpenEnded_mscoco_train2014_questions.json"));
    await writeFileBelow(folder, "vqa2/v2_OpenEnded_mscoco_test2015_questions.json", text);
    using plan = await planVqa(folder, { splits: vqaSplits.slice(2) });
    expect(countsOf(plan)).toEqual(["test2015_questions question: 9009 = 9009 + 0 + 0"]);
  });
});

describe("Questions of VQA v2", () => {
  const questions = {
    train2014: [questionOf(9000, 9)],
    val2014: [questionOf(42_000, 42), questionOf(42_001, 42)],
    test2015: [questionOf(1000, 1), questionOf(1001, 1), questionOf(2000, 2)],
    "test-dev2015": [questionOf(1001, 1)],
  };
  const annotations = {
    train2014: [annotationOf(9000, 9)],
    val2014: [annotationOf(42_001, 42, { answers: answersOf(3) }), annotationOf(42_000, 42)],
  };

  it("are one scene for each picture, with COCO's key and the texts in the order of the file", async () => {
    using plan = await planVqa(await vqaFolder({ questions, annotations }), { splits: vqaSplits });
    const [scene, ...others] = await scenesOf(plan, "val");
    expect(others).toEqual([]);
    expect(scene?.draft.pictures).toEqual([
      {
        key: "coco:42",
        path: "coco/val2014/COCO_val2014_000000000042.jpg",
        url: null,
        flickrPhotoId: null,
        license: null,
        linkedKeys: [],
      },
    ]);
    expect(scene?.draft.texts.map(({ id, answers }) => [id, answers.length])).toEqual([
      ["42000", 1],
      ["42001", 2],
    ]);
    expect(scene?.records.map(({ kind, id }) => `${kind} ${id}`).toSorted()).toEqual([
      "annotation 42000",
      "annotation 42001",
      "question 42000",
      "question 42001",
    ]);
  });

  it("of test have no answers, and those of test-dev are known from it", async () => {
    using plan = await planVqa(await vqaFolder({ questions, annotations }), { splits: vqaSplits });
    const texts = (await scenesOf(plan, "test")).flatMap(({ draft }) => draft.texts);
    expect(texts.map(({ id, label, answers }) => [id, label, answers.length])).toEqual([
      ["1000", null, 0],
      ["1001", null, 0],
      ["2000", null, 0],
    ]);
    expect(await ledgerLines(plan)).toEqual(["question 1001 excluded duplicate-of"]);
    expect(plan.partial).toBe(false);
  });

  it("of test-dev alone are a published split of their own", async () => {
    const splits = [{ name: "test-dev", role: "eval", parts: ["test-dev"] }] as const;
    const choice = { splits, publishedSplit: "test-dev" };
    using plan = await planVqa(await vqaFolder({ questions, annotations }), choice);
    const scenes = await scenesOf(plan, "test-dev");
    expect(scenes.flatMap(({ draft }) => draft.texts.map(({ id }) => id))).toEqual(["1001"]);
    expect(plan.files.length).toBe(1);
  });

  it("that test-dev has and test has not contradict test", async () => {
    const more = {
      ...questions,
      "test-dev2015": [questionOf(1001, 1, { question: "Who?" }), questionOf(1002, 1)],
    };
    using plan = await planVqa(await vqaFolder({ questions: more, annotations }), {
      splits: vqaSplits,
    });
    expect(await ledgerLines(plan)).toEqual([
      "question 1001 quarantined ANN_CONFLICT",
      "question 1002 quarantined ANN_CONFLICT",
    ]);
  });

  it("about one picture in two parts are a contradiction, and the first part keeps it", async () => {
    const contradicting = { ...questions, val2014: [questionOf(9001, 9)] };
    const given = { ...annotations, val2014: [annotationOf(9001, 9)] };
    const folder = await vqaFolder({ questions: contradicting, annotations: given });
    using plan = await planVqa(folder, { splits: trainAndVal });
    const ledger = await Array.fromAsync(plan.ledger());
    const ofVal = ledger.filter(({ file }) => file.includes("val2014"));
    expect(ofVal.map(({ kind, outcome }) => `${kind} ${outcome}`)).toEqual([
      "question quarantined",
      "annotation quarantined",
    ]);
    expect(ofVal[0]?.evidence).toBe(
      "its picture is in two parts: vqa2/v2_OpenEnded_mscoco_train2014_questions.json#/questions/0 and vqa2/v2_OpenEnded_mscoco_val2014_questions.json#/questions/0",
    );
  });

  it("find their picture in the folders and under the names of 2017 as well", async () => {
    const folder = await vqaFolder({ questions, annotations });
    await writeFileBelow(folder, "coco/val2017/000000000042.jpg", await drawPicture(0));
    await writeFileBelow(
      folder,
      "coco/train2014/COCO_train2014_000000000009.jpg",
      await drawPicture(1),
    );
    await writeFileBelow(
      folder,
      "coco/test2015/COCO_test2015_000000000001.jpg",
      await drawPicture(2),
    );
    using plan = await planVqa(folder, { splits: vqaSplits, annotationsOnly: false });
    const paths = await Promise.all(
      ["train", "val", "test"].map(async (split) =>
        (await scenesOf(plan, split)).flatMap(({ draft }) =>
          draft.pictures.map(({ path }) => path),
        ),
      ),
    );
    expect(paths).toEqual([
      ["coco/train2014/COCO_train2014_000000000009.jpg"],
      ["coco/val2017/000000000042.jpg"],
      ["coco/test2015/COCO_test2015_000000000001.jpg"],
    ]);
    expect(plan.missing.examples).toEqual(["coco/test2015/COCO_test2015_000000000002.jpg"]);
  });

  it("are in no split when the recipe takes another part", async () => {
    using plan = await planVqa(await vqaFolder({ questions, annotations }), {
      splits: vqaSplits.slice(0, 1),
    });
    expect(plan.splits).toEqual([{ name: "train", numScenes: 1, numPictures: 1, numTexts: 1 }]);
    const reasons = (await Array.fromAsync(plan.ledger())).map(({ reason }) => reason);
    expect(new Set(reasons)).toEqual(new Set(["not-in-any-split", "duplicate-of"]));
  });
});

describe("A folder of VQA v2", () => {
  const questions = { train2014: [questionOf(9000, 9)] };
  const annotations = { train2014: [annotationOf(9000, 9)] };

  it("without the annotations of a part that is taken is refused, and so is one without the questions", async () => {
    const noAnswers = planVqa(await vqaFolder({ questions }), { splits: trainAndVal });
    await expect(noAnswers).rejects.toThrow(SourceError);
    await expect(noAnswers).rejects.toThrow(
      "vqa2/v2_mscoco_train2014_annotations.json: missing, while vqa2/v2_OpenEnded_mscoco_train2014_questions.json is there",
    );
    const nothingAsked = planVqa(await vqaFolder({ annotations }), { splits: trainAndVal });
    await expect(nothingAsked).rejects.toThrow(
      "vqa2/v2_OpenEnded_mscoco_train2014_questions.json: missing, while vqa2/v2_mscoco_train2014_annotations.json is there",
    );
  });

  it("may lack the annotations of a part that is not taken", async () => {
    const more = { ...questions, test2015: [questionOf(1000, 1)] };
    const folder = await vqaFolder({ questions: more });
    using plan = await planVqa(folder, { splits: vqaSplits.slice(2) });
    expect(await ledgerLines(plan)).toEqual(["question 9000 excluded not-in-any-split"]);
  });

  it("without a part that is taken is a part of the release", async () => {
    using plan = await planVqa(await vqaFolder({ questions, annotations }), { splits: vqaSplits });
    expect(plan.unlisted.absentFiles).toEqual([
      "vqa2/v2_OpenEnded_mscoco_val2014_questions.json",
      "vqa2/v2_mscoco_val2014_annotations.json",
      "vqa2/v2_OpenEnded_mscoco_test2015_questions.json",
    ]);
    expect(plan.partial).toBe(true);
  });

  it("without any file is refused, and so is an unknown split", async () => {
    const folder = await vqaFolder({ questions, annotations });
    await expect(planVqa(await emptyFolder())).rejects.toThrow("has no file of VQA v2");
    await expect(planVqa(folder, { publishedSplit: "karpathy" })).rejects.toThrow(ConfigError);
  });

  it("is read from packed files", async () => {
    const folder = await vqaFolder({ questions, annotations });
    const path = "vqa2/v2_mscoco_train2014_annotations.json";
    await writeFileBelow(folder, `${path}.gz`, gzipSync(await readFile(join(folder, path))));
    await unlink(join(folder, path));
    using plan = await planVqa(folder, { splits: vqaSplits.slice(0, 1) });
    const [scene] = await scenesOf(plan);
    expect(scene?.draft.texts[0]?.answers).toEqual([{ answer: "yes", count: 10 }]);
  });
});
