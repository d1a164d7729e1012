import { describe, expect, it } from "vitest";
import { SourceError } from "../../../src/core/errors.ts";
import type { SourceOptions } from "../../../src/ingest/source.ts";
import { flickr30k } from "../../../src/ingest/datasets/flickr30k.ts";
import { everything, drawPicture } from "../coco-folder.ts";
import {
  allScenes,
  eachPart,
  type Files,
  faultOf,
  folderWith,
  ledgerLines,
  type Outcome,
  outcomeOf,
  planOf,
} from "./flickr30k-folder.ts";

const TOKENS = "flickr30k/results_20130124.token";
const CSV = "flickr30k/results.csv";
const JSON_FILE = "flickr30k/dataset_flickr30k.json";

interface Written extends Outcome {
  readonly written: Readonly<Record<string, string>>;
}

async function readFiles(files: Files, choice?: Partial<SourceOptions>): Promise<Written> {
  const outcome = await outcomeOf(flickr30k, files, { splits: everything, ...choice });
  const written = Object.fromEntries(outcome.texts.map(({ id, text }) => [id, text]));
  return { ...outcome, written };
}

function refusalOf(files: Files, choice?: Partial<SourceOptions>): Promise<unknown> {
  return faultOf(flickr30k, files, { splits: everything, ...choice });
}

function karpathyJson(images: readonly unknown[]): string {
  return JSON.stringify({ images, dataset: "flickr30k" });
}

const sentence = { tokens: ["a", "dog"], raw: "A dog.", imgid: 0, sentid: 7 };
const image = {
  sentids: [7],
  imgid: 0,
  sentences: [sentence],
  split: "train",
  filename: "12.jpg",
};

describe("Flickr30K's token file", () => {
  it("gives captions as they stand, whatever is in them", async () => {
    const { written } = await readFiles({
      [TOKENS]: '12.jpg#0\tA dog # 8 , it\'s "old" .\n12.jpg#1\ta\tb | 字 \n',
    });
    expect(written).toEqual({
      "12.jpg#0": 'A dog # 8 , it\'s "old" .',
      "12.jpg#1": "a\tb | 字 ",
    });
  });

  it("may have Windows line ends, a byte order mark, empty lines and no last line end", async () => {
    const { written, plan } = await readFiles({
      [TOKENS]: "\u{feff}12.jpg#0\tA dog .\r\n\r\n12.jpg#1\tA cat .",
    });
    expect(written).toEqual({ "12.jpg#0": "A dog .", "12.jpg#1": "A cat ." });
    expect(plan.counts).toEqual([expect.objectContaining({ read: 2, written: 2 })]);
  });

  it("has each bad line in the ledger, with its number", async () => {
    const { written, ledger } = await readFiles({
      [TOKENS]: Buffer.concat([
        Buffer.from("12.jpg#0\tA dog .\nno tab here\n12.jpg\tno number\n#0\tno name\n"),
        Buffer.from(
          "12.png#1\tA cat .\n../12.jpg#1\tA cat .\n12#1\tA cat .\n12.jpg.1#1\tA cat .\n",
        ),
        Buffer.from("12.jpg#1\t\n12.jpg#2\t \u{200b}\n12.jpg#3\t"),
        Buffer.from([0xff, 0xfe, 0x0a]),
        Buffer.from(`12.jpg#4\t${"a".repeat(10_001)}\n`),
      ]),
    });
    expect(Object.keys(written)).toEqual(["12.jpg#0"]);
    expect(ledger).toEqual([
      "line 2  quarantined ANN_SHAPE",
      "line 3  quarantined ANN_SHAPE",
      "line 4  quarantined ANN_SHAPE",
      "line 5 12.png#1 quarantined ANN_SHAPE",
      "line 6 ../12.jpg#1 quarantined ANN_SHAPE",
      "line 7 12#1 quarantined ANN_SHAPE",
      "line 8 12.jpg.1#1 quarantined ANN_SHAPE",
      "line 9 12.jpg#1 quarantined CAP_EMPTY",
      "line 10 12.jpg#2 quarantined CAP_EMPTY",
      "line 11  quarantined ANN_SYNTAX",
      "line 12 12.jpg#4 quarantined CAP_TOO_LONG",
    ]);
  });

  it("has doubles once, and contradictions in quarantine", async () => {
    const { written, ledger } = await readFiles({
      [TOKENS]: "12.jpg#0\tA dog .\n12.jpg#0\tA dog .\n12.jpg#0\tA cat .\n",
    });
    expect(written).toEqual({ "12.jpg#0": "A dog ." });
    expect(ledger).toEqual([
      "line 2 12.jpg#0 excluded duplicate-of",
      "line 3 12.jpg#0 quarantined ANN_CONFLICT",
    ]);
  });

  it("is refused as a whole when it is UTF-16 or empty", async () => {
    const utf16 = Buffer.from("\u{feff}12.jpg#0\tA dog .\n", "utf16le");
    for (const [content, words] of [
      [utf16, "is UTF-16, expected UTF-8"],
      ["", "has no records"],
    ] as const) {
      const error = await refusalOf({ [TOKENS]: content });
      expect(error).toBeInstanceOf(SourceError);
      expect(error).toMatchObject({ file: TOKENS, message: expect.stringContaining(words) });
    }
  });

  it("stops a strict preparation at the first bad line", async () => {
    const error = await refusalOf(
      { [TOKENS]: "12.jpg#0\tA dog .\n12.jpg#1\t\n" },
      { strict: true },
    );
    expect(error).toMatchObject({
      file: TOKENS,
      record: "line 2",
      message: expect.stringContaining("CAP_EMPTY"),
    });
  });
});

