import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { flickrPhotoId } from "../../../src/core/keys.ts";
import {
  DrawnWorld,
  digestFiles,
  readJson,
  readJsonLines,
  readTruth,
  type CocoFile,
  type GenomeImage,
  type KarpathyFile,
  type Leak,
  type Nlvr2Record,
  type SnliVeRecord,
  type VqaAnnotations,
  type VqaQuestions,
} from "./files.ts";
import type { TruePicture } from "./truth.ts";

let world: DrawnWorld;
let folder = "";
let truth: Map<string, TruePicture>;
let leaks: readonly Leak[];
let digests: Map<string, string>;
let photoIds: Map<string, string>;
let cocoIds: Map<string, string>;

beforeAll(async () => {
  world = await DrawnWorld.draw(5, 0.05);
  folder = world.folder;
  truth = await readTruth(folder);
  ({ leaks } = await readJson<{ leaks: Leak[] }>(folder, "planted-leaks.json"));
  digests = await digestFiles(folder);
  const genome = await readJson<GenomeImage[]>(folder, "vg/image_data.json");
  photoIds = await readPhotoIds(genome);
  cocoIds = new Map(genome.map(({ image_id, coco_id }) => [`vg:${image_id}`, `coco:${coco_id}`]));
});

afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

/** The Flickr photo id that the annotation files alone give each picture. */
async function readPhotoIds(genome: readonly GenomeImage[]): Promise<Map<string, string>> {
  const found = new Map<string, string | undefined>();
  for (const subset of ["train2014", "val2014"]) {
    const path = `coco/annotations/captions_${subset}.json`;
    const { images } = await readJson<CocoFile>(folder, path);
    for (const image of images) found.set(`coco:${image.id}`, flickrPhotoId(image.flickr_url));
  }
  const { images } = await readJson<KarpathyFile>(folder, "flickr30k/dataset_flickr30k.json");
  for (const { filename } of images) {
    const id = filename.slice(0, -".jpg".length);
    found.set(`flickr30k:${id}`, id);
  }
  for (const { image_id, flickr_id } of genome) {
    found.set(`vg:${image_id}`, flickr_id === null ? undefined : String(flickr_id));
  }
  for (const split of ["train", "dev", "test1"]) {
    for (const record of await readJsonLines<Nlvr2Record>(folder, `nlvr2/${split}.json`)) {
      const name = record.identifier.split("-").slice(0, 3).join("-");
      found.set(`nlvr2:${name}-img0`, flickrPhotoId(record.left_url));
      found.set(`nlvr2:${name}-img1`, flickrPhotoId(record.right_url));
    }
  }
  return new Map([...found].flatMap(([key, id]) => (id === undefined ? [] : [[key, id]])));
}

function ofKind(kind: string): Leak[] {
  return leaks.filter((leak) => leak.kind === kind);
}

/** Width, height and 8-bit RGB pixels. */
async function pixelsOf(path: string, size?: { width: number; height: number }) {
  const picture = sharp(join(folder, path));
  const sized = size === undefined ? picture : picture.resize({ ...size, fit: "fill" });
  return sized.raw().toBuffer({ resolveWithObject: true });
}

function meanDifference(a: Uint8Array, b: Uint8Array): number {
  expect(a.length).toBe(b.length);
  let sum = 0;
  for (const [index, level] of a.entries()) sum += Math.abs(level - (b[index] ?? 0));
  return sum / a.length;
}

