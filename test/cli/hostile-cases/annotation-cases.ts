import { readFile } from "node:fs/promises";
import { gunzipSync } from "node:zlib";
import { expect } from "vitest";
import { cocoCaption, cocoImage, cocoName, drawPicture } from "../../ingest/coco-folder.ts";
import { imageRecord, regionRecord } from "../../ingest/datasets/visual-genome-folder.ts";
import { realData } from "../../real-data.ts";
import {
  behindNumbers,
  CAPTIONS,
  captionsOf,
  type Files,
  type PrepareCase,
} from "./hostile-source.ts";

/**
 * The list of hostile inputs says 2 of damaged and contradictory files. The commands keep 2 for what is wrong with the
 * command line or a recipe: who gets 23 has to mend or download a file, and runs the same command again.
 */
const INPUT_AT_FAULT = "since a file is at fault";

const [FIRST, SECOND] = [`coco/train2017/${cocoName(1)}`, `coco/train2017/${cocoName(2)}`];
const sound = captionsOf(2);

/** The sound captions file with further ones behind its captions, as they stand in JSON. */
function withCaptions(...captions: readonly string[]): string {
  return sound.replace(/\]\}$/, `,${captions.join(",")}]}`);
}

/** A caption of image 1 whose text is spelled as in JSON. */
function spelled(id: number, text: string): string {
  return `{"image_id":1,"id":${id},"caption":"${text}"}`;
}

const json: readonly PrepareCase[] = [
  behindNumbers(8),
  {
    number: 28,
    name: "huge numbers, doubled keys and __proto__",
    exitCode: 0,
    files: () => ({
      [CAPTIONS]: withCaptions(
        `{"image_id":1e308,"id":22,"caption":"huge"}`,
        `{"image_id":1,"image_id":2,"id":23,"caption":"doubled"}`,
        `{"image_id":1,"id":24,"caption":"proto","__proto__":{"caption":"polluted"}}`,
      ),
    }),
    numRead: 7,
    ledger: ["caption quarantined ANN_SYNTAX 1", "caption quarantined ANN_SHAPE 1"],
  },
  {
    number: 28,
    name: "a list 100,000 levels deep",
    exitCode: 23,
    files: () => ({
      [CAPTIONS]: withCaptions(`{"id":21,"x":${"[".repeat(100_000)}${"]".repeat(100_000)}}`),
    }),
    words: ["nested deeper than 64 levels, at byte"],
  },
  {
    number: 29,
    name: "a byte order mark and Windows line ends",
    exitCode: 0,
    files: () => ({
      [CAPTIONS]: `\u{feff}${JSON.stringify(JSON.parse(sound), null, 1)}`.replaceAll("\n", "\r\n"),
    }),
  },
  {
    number: 29,
    name: "JSON that is cut off",
    exitCode: 23,
    why: INPUT_AT_FAULT,
    files: () => ({ [CAPTIONS]: sound.slice(0, -30) }),
    words: ["ends early, in annotations/1"],
  },
  {
    number: 29,
    name: "UTF-16",
    exitCode: 23,
    why: INPUT_AT_FAULT,
    files: () => ({ [CAPTIONS]: Buffer.from(sound, "utf16le") }),
    words: ["is UTF-16"],
  },
  {
    number: 29,
    name: "a comma too many",
    exitCode: 23,
    why: INPUT_AT_FAULT,
    files: () => ({ [CAPTIONS]: sound.replace("}]", "},]") }),
    words: ["where a value should be", "at byte"],
  },
  {
    number: 30,
    name: "ids past 2^31 and 2^53, as strings, floats and negative",
    exitCode: 0,
    files: () => ({
      [CAPTIONS]: withCaptions(
        `{"image_id":1,"id":4294967299,"caption":"past 2^31"}`,
        `{"image_id":1,"id":9007199254740993,"caption":"past 2^53"}`,
        `{"image_id":1,"id":"0012","caption":"a string"}`,
        `{"image_id":1.5,"id":31,"caption":"a float"}`,
        `{"image_id":-1,"id":32,"caption":"negative"}`,
      ),
    }),
    numRead: 9,
    ledger: ["caption quarantined ANN_SHAPE 3"],
    words: ["expected a whole number from 0 to 2^53 - 1, or its digits"],
  },
  {
    number: 30,
    name: "links that are null",
    exitCode: 0,
    datasets: ["visual-genome"],
    files: async () => ({
      "vg/image_data.json": JSON.stringify([imageRecord(7), imageRecord(8)]),
      "vg/region_descriptions.json": JSON.stringify([
        { id: 7, regions: [regionRecord(1, 7)] },
        { id: 8, regions: [regionRecord(2, 8)] },
      ]),
      "vg/VG_100K/7.jpg": await drawPicture(7),
      "vg/VG_100K/8.jpg": await drawPicture(8),
    }),
    numRead: 6,
    check: (pictures) => {
      expect(pictures.map(({ linkedKeys }) => linkedKeys)).toEqual([[], []]);
    },
  },
];

