import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  DrawnWorld,
  readJson,
  readJsonLines,
  readTruth,
  type CocoFile,
  type GenomeImage,
  type GenomeRegions,
  type KarpathyFile,
  type Nlvr2Record,
  type SnliVeRecord,
  type VqaAnnotations,
  type VqaQuestions,
} from "./files.ts";
import type { TruePicture } from "./truth.ts";

let world: DrawnWorld;
let folder = "";
let truth: Map<string, TruePicture>;

beforeAll(async () => {
  world = await DrawnWorld.draw(11, 0.05);
  folder = world.folder;
  truth = await readTruth(folder);
});

afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

describe("the files agree with each other", () => {
  test("COCO's captions, Karpathy's split and the pictures on the disk", async () => {
    const files = await Promise.all(
      ["train2014", "val2014"].map((subset) =>
        readJson<CocoFile>(folder, `coco/annotations/captions_${subset}.json`),
      ),
    );
    const captions = new Map(
      files.flatMap(({ annotations }) => annotations.map((entry) => [entry.id, entry])),
    );
    const images = new Map(files.flatMap(({ images: list }) => list.map((i) => [i.id, i])));
    const { images: split } = await readJson<KarpathyFile>(folder, "coco/dataset_coco.json");
    expect(split).toHaveLength(images.size);
    expect(new Set(split.map(({ filename }) => filename)).size).toBe(images.size);
    for (const entry of split) {
      const { cocoid = 0, filepath = "", filename, sentences, sentids } = entry;
      const image = images.get(cocoid);
      expect(image?.file_name).toBe(filename);
      expect(existsSync(join(folder, "coco", filepath, filename))).toBe(true);
      expect(truth.get(`coco:${cocoid}`)).toMatchObject({
        width: image?.width,
        height: image?.height,
        split: entry.split,
        path: `coco/${filepath}/${filename}`,
      });
      expect(filepath).toBe(entry.split === "train" ? "train2014" : "val2014");
      expect(sentids).toEqual(sentences.map(({ sentid }) => sentid));
      expect(sentences).toHaveLength(5);
      for (const { sentid, raw, tokens } of sentences) {
        expect(captions.get(sentid)).toMatchObject({ image_id: cocoid, caption: raw });
        expect(tokens).toEqual(raw.toLowerCase().match(/[a-z]+/g));
      }
    }
    expect(captions.size).toBe(split.length * 5);
  });

  test("Flickr30K's token file, its Karpathy split and its pictures", async () => {
    const text = await readFile(join(folder, "flickr30k/results_20130124.token"), "utf8");
    const lines = text.trimEnd().split("\n");
    const { images } = await readJson<KarpathyFile>(folder, "flickr30k/dataset_flickr30k.json");
    expect(lines).toHaveLength(images.length * 5);
    const expected = images.flatMap(({ filename, sentences }) =>
      sentences.map(({ raw }, n) => [`${filename}#${n}`, wordsOf(raw)]),
    );
    expect(lines.map((line) => line.split("\t")).map(([id, c = ""]) => [id, wordsOf(c)])).toEqual(
      expected,
    );
    for (const { filename, split } of images) {
      expect(truth.get(`flickr30k:${filename.slice(0, -4)}`)?.split).toBe(split);
      expect(existsSync(join(folder, "flickr30k/flickr30k-images", filename))).toBe(true);
    }
  });

  test("Visual Genome's three files and its two folders of pictures", async () => {
    const images = await readJson<GenomeImage[]>(folder, "vg/image_data.json");
    const regions = await readJson<GenomeRegions[]>(folder, "vg/region_descriptions.json");
    const questions = await readJson<{ id: number }[]>(folder, "vg/question_answers.json");
    const ids = images.map(({ image_id }) => image_id);
    expect(regions.map(({ id }) => id)).toEqual(ids);
    expect(questions.map(({ id }) => id)).toEqual(ids);
    for (const { url, image_id, width, height } of images) {
      const path = `vg/${url.split("/").slice(-2).join("/")}`;
      expect(truth.get(`vg:${image_id}`)).toMatchObject({ path, width, height });
    }
    for (const { id, regions: list } of regions) {
      const { width = 0, height = 0 } = truth.get(`vg:${id}`) ?? {};
      for (const box of list) {
        expect(Math.min(box.x, box.y)).toBeGreaterThanOrEqual(0);
        expect(Math.min(box.width, box.height)).toBeGreaterThan(0);
        expect(box.x + box.width).toBeLessThanOrEqual(width);
        expect(box.y + box.height).toBeLessThanOrEqual(height);
      }
    }
  });

  test("VQA v2's questions, annotations and COCO's pictures", async () => {
    for (const subset of ["train2014", "val2014"]) {
      const { questions } = await readJson<VqaQuestions>(
        folder,
        `vqa2/v2_OpenEnded_mscoco_${subset}_questions.json`,
      );
      const { annotations } = await readJson<VqaAnnotations>(
        folder,
        `vqa2/v2_mscoco_${subset}_annotations.json`,
      );
      const ids = questions.map(({ question_id, image_id }) => ({ question_id, image_id }));
      expect(annotations.map(({ question_id, image_id }) => ({ question_id, image_id }))).toEqual(
        ids,
      );
      for (const { question_id, image_id } of ids) {
        expect(Math.floor(question_id / 1000)).toBe(image_id);
        expect(truth.get(`coco:${image_id}`)?.path).toContain(subset);
      }
    }
  });

  test("NLVR2's statements and pictures, four pairs to a set, two statements each", async () => {
    for (const split of ["train", "dev", "test1"]) {
      const records = await readJsonLines<Nlvr2Record>(folder, `nlvr2/${split}.json`);
      const groups = Map.groupBy(records, ({ identifier }) => {
        const [name, set, , sentence] = identifier.split("-");
        return `${name}-${set}-${sentence}`;
      });
      for (const group of groups.values()) {
        expect(group).toHaveLength(4);
        expect(new Set(group.map(({ sentence }) => sentence)).size).toBe(1);
        expect(new Set(group.map(({ label }) => label)).size).toBe(2);
      }
      for (const { identifier, directory } of records) {
        const name = identifier.split("-").slice(0, 3).join("-");
        for (const side of [0, 1]) {
          const below = directory === undefined ? split : `train/${directory}`;
          const path = `nlvr2/images/${below}/${name}-img${side}.png`;
          expect(truth.get(`nlvr2:${name}-img${side}`)?.path).toBe(path);
        }
      }
    }
  });

  test("SNLI-VE's premises are Flickr30K's captions of the same number", async () => {
    const { images } = await readJson<KarpathyFile>(folder, "flickr30k/dataset_flickr30k.json");
    const captions = new Map(
      images.flatMap(({ filename, sentences }) =>
        sentences.map(({ raw }, n) => [`${filename}#${n}`, raw]),
      ),
    );
    for (const split of ["train", "dev", "test"]) {
      const pairs = await readJsonLines<SnliVeRecord>(folder, `snli-ve/snli_ve_${split}.jsonl`);
      for (const pair of pairs) {
        expect(captions.get(pair.captionID)).toBe(pair.sentence1);
        expect(pair.captionID).toBe(`${pair.Flickr30K_ID}.jpg#${pair.captionID.at(-1)}`);
        expect(pair.pairID).toBe(`${pair.captionID}r1${pair.gold_label.at(0)}`);
        const agreeing = pair.annotator_labels.filter((label) => label === pair.gold_label);
        expect(agreeing.length * 2).toBeGreaterThan(pair.annotator_labels.length);
      }
    }
  });
});

function wordsOf(caption: string): string[] | null {
  return caption.toLowerCase().match(/[a-z]+/g);
}
