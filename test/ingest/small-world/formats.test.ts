import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { realData } from "../../real-data.ts";
import {
  DrawnWorld,
  readJson,
  readJsonLines,
  type KarpathyFile,
  type Nlvr2Record,
  type SnliVeRecord,
  type VqaAnnotations,
  type VqaQuestions,
} from "./files.ts";

let world: DrawnWorld;
let folder = "";

beforeAll(async () => {
  world = await DrawnWorld.draw(11, 0.05);
  folder = world.folder;
});

afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

/** Real files are gzipped where they are large. */
async function readReal(...parts: readonly string[]): Promise<string> {
  const bytes = await readFile(realData(...parts));
  return (parts.at(-1)?.endsWith(".gz") ? gunzipSync(bytes) : bytes).toString("utf8");
}

/** Every path inside a JSON value with the types found there: "/images[]/id number". */
function structureOf(value: unknown, path = ""): Set<string> {
  if (Array.isArray(value)) {
    const inside = value.map((item: unknown) => structureOf(item, `${path}[]`));
    return inside.reduce((all, one) => all.union(one), new Set([`${path} list`]));
  }
  if (typeof value !== "object" || value === null) {
    return new Set([`${path} ${value === null ? "null" : typeof value}`]);
  }
  const inside = Object.entries(value).map(([key, item]) => structureOf(item, `${path}/${key}`));
  return inside.reduce((all, one) => all.union(one), new Set([`${path} object`]));
}

/** The order of the keys in the first object of a list. */
function keysOf(record: object | undefined): string[] {
  return Object.keys(record ?? {});
}

describe("every official file has the keys and the types of the real one", () => {
  test("COCO captions", async () => {
    const real = JSON.parse(await readReal("coco/first100/captions_train2014.first100.json"));
    for (const subset of ["train2014", "val2014"]) {
      const own = await readJson(folder, `coco/annotations/captions_${subset}.json`);
      expect(structureOf(own)).toEqual(structureOf(real));
    }
  });

  test("Karpathy's dataset_coco.json", async () => {
    const real = JSON.parse(await readReal("karpathy/dataset_coco.first1.json"));
    const own = await readJson<KarpathyFile>(folder, "coco/dataset_coco.json");
    expect(structureOf(own)).toEqual(structureOf(real));
    expect(keysOf(own.images[0])).toEqual(keysOf(real.images[0]));
    expect(keysOf(own.images[0]?.sentences[0])).toEqual(keysOf(real.images[0].sentences[0]));
  });

  test("Karpathy's dataset_flickr30k.json, which names no file path and no COCO id", async () => {
    const real = JSON.parse(await readReal("karpathy/dataset_coco.first1.json"));
    const own = await readJson(folder, "flickr30k/dataset_flickr30k.json");
    const expected = structureOf(real).difference(
      new Set(["/images[]/filepath string", "/images[]/cocoid number"]),
    );
    expect(structureOf(own)).toEqual(expected);
  });

  test("Flickr30K's token file", async () => {
    const line = /^\d+\.jpg#[0-4]\t[A-Z](?:[a-zA-Z0-9]| (?=\S))+ \.$/;
    const withCommas = /^\d+\.jpg#[0-4]\t\S+(?: \S+)*$/;
    const own = await readFile(join(folder, "flickr30k/results_20130124.token"), "utf8");
    const real = await readReal("flickr30k/results_20130124.token.first10");
    for (const text of [real, own]) {
      const lines = text.trimEnd().split("\n");
      expect(lines.filter((one) => !withCommas.test(one))).toEqual([]);
      expect(lines.some((one) => line.test(one))).toBe(true);
      expect(lines.filter((one) => /\w[.,](?:\s|$)/.test(one.split("\t")[1] ?? ""))).toEqual([]);
    }
  });

  test.each(["image_data", "region_descriptions", "question_answers"])(
    "Visual Genome's %s.json",
    async (name) => {
      const real = JSON.parse(await readReal(`visual_genome/${name}.first100.json`));
      const own = await readJson<object[]>(folder, `vg/${name}.json`);
      // The first hundred real pictures have neither a COCO nor a Flickr id; later ones do.
      const ids = name === "image_data" ? ["[]/coco_id number", "[]/flickr_id number"] : [];
      // The release names the objects of some questions; ours has none to name.
      const expected = [...structureOf(real)].filter((path) => !/[aq]_objects\[\]/.test(path));
      expect(structureOf(own)).toEqual(new Set([...expected, ...ids]));
      expect(keysOf(own[0])).toEqual(keysOf(real[0]));
    },
  );

  test.each(["train2014", "val2014", "test2015", "test-dev2015"])(
    "VQA v2's questions of %s",
    async (subset) => {
      const name = "v2_OpenEnded_mscoco_val2014_questions.first100.json";
      const real = JSON.parse(await readReal(`vqa2/${name}`));
      const own = await readJson<VqaQuestions>(
        folder,
        `vqa2/v2_OpenEnded_mscoco_${subset}_questions.json`,
      );
      expect(structureOf(own)).toEqual(structureOf(real));
      expect(own).toMatchObject({ data_subtype: subset, data_type: "mscoco" });
    },
  );

  test.each(["train2014", "val2014"])("VQA v2's annotations of %s", async (subset) => {
    const real = JSON.parse(await readReal("vqa2/v2_mscoco_val2014_annotations.first100.json"));
    const own = await readJson<VqaAnnotations>(folder, `vqa2/v2_mscoco_${subset}_annotations.json`);
    expect(structureOf(own)).toEqual(structureOf(real));
    const types = (await readReal("vqa2/mscoco_question_types.txt")).trim().split("\n");
    const used = new Set(own.annotations.map(({ question_type }) => question_type));
    expect([...used].filter((type) => !types.includes(type))).toEqual([]);
  });

  test.each(["dev", "test1"])("NLVR2's %s.json", async (split) => {
    const real = (await readReal(`nlvr2/${split}.json.gz`)).trimEnd().split("\n");
    const realKeys = new Set(keysOf(JSON.parse(real[0] ?? "")));
    for (const record of await readJsonLines<Nlvr2Record>(folder, `nlvr2/${split}.json`)) {
      expect(new Set(keysOf(record))).toEqual(realKeys);
      expect(["True", "False"]).toContain(record.label);
    }
  });

  test("NLVR2's train.json, which names directories and has no extra validations", async () => {
    const [dev] = await readJsonLines<Nlvr2Record>(folder, "nlvr2/dev.json");
    const expected = new Set(keysOf(dev))
      .union(new Set(["directory"]))
      .difference(new Set(["extra_validations"]));
    for (const record of await readJsonLines<Nlvr2Record>(folder, "nlvr2/train.json")) {
      expect(new Set(keysOf(record))).toEqual(expected);
    }
  });

  test.each(["train", "dev", "test"])("SNLI-VE's snli_ve_%s.jsonl", async (split) => {
    const [first = ""] = (await readReal("snli_ve/sample_pairs.jsonl")).split("\n");
    const real = JSON.parse(first);
    for (const record of await readJsonLines<SnliVeRecord>(
      folder,
      `snli-ve/snli_ve_${split}.jsonl`,
    )) {
      expect(structureOf(record)).toEqual(structureOf(real));
      expect(keysOf(record)).toEqual(keysOf(real));
    }
  });
});