const texts: readonly PrepareCase[] = [
  {
    number: 31,
    name: "empty, huge, broken and marked captions",
    exitCode: 0,
    files: () => ({
      [CAPTIONS]: withCaptions(
        spelled(21, ""),
        spelled(22, "x".repeat(2 ** 20)),
        spelled(23, String.raw`\ud800`),
        spelled(24, String.raw`bell \u0007 and \u001b[2J`),
        spelled(25, String.raw`\u202eright to left`),
      ),
    }),
    numRead: 9,
    ledger: [
      "caption quarantined CAP_EMPTY 1",
      "caption quarantined CAP_TOO_LONG 1",
      "caption quarantined CAP_NOT_UNICODE 1",
    ],
  },
  {
    number: 31,
    name: "10,000 captions of one image",
    exitCode: 0,
    files: () => ({
      [CAPTIONS]: withCaptions(
        ...Array.from({ length: 10_000 }, (_, index) =>
          JSON.stringify(cocoCaption(5000 + index, 1)),
        ),
      ),
    }),
    numRead: 10_004,
  },
  {
    number: 32,
    name: "an image without captions and a caption without its image",
    exitCode: 0,
    files: () => ({
      [CAPTIONS]: JSON.stringify({
        images: [1, 2, 3].map((id) => cocoImage(id)),
        annotations: [cocoCaption(11, 1), cocoCaption(12, 2), cocoCaption(13, 99)],
      }),
    }),
    numRead: 6,
    ledger: ["caption quarantined dangling-image-id 1", "image excluded no-texts 1"],
  },
];

const releases: readonly PrepareCase[] = [
  {
    number: 32,
    name: "a caption list whose image is in two parts of one split",
    exitCode: 23,
    why: INPUT_AT_FAULT,
    parts: ["train", "restval", "val", "test"],
    files: () => ({
      "karpathy/coco_train.txt": `${cocoName(1)}\n${cocoName(2)}\n`,
      "karpathy/coco_restval.txt": "",
      "karpathy/coco_val.txt": "",
      "karpathy/coco_test.txt": `${cocoName(2)}\n`,
    }),
    words: ["image 2 is in two parts of one split"],
  },
  {
    number: 34,
    name: "COCO 2017's list with a caption less",
    exitCode: 23,
    why: INPUT_AT_FAULT,
    files: () => val2017WithoutFirst("annotations"),
    args: ["--annotations-only"],
    words: ["found 25013", "COCO 2017 has 25014", "--accept-unknown-release"],
  },
  {
    number: 34,
    name: "COCO 2017's list with an image less, accepted as it is",
    exitCode: 0,
    files: () => val2017WithoutFirst("images"),
    args: ["--annotations-only", "--accept-unknown-release"],
    numRead: 4999 + 25_014 + 4,
    ledger: ["caption quarantined dangling-image-id 5"],
  },
];

async function val2017WithoutFirst(list: "images" | "annotations"): Promise<Files> {
  const path = realData("coco/captions_val2017.json.gz");
  const text = gunzipSync(await readFile(path)).toString();
  const first = new RegExp(String.raw`("${list}": ?\[)\{[^}]*\}, ?`);
  const less = text.replace(first, "$1");
  return { "coco/annotations/captions_val2017.json": less };
}

const folders: readonly PrepareCase[] = [
  {
    number: 33,
    name: "two files of one name and other content in two folders",
    exitCode: 0,
    files: async () => ({
      "coco/annotations/captions_val2017.json": JSON.stringify({
        images: [cocoImage(3, "val2017")],
        annotations: [cocoCaption(1003, 3)],
      }),
      [`coco/val2017/${cocoName(1)}`]: await drawPicture(9),
      [`coco/val2017/${cocoName(3)}`]: await drawPicture(3),
    }),
    numRead: 6,
    check: (pictures) => {
      const paths = [FIRST, SECOND, `coco/val2017/${cocoName(3)}`];
      expect(pictures.map(({ path }) => path)).toEqual(paths);
    },
  },
  {
    number: 35,
    name: "one image in both folders of Visual Genome, the same in both",
    exitCode: 0,
    datasets: ["visual-genome"],
    files: () => genomeInBoth(7),
    numRead: 3,
  },
  {
    number: 35,
    name: "one image in both folders of Visual Genome, with other bytes",
    exitCode: 23,
    why: INPUT_AT_FAULT,
    datasets: ["visual-genome"],
    files: () => genomeInBoth(8),
    words: ["one image by their name, two by their content"],
  },
  {
    number: 35,
    name: "a .png of NLVR2 that is a JPEG",
    exitCode: 0,
    datasets: ["nlvr2"],
    files: async () => ({
      "nlvr2/dev.json": `${JSON.stringify({
        sentence: "It is one.",
        left_url: "http://example.org/l.jpg",
        right_url: "http://example.org/r.jpg",
        label: "True",
        identifier: "dev-1-0-0",
      })}\n`,
      "nlvr2/images/dev/dev-1-0-img0.png": await drawPicture(1),
      "nlvr2/images/dev/dev-1-0-img1.png": await drawPicture(2),
    }),
    numRead: 1,
    check: (pictures) => {
      expect(pictures.map(({ format }) => format)).toEqual(["jpeg", "jpeg"]);
    },
  },
];

async function genomeInBoth(other: number): Promise<Files> {
  return {
    "vg/image_data.json": JSON.stringify([imageRecord(7)]),
    "vg/region_descriptions.json": JSON.stringify([{ id: 7, regions: [regionRecord(1, 7)] }]),
    "vg/VG_100K/7.jpg": await drawPicture(7),
    "vg/VG_100K_2/7.jpg": await drawPicture(other),
  };
}

/** Cases 28 to 35: annotation files. */
export const annotationCases: readonly PrepareCase[] = [...json, ...texts, ...releases, ...folders];
