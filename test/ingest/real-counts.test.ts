import { describe, expect, it } from "vitest";
import { isObject } from "../../src/ingest/annotations/record-fields.ts";
import type { FileReading } from "../../src/ingest/joining/dataset-reading.ts";
import { EntryFile, type FileEntry } from "../../src/ingest/joining/entry-file.ts";
import { realData } from "../real-data.ts";

/** Every entry of a real file, as the engine reads it. */
async function entriesOf(path: string, format: FileReading["format"]): Promise<FileEntry[]> {
  using file = new EntryFile({ path, absolutePath: realData(path) }, format);
  return (await Array.fromAsync(file.entries())).flat();
}

interface CountedFile {
  readonly path: string;
  readonly format: FileReading["format"];
  /** Per list, how many entries; "" where the document is the list. */
  readonly entries: Readonly<Record<string, number>>;
  /** How many entries are in the lists inside the entries, by their key. */
  readonly inside?: Readonly<Record<string, number>>;
}

/** The counts that shared/data/README.md lists. */
const counted: readonly CountedFile[] = [
  {
    path: "coco/captions_val2017.json.gz",
    format: "json",
    entries: { images: 5000, annotations: 25_014 },
  },
  {
    path: "coco/captions_val2014.subset4800.json.gz",
    format: "json",
    entries: { images: 4800, annotations: 24_019 },
  },
  {
    path: "coco/mini/captions_train2017.mini80.json",
    format: "json",
    entries: { images: 80, annotations: 400 },
  },
  {
    path: "coco/mini/instances_train2017.mini80.json",
    format: "json",
    entries: { images: 80, annotations: 739 },
  },
  {
    path: "coco/mini/captions_val2017.mini79.json",
    format: "json",
    entries: { images: 79, annotations: 395 },
  },
  {
    path: "coco/mini/instances_val2017.mini79.json",
    format: "json",
    entries: { images: 79, annotations: 624 },
  },
  {
    path: "coco/first100/captions_train2014.first100.json",
    format: "json",
    entries: { images: 100, annotations: 100 },
  },
  {
    path: "coco/first100/instances_train2014.first100.json",
    format: "json",
    entries: { images: 100, annotations: 100 },
  },
  { path: "karpathy/coco_train.txt.gz", format: "lines", entries: { "": 82_783 } },
  { path: "karpathy/coco_restval.txt", format: "lines", entries: { "": 30_504 } },
  { path: "karpathy/coco_val.txt", format: "lines", entries: { "": 5000 } },
  { path: "karpathy/coco_test.txt", format: "lines", entries: { "": 5000 } },
  { path: "karpathy/flickr30k_train.txt", format: "lines", entries: { "": 29_000 } },
  { path: "karpathy/flickr30k_val.txt", format: "lines", entries: { "": 1014 } },
  { path: "karpathy/flickr30k_test.txt", format: "lines", entries: { "": 1000 } },
  {
    path: "karpathy/dataset_coco.first1.json",
    format: "json",
    entries: { images: 1 },
    inside: { sentences: 5 },
  },
  { path: "flickr30k/entities/train.txt", format: "lines", entries: { "": 29_783 } },
  { path: "flickr30k/entities/val.txt", format: "lines", entries: { "": 1000 } },
  { path: "flickr30k/entities/test.txt", format: "lines", entries: { "": 1000 } },
  { path: "flickr30k/results_20130124.token.first10", format: "lines", entries: { "": 10 } },
  ...[1, 2, 3, 4, 5].flatMap((number): CountedFile[] => [
    {
      path: `flickr30k/multi30k/train.${number}.en.gz`,
      format: "lines",
      entries: { "": 29_000 },
    },
    { path: `flickr30k/multi30k/val.${number}.en.gz`, format: "lines", entries: { "": 1014 } },
  ]),
  {
    path: "flickr30k/karpathy_val_ann.jsonl",
    format: "json-lines",
    entries: { "": 1014 },
    inside: { sentences: 5070 },
  },
  { path: "flickr8k/Flickr8k.token.txt.gz", format: "lines", entries: { "": 40_460 } },
  { path: "flickr8k/Flickr_8k.trainImages.txt", format: "lines", entries: { "": 6000 } },
  { path: "flickr8k/Flickr_8k.devImages.txt", format: "lines", entries: { "": 1000 } },
  { path: "flickr8k/Flickr_8k.testImages.txt", format: "lines", entries: { "": 1000 } },
  { path: "visual_genome/image_data.first100.json", format: "json", entries: { "": 100 } },
  {
    path: "visual_genome/region_descriptions.first100.json",
    format: "json",
    entries: { "": 100 },
    inside: { regions: 7278 },
  },
  {
    path: "visual_genome/question_answers.first100.json",
    format: "json",
    entries: { "": 100 },
    inside: { qas: 3393 },
  },
  { path: "visual_genome/butd_train.txt.gz", format: "lines", entries: { "": 98_077 } },
  { path: "visual_genome/butd_val.txt", format: "lines", entries: { "": 5000 } },
  { path: "visual_genome/butd_test.txt", format: "lines", entries: { "": 5000 } },
  {
    path: "vqa2/v2_mscoco_val2014_annotations.first100.json",
    format: "json",
    entries: { annotations: 100 },
    inside: { answers: 1000 },
  },
  {
    path: "vqa2/v2_OpenEnded_mscoco_val2014_questions.first100.json",
    format: "json",
    entries: { questions: 100 },
  },
  {
    path: "vqa2/v2_mscoco_train2014_annotations.first3.json",
    format: "json",
    entries: { annotations: 3 },
  },
  {
    path: "vqa2/v2_OpenEnded_mscoco_train2014_questions.first3.json",
    format: "json",
    entries: { questions: 3 },
  },
  {
    path: "vqa2/okvqa/OpenEnded_mscoco_train2014_questions.json",
    format: "json",
    entries: { questions: 9009 },
  },
  { path: "vqa2/trainval_label2ans.json", format: "json", entries: { "": 3129 } },
  { path: "vqa2/mscoco_question_types.txt", format: "lines", entries: { "": 65 } },
  { path: "vqa2/results.made-up.json", format: "json", entries: { "": 100 } },
  { path: "nlvr2/dev.json.gz", format: "json-lines", entries: { "": 6982 } },
  { path: "nlvr2/test1.json.gz", format: "json-lines", entries: { "": 6967 } },
  // A header besides the 14,339 pairs.
  { path: "snli_ve/esnlive_dev.csv.gz", format: "csv", entries: { "": 14_340 } },
  { path: "snli_ve/sample_pairs.jsonl", format: "json-lines", entries: { "": 16 } },
  { path: "snli_ve/sample_data.old-field-names.jsonl", format: "json-lines", entries: { "": 5 } },
  { path: "snli_ve/flickr30k_train_val.lst", format: "lines", entries: { "": 30_783 } },
  { path: "snli_ve/flickr30k_test.lst", format: "lines", entries: { "": 1000 } },
  { path: "snli_ve/snli_1.0_train.sample.txt", format: "lines", entries: { "": 4 } },
  { path: "snli_ve/snli_1.0_dev.sample.txt", format: "lines", entries: { "": 3 } },
  { path: "snli_ve/snli_1.0_test.sample.txt", format: "lines", entries: { "": 2 } },
  {
    path: "refcoco/refs(unc).first1.p",
    format: "pickle",
    entries: { "": 1 },
    inside: { sentences: 3 },
  },
  {
    path: "refcoco/sample_expressions_testA.json",
    format: "json",
    entries: { predictions: 1984 },
  },
  { path: "vcr/val.sample1.jsonl", format: "json-lines", entries: { "": 1 } },
  { path: "vcr/train.sample1.jsonl", format: "json-lines", entries: { "": 1 } },
  {
    path: "conceptual_captions/Validation_GCC-1.1.0-Validation.first10000.tsv.gz",
    format: "lines",
    entries: { "": 10_000 },
  },
  {
    path: "conceptual_captions/Train_GCC-training.first5.tsv",
    format: "lines",
    entries: { "": 5 },
  },
  {
    path: "conceptual_captions/Image_Labels_Subset_Train_GCC-Labels-training.first6.tsv",
    format: "lines",
    entries: { "": 6 },
  },
  {
    path: "sbu/sbu-captions-all.first5.json",
    format: "json",
    entries: { image_urls: 5, user_ids: 5, captions: 5 },
  },
  {
    path: "overlap/coco_flickr30k_md5_duplicates.txt",
    format: "lines",
    entries: { "": 22 },
  },
];