describe("every planted leak really is there", () => {
  test("all kinds are, and each names two pictures of the ground truth that show one photograph", () => {
    expect([...new Set(leaks.map(({ kind }) => kind))].toSorted()).toEqual([
      "cropped",
      "flipped",
      "mirrored-id",
      "re-encoded",
      "resized",
      "same-bytes",
      "same-flickr-photo",
      "same-key",
      "text-with-label",
    ]);
    for (const leak of leaks) {
      const [train, evaluation] = [truth.get(leak.train.key), truth.get(leak.eval.key)];
      expect(train?.path).toBe(leak.train.path);
      expect(evaluation?.path).toBe(leak.eval.path);
      expect(train?.photograph).toBe(evaluation?.photograph);
      expect([leak.chain[0], leak.chain.at(-1)]).toEqual([leak.train.key, leak.eval.key]);
    }
  });

  test("within COCO: four by their bytes, four by their Flickr photo", () => {
    const inside = leaks.filter(
      (leak) => leak.train.dataset === "coco" && leak.eval.dataset === "coco",
    );
    expect(inside.filter(({ kind }) => kind === "same-bytes")).toHaveLength(4);
    expect(inside.filter(({ kind }) => kind === "same-flickr-photo")).toHaveLength(4);
    expect(inside).toHaveLength(8);
    for (const { train, eval: evaluation } of inside) {
      expect(["train", "restval"]).toContain(train.split);
      expect(["val", "test"]).toContain(evaluation.split);
      expect(truth.get(train.key)?.split).toBe(train.split);
      expect(truth.get(evaluation.key)?.split).toBe(evaluation.split);
    }
  });

  test("same bytes, which no id in the annotation files gives away", () => {
    for (const { train, eval: evaluation } of ofKind("same-bytes")) {
      expect(digests.get(train.path)).toBe(digests.get(evaluation.path));
      const trainPhoto = photoIds.get(train.key) ?? "none in training";
      expect(trainPhoto).not.toBe(photoIds.get(evaluation.key));
    }
  });

  test("same Flickr photo, in other bytes", () => {
    for (const { train, eval: evaluation } of ofKind("same-flickr-photo")) {
      expect(photoIds.get(train.key)).toBeDefined();
      expect(photoIds.get(train.key)).toBe(photoIds.get(evaluation.key));
      expect(digests.get(train.path)).not.toBe(digests.get(evaluation.path));
    }
  });

  test("same key: one picture in two splits, or Visual Genome's own COCO id", () => {
    for (const { train, eval: evaluation } of ofKind("same-key")) {
      expect([train.key, cocoIds.get(train.key)]).toContain(evaluation.key);
    }
  });

  test("mirrored ids, which lead over a COCO picture to an evaluation picture", () => {
    for (const { train, eval: evaluation, chain } of ofKind("mirrored-id")) {
      const [, stone = ""] = chain;
      expect(chain).toHaveLength(3);
      expect(cocoIds.get(train.key)).toBe(stone);
      expect(photoIds.has(train.key)).toBe(false);
      const stonePath = truth.get(stone)?.path ?? "";
      const isLinked =
        photoIds.get(stone) === photoIds.get(evaluation.key) ||
        digests.get(stonePath) === digests.get(evaluation.path);
      expect(isLinked).toBe(true);
    }
  });

  test.each(["re-encoded", "resized", "cropped", "flipped"])(
    "%s: other bytes, no common id, the same to see",
    async (kind) => {
      expect(ofKind(kind).length).toBeGreaterThan(0);
      for (const { train, eval: evaluation } of ofKind(kind)) {
        expect(truth.get(train.key)?.rendering).toBe(kind);
        expect(digests.get(train.path)).not.toBe(digests.get(evaluation.path));
        expect(photoIds.has(train.key)).toBe(false);
        expect(cocoIds.get(train.key) ?? "coco:null").toBe("coco:null");
        const { width, height } = (await pixelsOf(evaluation.path)).info;
        const original = await pixelsOf(evaluation.path, { width, height });
        const whole = kind === "cropped" ? await cropOf(evaluation.path, train.path) : original;
        const copy = sharp(join(folder, train.path));
        const seen = kind === "flipped" ? copy.flop() : copy;
        const target = kind === "cropped" ? whole.info : { width, height };
        const shown = await seen
          .resize({ width: target.width, height: target.height, fit: "fill" })
          .raw()
          .toBuffer();
        expect(meanDifference(shown, whole.data)).toBeLessThan(8);
      }
    },
  );

  test("a question with its answer, in VQA v2's training and validation", async () => {
    const [train, val] = [await readAnswers("train2014"), await readAnswers("val2014")];
    const planted = ofKind("text-with-label").filter((leak) => leak.train.dataset === "vqa2");
    expect(planted.length).toBeGreaterThan(2);
    for (const leak of planted) {
      const asked = train.get(leak.train.textId ?? "");
      expect(asked).toBeDefined();
      expect(asked).toEqual(val.get(leak.eval.textId ?? ""));
    }
  });

  test("a pair with its label, in SNLI-VE's training and test", async () => {
    const [train, evaluation] = [await readPairs("train"), await readPairs("test")];
    const planted = ofKind("text-with-label").filter((leak) => leak.train.dataset === "snli-ve");
    expect(planted).toHaveLength(2);
    for (const { train: side } of planted) {
      expect(train.get(side.textId ?? "")).toEqual(evaluation.get(side.textId ?? ""));
    }
    const common = [...train.keys()].filter((id) => evaluation.has(id));
    expect(common.toSorted()).toEqual(
      planted.map(({ train: side }) => side.textId ?? "").toSorted(),
    );
  });
});

/** Question and answer, by question id. */
async function readAnswers(subset: string): Promise<Map<string, readonly unknown[]>> {
  const path = `vqa2/v2_OpenEnded_mscoco_${subset}_questions.json`;
  const { questions } = await readJson<VqaQuestions>(folder, path);
  const { annotations } = await readJson<VqaAnnotations>(
    folder,
    `vqa2/v2_mscoco_${subset}_annotations.json`,
  );
  const answerOf = new Map(
    annotations.map((entry) => [entry.question_id, entry.multiple_choice_answer]),
  );
  return new Map(
    questions.map(({ question_id, question }) => [
      String(question_id),
      [question, answerOf.get(question_id)],
    ]),
  );
}