describe("Flickr30K's results.csv", () => {
  it("is read with blanks around the pipes, and where the known second pipe is missing", async () => {
    const { written, plan } = await readFiles({
      [CSV]: "image_name| comment_number| comment\n12.jpg| 0| A dog .\n12.jpg| 4   A dog runs .\n",
    });
    expect(written).toEqual({ "12.jpg#0": "A dog .", "12.jpg#4": "A dog runs ." });
    expect(plan.counts).toEqual([expect.objectContaining({ file: CSV, read: 2, written: 2 })]);
  });

  it("has its bad rows in the ledger", async () => {
    const { written, ledger } = await readFiles({
      [CSV]:
        'image_name|comment_number|comment\n12.jpg|0|A "dog .\n12.jpg|x|A cat .\n12.jpg\n12.jpg|1|\n',
    });
    expect(written).toEqual({ "12.jpg#0": 'A "dog .' });
    expect(ledger).toEqual([
      "line 3  quarantined ANN_SHAPE",
      "line 4  quarantined ANN_SHAPE",
      "line 5 12.jpg#1 quarantined CAP_EMPTY",
    ]);
  });
});

describe("Karpathy's JSON as a source of captions", () => {
  it("gives the raw sentences and the split", async () => {
    const { written, plan } = await readFiles(
      {
        [JSON_FILE]: karpathyJson([
          image,
          { ...image, filename: "13.jpg", split: "val", sentences: [] },
        ]),
      },
      { splits: eachPart("train", "val", "test") },
    );
    expect(written).toEqual({ 7: "A dog." });
    expect(plan.splits.map(({ numScenes }) => numScenes)).toEqual([1, 0, 0]);
    expect(plan.counts.map(({ kind, read, excluded }) => [kind, read, excluded])).toEqual([
      ["image", 2, 1],
      ["caption", 1, 0],
    ]);
  });

  it("has bad images and sentences in the ledger", async () => {
    const sentences = [
      sentence,
      { ...sentence, sentid: -1 },
      { ...sentence, sentid: 8, raw: 5 },
      { ...sentence, sentid: 9, raw: " " },
      { ...sentence, sentid: 10, raw: "a \u{d800}" },
      null,
      sentence,
      { ...sentence, raw: "A cat." },
    ];
    const { written, ledger } = await readFiles({
      [JSON_FILE]: karpathyJson([
        { ...image, sentences },
        { ...image, filename: "12.gif" },
        { ...image, filename: 12 },
        { ...image, filename: "14.jpg", sentences: "A dog." },
        [image],
      ]),
    });
    expect(written).toEqual({ 7: "A dog." });
    expect(ledger).toEqual([
      "/images/0/sentences/1  quarantined ANN_SHAPE",
      "/images/0/sentences/2 8 quarantined ANN_SHAPE",
      "/images/0/sentences/3 9 quarantined CAP_EMPTY",
      "/images/0/sentences/4 10 quarantined CAP_NOT_UNICODE",
      "/images/0/sentences/5  quarantined ANN_SHAPE",
      "/images/0/sentences/6 7 excluded duplicate-of",
      "/images/0/sentences/7 7 quarantined ANN_CONFLICT",
      "/images/1  quarantined ANN_SHAPE",
      "/images/2  quarantined ANN_SHAPE",
      "/images/3 14 quarantined ANN_SHAPE",
      "/images/4  quarantined ANN_SHAPE",
    ]);
  });

  it("is not read for captions where the token file is there", async () => {
    const { written, plan } = await readFiles(
      { [JSON_FILE]: karpathyJson([image]), [TOKENS]: "12.jpg#0\tA dog .\n", [CSV]: "x" },
      { splits: eachPart("train", "val", "test") },
    );
    expect(written).toEqual({ "12.jpg#0": "A dog ." });
    expect(plan.files.map(({ file }) => file)).toEqual([TOKENS, JSON_FILE]);
  });

  it("cut in half is refused with the place", async () => {
    const error = await refusalOf({ [JSON_FILE]: karpathyJson([image]).slice(0, 60) });
    expect(error).toMatchObject({ file: JSON_FILE, record: "byte 60 (line 1, column 61)" });
  });
});

