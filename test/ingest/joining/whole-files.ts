import { captions } from "../../../src/ingest/datasets/captions.ts";
import { coco } from "../../../src/ingest/datasets/coco.ts";
import { conceptualCaptions } from "../../../src/ingest/datasets/conceptual-captions.ts";
import { flickr30k } from "../../../src/ingest/datasets/flickr30k.ts";
import { nlvr2 } from "../../../src/ingest/datasets/nlvr2.ts";
import { refcoco, refcocog, refcocoPlus } from "../../../src/ingest/datasets/refcoco.ts";
import { sbu } from "../../../src/ingest/datasets/sbu.ts";
import { snliVe } from "../../../src/ingest/datasets/snli-ve.ts";
import { vcr } from "../../../src/ingest/datasets/vcr.ts";
import { visualGenome } from "../../../src/ingest/datasets/visual-genome.ts";
import { vqa2 } from "../../../src/ingest/datasets/vqa2.ts";
import type { Source, SourceOptions } from "../../../src/ingest/source.ts";
import { cocoCaption, cocoImage, cocoName, karpathySplits } from "../coco-folder.ts";
import { realFile } from "../datasets/flickr30k-folder.ts";
import { imageOf, objectOf, pickled, refcocoFiles, refOf } from "../datasets/refcoco-folder.ts";
import { imageRecord, questionRecord, regionRecord } from "../datasets/visual-genome-folder.ts";
import { annotationOf, questionOf } from "../datasets/vqa2-folder.ts";
import {
  IMAGE_LABELS,
  jsonLines,
  realVcr,
  SBU,
  TRAINING,
  vcrRecord,
  vcrTestRecord,
} from "../datasets/web-and-film-folders.ts";

/** A file before anything happens to it: its bytes, or the value that is encoded as them. */
export type WholeFile = Buffer | { readonly value: unknown; readonly encode: Encoding };
type Encoding = "json" | "pickle";

/** A few records in every form in which a dataset is published, real ones where there are any. */
export interface WholeFiles {
  readonly name: string;
  readonly source: Source;
  readonly choice?: Partial<SourceOptions>;
  /** By path below the source folder. */
  readonly files: () => Promise<Readonly<Record<string, WholeFile>>>;
}

export function bytesOf(file: WholeFile): Buffer {
  if (Buffer.isBuffer(file)) return file;
  return file.encode === "pickle" ? pickled(file.value) : Buffer.from(JSON.stringify(file.value));
}

function json(value: unknown): WholeFile {
  return { value, encode: "json" };
}

async function firstLines(count: number, ...parts: readonly string[]): Promise<Buffer> {
  const lines = (await realFile(...parts)).toString().split("\n");
  return Buffer.from(`${lines.slice(0, count).join("\n")}\n`);
}

const ids = [1, 2, 3, 4, 5];

function cocoDocument(subset: string): WholeFile {
  return json({
    info: { year: 2014 },
    images: ids.map((id) => cocoImage(id, subset)),
    licenses: [{ url: "http://example.org/by", id: 4, name: "Attribution License" }],
    annotations: ids.flatMap((id) => [
      cocoCaption(id, id, `"a": {text}, [${id}]`),
      cocoCaption(id + 10, id, "öäü 字"),
    ]),
  });
}

const cocoCases: readonly WholeFiles[] = [
  {
    name: "COCO of both years in one split",
    source: coco,
    files: async () => ({
      "coco/annotations/captions_train2014.json": cocoDocument("train2014"),
      "coco/annotations/captions_train2017.json": cocoDocument("train2017"),
    }),
  },
  {
    name: "COCO with Karpathy's lists",
    source: coco,
    choice: { splits: karpathySplits },
    files: async () => ({
      "coco/annotations/captions_val2014.json": cocoDocument("val2014"),
      ...Object.fromEntries(
        ["train", "restval", "val", "test"].map((part, index) => {
          const names = ids.slice(index, index + 1).map((id) => cocoName(id, "val2014"));
          return [`karpathy/coco_${part}.txt`, Buffer.from(`${names.join("\n")}\n`)];
        }),
      ),
    }),
  },
];

const genomeCase: WholeFiles = {
  name: "Visual Genome",
  source: visualGenome,
  files: async () => ({
    "vg/image_data.json": json([
      imageRecord(1, { coco_id: 5 }),
      imageRecord(2, { flickr_id: 6 }),
      imageRecord(3),
    ]),
    "vg/region_descriptions.json": json(
      [1, 2].map((id) => ({ id, regions: [10, 20].map((at) => regionRecord(at + id, id)) })),
    ),
    "vg/question_answers.json": json(
      [1, 2, 3].map((id) => ({ id, qas: [questionRecord(id, id)] })),
    ),
  }),
};