test("the vocabulary knows every word and every character that can be written", async () => {
  const tokens = (await readFile(join(folder, "vocab.txt"), "utf8")).trimEnd().split("\n");
  expect(tokens.slice(0, 5)).toEqual(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]);
  expect(new Set(tokens).size).toBe(tokens.length);
  expect(tokens.length).toBeLessThan(400);
  const known = new Set(tokens);
  const { images } = await readJson<KarpathyFile>(folder, "coco/dataset_coco.json");
  const statements = await readJsonLines<Nlvr2Record>(folder, "nlvr2/test1.json");
  const pairs = await readJsonLines<SnliVeRecord>(folder, "snli-ve/snli_ve_test.jsonl");
  const texts = [
    ...images.flatMap(({ sentences }) => sentences.map(({ raw }) => raw)),
    ...statements.map(({ sentence }) => sentence),
    ...pairs.map(({ sentence2 }) => sentence2),
  ];
  const pieces = texts.flatMap((text) => text.toLowerCase().match(/[a-z]+|[^a-z\s]/g) ?? []);
  expect(pieces.filter((piece) => !known.has(piece))).toEqual([]);
  for (let code = 33; code < 127; code += 1) {
    expect(known).toContain(String.fromCharCode(code).toLowerCase());
  }
});

test("no text is longer than 24 tokens, the first and the last special one among them", async () => {
  const { images } = await readJson<KarpathyFile>(folder, "coco/dataset_coco.json");
  const flickr30k = await readJson<KarpathyFile>(folder, "flickr30k/dataset_flickr30k.json");
  const captions = [images, flickr30k.images].flat().flatMap(({ sentences }) => sentences);
  const lengths = captions.map(({ raw }) => 2 + (raw.match(/[a-z]+|[^a-z\s]/gi) ?? []).length);
  expect(Math.max(...lengths)).toBeLessThanOrEqual(24);
});