describe("Flickr30K", () => {
  it("without any of its files is described with the places looked at", async () => {
    const error = await refusalOf({ "flickr30k/readme.txt": "" });
    expect(error).toBeInstanceOf(SourceError);
    expect(String(error)).toContain(`has no file of Flickr30K: looked for ${TOKENS}, ${CSV}`);
  });

  it("is not asked for texts that it has not", async () => {
    const error = await refusalOf({ [TOKENS]: "12.jpg#0\tA dog .\n" }, { textKinds: ["question"] });
    expect(error).toMatchObject({
      code: "CONFIG",
      message: "Flickr30K has no texts of the kinds question",
    });
    const { written } = await readFiles(
      { [TOKENS]: "12.jpg#0\tA dog .\n" },
      { textKinds: ["question", "caption"] },
    );
    expect(Object.keys(written)).toEqual(["12.jpg#0"]);
  });

  it("finds its pictures in the folders that copies have, by their ids alone", async () => {
    await using folder = await folderWith({
      [TOKENS]: "12.jpg#0\tA dog .\n13.jpg#0\tA cat .\n14.jpg#0\tA cow .\n",
      "flickr30k/flickr30k-images/12.jpg": await drawPicture(1),
      "flickr30k/flickr30k_images/13.jpg": await drawPicture(2),
    });
    using plan = await planOf(flickr30k, folder.path, {
      splits: everything,
      annotationsOnly: false,
    });
    const scenes = await allScenes(plan);
    expect(scenes.flatMap(({ draft }) => draft.pictures.map(({ path }) => path))).toEqual([
      "flickr30k/flickr30k-images/12.jpg",
      "flickr30k/flickr30k_images/13.jpg",
    ]);
    expect(plan.missing).toEqual({
      numPictures: 1,
      examples: ["flickr30k/flickr30k-images/14.jpg"],
    });
    expect(await ledgerLines(plan)).toEqual(["line 3 14.jpg#0 missing no-picture"]);
  });

  it("takes the lists of its splits from either place", async () => {
    const files = {
      [TOKENS]: "12.jpg#0\tA dog .\n13.jpg#0\tA cat .\n14.jpg#0\tA cow .\n",
      "flickr30k/train.txt": "12\n",
      "flickr30k/entities/val.txt": "13\n",
      "flickr30k_entities/test.txt": "15\n",
    };
    const { written, ledger, plan } = await readFiles(files, {
      splits: eachPart("train", "val"),
      publishedSplit: "Entities split",
    });
    expect(Object.keys(written)).toEqual(["12.jpg#0", "13.jpg#0"]);
    expect(ledger).toEqual(["line 3 14.jpg#0 excluded not-in-any-split"]);
    expect(plan.unlisted.numPictures).toBe(1);
    const missing = await refusalOf(files, { splits: eachPart("train") });
    expect(String(missing)).toContain(`the Karpathy split is missing: looked for ${JSON_FILE}`);
  });

  it("has bad notes of unrelated captions in the ledger", async () => {
    const { ledger } = await readFiles({
      [TOKENS]: "12.jpg#0\tA dog .\n",
      "flickr30k/entities/UNRELATED_CAPTIONS": "# format\n12 1\n12\n12 0\nx 5\n",
    });
    expect(ledger).toEqual([
      "line 2 12.jpg#0 excluded note-about-a-caption",
      "line 3  quarantined ANN_SHAPE",
      "line 4  quarantined ANN_SHAPE",
      "line 5  quarantined ANN_SHAPE",
    ]);
  });
});