describe("The real files", () => {
  it.each(counted)("hold what their README says: $path", async ({ path, format, ...expected }) => {
    const entries = await entriesOf(path, format);
    expect(entries.filter(({ fault }) => fault !== null)).toEqual([]);
    const { inside = {} } = expected;
    expect(countsOf(entries, Object.keys(expected.entries))).toEqual(expected.entries);
    expect(
      Object.fromEntries(Object.keys(inside).map((key) => [key, numInside(entries, key)])),
    ).toEqual(inside);
  });

  it.each([
    ["nlvr2/dev_hashes.json", 8102],
    ["nlvr2/test1_hashes.json", 8082],
    ["vqa2/trainval_ans2label.json", 3129],
  ] as const)("map what their README says: %s %i", async (path, numMembers) => {
    const members = await entriesOf(path, "json");
    expect(members.every(({ index, fault }) => index === -1 && fault === null)).toBe(true);
    expect(members).toHaveLength(numMembers);
  });

  it("name 1,975 referring expressions' refs, and 13 crowds among the instances", async () => {
    const expressions = await entriesOf("refcoco/sample_expressions_testA.json", "json");
    expect(new Set(expressions.map(({ value }) => fieldOf(value, "ref_id"))).size).toBe(1975);
    const crowds = async (path: string): Promise<number> =>
      (await entriesOf(path, "json")).filter(({ value }) => fieldOf(value, "iscrowd") === 1).length;
    expect(await crowds("coco/mini/instances_train2017.mini80.json")).toBe(8);
    expect(await crowds("coco/mini/instances_val2017.mini79.json")).toBe(5);
  });

  it("name 8,093 pictures of Flickr8k with 8,092 photo ids", async () => {
    const lines = await entriesOf("flickr8k/Flickr8k.token.txt.gz", "lines");
    const names = lines.map(({ value }) => String(value).replace(/#\d\t.*$/s, ""));
    expect(new Set(names).size).toBe(8093);
    expect(new Set(names.map((name) => name.split("_")[0])).size).toBe(8092);
  });
});

function countsOf(
  entries: readonly FileEntry[],
  members: readonly string[],
): Record<string, number> {
  return Object.fromEntries(
    members.map((member) => [
      member,
      entries.filter((entry) => entry.member === member && entry.index >= 0).length,
    ]),
  );
}

function numInside(entries: readonly FileEntry[], key: string): number {
  return entries.reduce((sum, { value }) => {
    const list = fieldOf(value, key);
    return sum + (Array.isArray(list) ? list.length : 0);
  }, 0);
}

function fieldOf(value: unknown, key: string): unknown {
  return isObject(value) ? value[key] : undefined;
}
