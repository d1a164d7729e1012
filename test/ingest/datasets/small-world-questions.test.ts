import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { normalisedAnswer } from "../../../src/core/answer-spelling.ts";
import { softTargets } from "../../../src/core/answers.ts";
import { imageKey } from "../../../src/core/keys.ts";
import type { SceneDraft, SceneText } from "../../../src/core/records.ts";
import { buildAnswerVocabulary } from "../../../src/ingest/answers/answer-vocabulary.ts";
import type { SourcePlan } from "../../../src/ingest/source.ts";
import { scenesOf } from "../coco-folder.ts";
import { DrawnWorld, type Leak, readJson, readTruth } from "../small-world/files.ts";
import { answerTo, faultsOfCaption, type TruePicture } from "../small-world/truth.ts";
import { planGenome } from "./visual-genome-folder.ts";
import { planVqa, vqaSplits } from "./vqa2-folder.ts";

interface Summary {
  readonly pictures: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly texts: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

let world: DrawnWorld;
let truth: Map<string, TruePicture>;
let summary: Summary;

beforeAll(async () => {
  world = await DrawnWorld.draw(5, 0.1);
  truth = await readTruth(world.folder);
  summary = await readJson(world.folder, "small-world.json");
});
afterAll(() => world[Symbol.asyncDispose]());

function trueOf({ sceneKey }: SceneDraft): TruePicture {
  const picture = truth.get(sceneKey);
  if (picture === undefined) throw new Error(`scenes.jsonl lacks ${sceneKey}`);
  return picture;
}

async function draftsOf(plan: SourcePlan, split = "train"): Promise<SceneDraft[]> {
  return (await scenesOf(plan, split)).map(({ draft }) => draft);
}

function textsOf(
  drafts: readonly SceneDraft[],
  kind: SceneText["kind"],
): [TruePicture, SceneText][] {
  return drafts.flatMap((draft) =>
    draft.texts
      .filter((text) => text.kind === kind)
      .map((text): [TruePicture, SceneText] => [trueOf(draft), text]),
  );
}

describe("Visual Genome of the small world", () => {
  it("is read whole: every picture, region and question, each with its picture file", async () => {
    using plan = await planGenome(world.folder, { annotationsOnly: false });
    const drafts = await draftsOf(plan);
    expect(drafts.length).toBe(summary.pictures["vg"]?.["train"]);
    expect(textsOf(drafts, "region-description").length).toBe(summary.texts["vg"]?.["regions"]);
    expect(textsOf(drafts, "question").length).toBe(summary.texts["vg"]?.["questions"]);
    expect(await Array.fromAsync(plan.ledger())).toEqual([]);
    for (const draft of drafts) expect(draft.pictures[0]?.path).toBe(trueOf(draft).path);
  });

  it("describes what is in the boxes: an object, or two and what is between them", async () => {
    using plan = await planGenome(world.folder);
    for (const [picture, { text, box }] of textsOf(await draftsOf(plan), "region-description")) {
      expect([text, ...faultsOfCaption(picture, text)]).toEqual([text]);
      const corners = picture.objects.map((object) => object.box);
      const { x = -1, y = -1, width = 0, height = 0 } = box ?? {};
      expect(corners.some((corner) => corner.x === x)).toBe(true);
      expect(corners.some((corner) => corner.y === y)).toBe(true);
      expect(corners.some((corner) => corner.x + corner.width === x + width)).toBe(true);
      expect(corners.some((corner) => corner.y + corner.height === y + height)).toBe(true);
    }
  });

  it("answers its questions truly", async () => {
    using plan = await planGenome(world.folder);
    for (const [picture, { text, label, answers }] of textsOf(await draftsOf(plan), "question")) {
      // The small world writes the number 0 as "No."
      const none = text.startsWith("How many") && label === "No." ? "none" : (label ?? "");
      expect([text, normalisedAnswer(none)]).toEqual([text, answerTo(picture, text)]);
      expect(answers).toEqual([{ answer: label, count: 1 }]);
    }
  });

  it("says of which evaluation picture each planted leak is a copy", async () => {
    const { leaks } = await readJson<{ leaks: Leak[] }>(world.folder, "planted-leaks.json");
    using plan = await planGenome(world.folder);
    const pictures = new Map(
      (await draftsOf(plan)).flatMap(({ pictures: all }) => all.map((one) => [one.key, one])),
    );
    const ofGenome = leaks.filter(({ train }) => train.dataset === "vg");
    const linked = ofGenome.filter(({ kind }) => kind === "same-key");
    const sameFlickr = ofGenome.filter(({ kind }) => kind === "same-flickr-photo");
    expect(linked.length * sameFlickr.length).toBeGreaterThan(0);
    const pictureOf = (key: string): unknown => pictures.get(imageKey("vg", key.slice(3)));
    for (const { train, eval: protectedSide } of linked) {
      expect(pictureOf(train.key)).toMatchObject({ linkedKeys: [protectedSide.key] });
    }
    for (const { train, eval: protectedSide } of sameFlickr) {
      const flickrPhotoId = protectedSide.key.slice("flickr30k:".length);
      expect(pictureOf(train.key)).toMatchObject({ flickrPhotoId });
    }
  });
});

describe("VQA v2 of the small world", () => {
  it("is read whole: every question of train, val and test, on COCO's pictures", async () => {
    using plan = await planVqa(world.folder, { splits: vqaSplits, annotationsOnly: false });
    expect(Object.fromEntries(plan.splits.map(({ name, numTexts }) => [name, numTexts]))).toEqual(
      summary.texts["vqa2"],
    );
    for (const { name } of vqaSplits) {
      for (const draft of await draftsOf(plan, name)) {
        expect(draft.pictures[0]?.path).toBe(trueOf(draft).path);
      }
    }
    const reasons = (await Array.fromAsync(plan.ledger())).map(({ file, reason }) => [
      file,
      reason,
    ]);
    expect(reasons.length).toBeGreaterThan(0);
    for (const row of reasons) {
      expect(row).toEqual(["vqa2/v2_OpenEnded_mscoco_test-dev2015_questions.json", "duplicate-of"]);
    }
  });

  it("answers its questions truly, six to ten times of ten; test has no answers", async () => {
    using plan = await planVqa(world.folder, { splits: vqaSplits });
    for (const name of ["train", "val"]) {
      for (const [picture, { text, label, answers }] of textsOf(
        await draftsOf(plan, name),
        "question",
      )) {
        expect([text, label]).toEqual([text, answerTo(picture, text)]);
        expect(answers.reduce((sum, { count }) => sum + count, 0)).toBe(10);
        expect(answers.find(({ answer }) => answer === label)?.count).toBeGreaterThanOrEqual(6);
      }
    }
    for (const [, { label, answers }] of textsOf(await draftsOf(plan, "test"), "question")) {
      expect({ label, answers }).toEqual({ label: null, answers: [] });
    }
  });

  it("has a vocabulary in which the right answer's target is 1", async () => {
    const paths = ["train2014", "val2014"].map((name) => `vqa2/v2_mscoco_${name}_annotations.json`);
    const options = { sourceFolder: world.folder, paths, minCount: 1 };
    const vocabulary = await buildAnswerVocabulary(options);
    using plan = await planVqa(world.folder, { splits: vqaSplits });
    for (const [, { label, answers }] of textsOf(await draftsOf(plan, "val"), "question")) {
      const targets = softTargets(answers, vocabulary);
      const right = vocabulary.labels.get(label ?? "");
      expect(targets).toContainEqual({ label: right, target: 1 });
    }
  });
});