async function readPairs(split: string): Promise<Map<string, SnliVeRecord>> {
  const pairs = await readJsonLines<SnliVeRecord>(folder, `snli-ve/snli_ve_${split}.jsonl`);
  return new Map(pairs.map((pair) => [pair.pairID, pair]));
}

async function cropOf(path: string, croppedPath: string) {
  const { width, height } = (await pixelsOf(path)).info;
  const { info } = await pixelsOf(croppedPath);
  const [left, top] = [Math.round(width * 0.05), Math.round(height * 0.03)];
  return sharp(join(folder, path))
    .extract({ left, top, width: info.width, height: info.height })
    .raw()
    .toBuffer({ resolveWithObject: true });
}

describe("no leak is there that is not in the list", () => {
  test("two pictures with the same bytes are a planted pair", () => {
    const pictures = [...truth.values()];
    const groups = Map.groupBy(pictures, ({ path }) => digests.get(path));
    const pairs = [...groups.values()].filter((group) => group.length > 1);
    const found = pairs.map((group) =>
      group
        .map(({ key }) => key)
        .toSorted()
        .join(" "),
    );
    const planted = ofKind("same-bytes").map((leak) =>
      [leak.train.key, leak.eval.key].toSorted().join(" "),
    );
    expect(found.toSorted()).toEqual(planted.toSorted());
  });

  test("two pictures of one Flickr photo in training and evaluation are a planted pair", () => {
    const groups = Map.groupBy(photoIds, ([, id]) => id);
    const found = [...groups.values()].flatMap((group) => {
      const keys = group.map(([key]) => key);
      const train = keys.filter((key) => !isEvaluation(key));
      return keys
        .filter((key) => isEvaluation(key))
        .flatMap((key) => train.map((one) => `${one} ${key}`));
    });
    const planted = ofKind("same-flickr-photo").map((leak) => `${leak.train.key} ${leak.eval.key}`);
    expect(found.toSorted()).toEqual(planted.toSorted());
  });

  test("two pictures of one photograph in training and evaluation are a planted pair, or both copies of one", () => {
    const groups = Map.groupBy(truth.values(), ({ photograph }) => photograph);
    const planted = new Set(leaks.map((leak) => `${leak.train.key} ${leak.eval.key}`));
    for (const group of groups.values()) {
      const train = group.filter(({ key }) => !isEvaluation(key));
      const evaluation = group.filter(({ key }) => isEvaluation(key));
      for (const { key } of evaluation) {
        expect(train.filter((one) => !planted.has(`${one.key} ${key}`))).toEqual([]);
      }
    }
  });

  test("one COCO id in Visual Genome and an evaluation split is a planted pair", () => {
    const found = [...cocoIds].filter(([, coco]) => truth.has(coco) && isEvaluation(coco));
    const planted = ofKind("same-key").filter((leak) => leak.train.dataset === "vg");
    expect(found.map(([key]) => key).toSorted()).toEqual(
      planted.map((leak) => leak.train.key).toSorted(),
    );
  });

  test("no SNLI-VE or VQA v2 picture is in two splits but the planted ones", async () => {
    const splitsOf = new Map<string, Set<string>>();
    const note = (key: string, split: string) =>
      splitsOf.set(key, (splitsOf.get(key) ?? new Set()).add(split));
    for (const split of ["train", "dev", "test"]) {
      const pairs = await readJsonLines<SnliVeRecord>(folder, `snli-ve/snli_ve_${split}.jsonl`);
      for (const { Flickr30K_ID } of pairs) note(`flickr30k:${Flickr30K_ID}`, split);
    }
    for (const subset of ["train2014", "val2014"]) {
      const path = `vqa2/v2_OpenEnded_mscoco_${subset}_questions.json`;
      const { questions } = await readJson<VqaQuestions>(folder, path);
      const split = subset === "train2014" ? "train" : "test";
      for (const { image_id } of questions) note(`coco:${image_id}`, split);
    }
    const found = [...splitsOf].filter(([key, splits]) => {
      const own = truth.get(key)?.split === "train" || truth.get(key)?.split === "restval";
      const isTrainedOn = own || splits.has("train");
      return isTrainedOn && (splits.has("dev") || splits.has("test"));
    });
    const planted = ofKind("same-key").filter((leak) => leak.train.key === leak.eval.key);
    expect(found.map(([key]) => key).toSorted()).toEqual(
      planted.map((leak) => leak.train.key).toSorted(),
    );
  });
});

/** Whether a dataset evaluates on the picture by its own split. */
function isEvaluation(key: string): boolean {
  return ["val", "test", "dev", "test1", "test2015"].includes(truth.get(key)?.split ?? "");
}