const vqaCase: WholeFiles = {
  name: "VQA v2",
  source: vqa2,
  files: async () => {
    const asked = [1000, 1001, 2000];
    const head = { info: { version: "2.0" }, data_type: "mscoco" };
    return {
      "vqa2/v2_OpenEnded_mscoco_val2014_questions.json": json({
        ...head,
        questions: asked.map((id) => questionOf(id, Math.floor(id / 1000))),
      }),
      "vqa2/v2_mscoco_val2014_annotations.json": json({
        ...head,
        annotations: asked.map((id) => annotationOf(id, Math.floor(id / 1000))),
      }),
    };
  },
};

const flickrCases: readonly WholeFiles[] = [
  {
    name: "Flickr30K's .token file",
    source: flickr30k,
    files: async () => ({
      "flickr30k/results_20130124.token": await realFile(
        "flickr30k/results_20130124.token.first10",
      ),
    }),
  },
  {
    name: "Flickr30K's results.csv",
    source: flickr30k,
    files: async () => ({
      "flickr30k/results.csv": await realFile("flickr30k/results.sample1.csv"),
    }),
  },
  {
    name: "SNLI-VE",
    source: snliVe,
    files: async () => ({
      "snli-ve/snli_ve_train.jsonl": await realFile("snli_ve/sample_data.old-field-names.jsonl"),
      "snli-ve/snli_ve_dev.jsonl": await firstLines(4, "snli_ve/sample_pairs.jsonl"),
    }),
  },
  {
    name: "e-SNLI-VE",
    source: snliVe,
    files: async () => ({
      "snli-ve/esnlive_dev.csv": await firstLines(8, "snli_ve/esnlive_dev.csv.gz"),
    }),
  },
  {
    name: "NLVR2",
    source: nlvr2,
    files: async () => ({
      "nlvr2/dev.json": await firstLines(4, "nlvr2/dev.json.gz"),
      "nlvr2/test1.json": await firstLines(3, "nlvr2/test1.json.gz"),
    }),
  },
];

const ownCase: WholeFiles = {
  name: "pictures and texts of one's own",
  source: captions,
  files: () =>
    Promise.resolve({
      "mine/captions.jsonl": Buffer.from(
        jsonLines([
          { picture: "a.jpg", text: "a dog", id: "1" },
          { picture: "b.jpg", texts: ["a cat", "öäü 字"], split: "val" },
          { picture: "a.jpg", question: "what is it?", answers: ["a dog"], id: "2" },
        ]),
      ),
    }),
};

const webCases: readonly WholeFiles[] = [
  {
    name: "Conceptual Captions",
    source: conceptualCaptions,
    files: async () => ({
      [TRAINING]: await realFile("conceptual_captions", "Train_GCC-training.first5.tsv"),
      [IMAGE_LABELS]: await firstLines(
        3,
        "conceptual_captions",
        "Image_Labels_Subset_Train_GCC-Labels-training.first6.tsv",
      ),
    }),
  },
  {
    name: "SBU's JSON",
    source: sbu,
    files: async () => {
      const bytes = await realFile("sbu", "sbu-captions-all.first5.json");
      return { [SBU]: json(JSON.parse(bytes.toString())) };
    },
  },
  {
    name: "VCR",
    source: vcr,
    files: async () => ({
      "vcr/train.jsonl": Buffer.from(jsonLines([await realVcr("train"), vcrRecord("train-7")])),
      "vcr/test.jsonl": Buffer.from(jsonLines([vcrTestRecord("test-0")])),
    }),
  },
];

function refcocoCase(source: Source, refs: string): WholeFiles {
  return {
    name: source.dataset,
    source,
    files: async () => {
      const content = {
        refs: [refOf(1, 9), refOf(2, 9), refOf(3, 10, { split: "val" })],
        images: [imageOf(9), imageOf(10)],
        annotations: [objectOf(1, 9), objectOf(2, 9), objectOf(3, 10), objectOf(4, 10)],
      };
      const instances = refs.replace(/[^/]*$/, "instances.json");
      const text = String(refcocoFiles(content, refs)[instances]);
      return {
        [refs]: { value: content.refs, encode: "pickle" },
        [instances]: json(JSON.parse(text)),
      };
    },
  };
}

/** Every dataset, in every form in which it is published. */
export const wholeFiles: readonly WholeFiles[] = [
  ...cocoCases,
  genomeCase,
  vqaCase,
  ...flickrCases,
  ownCase,
  ...webCases,
  refcocoCase(refcoco, "refcoco/refcoco/refs(unc).p"),
  refcocoCase(refcocoPlus, "refcoco/refcoco+/refs(unc).p"),
  refcocoCase(refcocog, "refcoco/refcocog/refs(umd).p"),
];
