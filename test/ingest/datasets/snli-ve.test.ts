import { describe, expect, it } from "vitest";
import { SourceError } from "../../../src/core/errors.ts";
import { snliVe } from "../../../src/ingest/datasets/snli-ve.ts";
import type { SourceOptions } from "../../../src/ingest/source.ts";
import { everything } from "../coco-folder.ts";
import {
  eachPart,
  type Files,
  faultOf,
  folderWith,
  jsonLines,
  type Outcome,
  outcomeOf,
  planOf,
} from "./flickr30k-folder.ts";

const thirds = eachPart("train", "dev", "test");

function readFiles(files: Files, choice?: Partial<SourceOptions>): Promise<Outcome> {
  return outcomeOf(snliVe, files, { splits: thirds, ...choice });
}

function refusalOf(files: Files, choice?: Partial<SourceOptions>): Promise<unknown> {
  return faultOf(snliVe, files, { splits: thirds, ...choice });
}

const pair = {
  Flickr30K_ID: "12",
  annotator_labels: ["neutral"],
  captionID: "12.jpg#2",
  gold_label: "neutral",
  pairID: "12.jpg#2r1n",
  sentence1: "A dog runs.",
  sentence2: "The dog is old.",
};

describe("SNLI-VE", () => {
  it("leaves out pairs whose annotators did not agree, by SNLI's rule", async () => {
    const { texts, ledger } = await readFiles({
      "snli-ve/snli_ve_train.jsonl": jsonLines(pair, {
        ...pair,
        pairID: "12.jpg#2r2n",
        gold_label: "-",
      }),
    });
    expect(texts).toHaveLength(1);
    expect(ledger).toEqual(["line 2 12.jpg#2r2n excluded no-gold-label"]);
  });

  it("keeps pairs and pictures that are in two of its files in both, for the audit to find", async () => {
    const { scenes, ledger } = await readFiles({
      "snli-ve/snli_ve_train.jsonl": jsonLines(pair, pair),
      "snli-ve/snli_ve_test.jsonl": jsonLines(pair, { ...pair, pairID: "12.jpg#2r1c" }),
    });
    expect(scenes.map(({ draft }) => [draft.split, draft.sceneKey, draft.texts.length])).toEqual([
      ["train", "flickr30k:12", 1],
      ["test", "flickr30k:12", 2],
    ]);
    expect(ledger).toEqual(["line 2 12.jpg#2r1n excluded duplicate-of"]);
  });

  it("has one scene for such a picture when its part is asked of the Entities split", async () => {
    const { scenes, ledger } = await readFiles(
      {
        "snli-ve/snli_ve_train.jsonl": jsonLines(pair),
        "snli-ve/snli_ve_test.jsonl": jsonLines(pair, { ...pair, pairID: "12.jpg#2r1c" }),
        "flickr30k/train.txt": "11\n",
        "flickr30k/val.txt": "13\n",
        "flickr30k/test.txt": "12\n",
      },
      { splits: eachPart("train", "val", "test"), publishedSplit: "Entities split" },
    );
    expect(scenes.map(({ draft }) => [draft.split, draft.texts.length])).toEqual([["test", 2]]);
    expect(ledger).toEqual(["line 1 12.jpg#2r1n excluded duplicate-of"]);
  });

  it("has every bad line in the ledger, with its number", async () => {
    const { Flickr30K_ID: _, ...withoutPicture } = pair;
    const { sentence1: __, ...withoutPremise } = pair;
    const other = { ...pair, pairID: "12.jpg#2r9n" };
    const { texts, ledger } = await readFiles({
      "snli-ve/snli_ve_train.jsonl": `\u{feff}${jsonLines(
        pair,
        { ...pair, pairID: null },
        { ...pair, pairID: "" },
        { ...withoutPicture, pairID: "a" },
        { ...pair, Flickr30K_ID: 12 },
        { ...pair, Flickr30K_ID: "../12.jpg" },
        { ...pair, Flickr30K_ID: "vg_2345" },
        { ...other, sentence2: ["x"] },
        { ...other, sentence2: "" },
        withoutPremise,
        { ...other, sentence1: " " },
        { ...other, gold_label: "hidden" },
        { ...other, gold_label: null },
        { ...other, sentence2: "a\u{dfff}" },
        { ...pair, sentence2: "The dog is young." },
        { ...pair, sentence1: "A cat runs." },
        { ...pair, gold_label: "entailment" },
        7,
      )}{"pairID": "half\r\n${JSON.stringify(other)}\r\n\r\n{"pairID": "1", "pairID": "2"}`,
    });
    expect(texts.map(({ id }) => id)).toEqual(["12.jpg#2r1n", "12.jpg#2r9n"]);
    expect(ledger.map((line) => line.replace("line ", ""))).toEqual([
      "2  quarantined ANN_SHAPE",
      "3  quarantined ANN_SHAPE",
      "4 a quarantined ANN_SHAPE",
      "5 12.jpg#2r1n quarantined ANN_SHAPE",
      "6 12.jpg#2r1n quarantined ANN_SHAPE",
      "7 12.jpg#2r1n quarantined ANN_SHAPE",
      "8 12.jpg#2r9n quarantined ANN_SHAPE",
      "9 12.jpg#2r9n quarantined CAP_EMPTY",
      "10 12.jpg#2r1n quarantined ANN_SHAPE",
      "11 12.jpg#2r9n quarantined CAP_EMPTY",
      "12 12.jpg#2r9n quarantined ANN_SHAPE",
      "13 12.jpg#2r9n quarantined ANN_SHAPE",
      "14 12.jpg#2r9n quarantined CAP_NOT_UNICODE",
      "15 12.jpg#2r1n quarantined ANN_CONFLICT",
      "16 12.jpg#2r1n quarantined ANN_CONFLICT",
      "17 12.jpg#2r1n quarantined ANN_CONFLICT",
      "18  quarantined ANN_SHAPE",
      "19  quarantined ANN_SYNTAX",
      "22  quarantined ANN_SYNTAX",
    ]);
  });

  it("is read from its own files alone where those of e-SNLI-VE are there too", async () => {
    const { plan } = await readFiles({
      "snli-ve/snli_ve_dev.jsonl": jsonLines(pair),
      "snli-ve/esnlive_train.csv": "x",
      "snli-ve/esnlive_dev.csv": "x",
    });
    expect(plan.counts.map(({ file }) => file)).toEqual(["snli-ve/snli_ve_dev.jsonl"]);
  });

  it("is refused when a file is UTF-16 or empty, or none is there", async () => {
    const utf16 = Buffer.from(`\u{feff}${jsonLines(pair)}`, "utf16le");
    for (const [files, words] of [
      [{ "snli-ve/snli_ve_dev.jsonl": utf16 }, "snli_ve_dev.jsonl: is UTF-16"],
      [{ "snli-ve/snli_ve_dev.jsonl": "" }, "snli_ve_dev.jsonl: it has no records"],
      [{ "snli-ve/esnlive_dev.csv": utf16 }, "esnlive_dev.csv: is UTF-16"],
      [{}, "has no file of SNLI-VE: looked for snli-ve/snli_ve_train.jsonl"],
    ] as const) {
      const error = await refusalOf(files);
      expect(error).toBeInstanceOf(SourceError);
      expect(String(error)).toContain(words);
    }
  });
});

describe("e-SNLI-VE's tables", () => {
  const header = ",pairID,Flickr30kID,hypothesis,gold_label,explanation";
  const table = "snli-ve/esnlive_train.csv";

  it("are read by the names of their columns, in any order, quoted or not", async () => {
    const { texts } = await readFiles({
      [table]:
        "\u{feff}gold_label,hypothesis,Flickr30kID,pairID,explanation_1\r\n" +
        'neutral,"The ""dog"", old",12.jpg,12.jpg#2r1n,"because\r\nit is"\r\n' +
        "entailment,A dog.,13.jpg,13.jpg#0r1e,x",
    });
    expect(texts.map(({ id, text, label }) => [id, text, label])).toEqual([
      ["12.jpg#2r1n", 'The "dog", old', "neutral"],
      ["13.jpg#0r1e", "A dog.", "entailment"],
    ]);
  });

  it("have every bad row in the ledger", async () => {
    const { texts, ledger } = await readFiles({
      [table]: [
        header,
        "0,12.jpg#2r1n,12.jpg,The dog is old.,neutral,x",
        "1,12.jpg#2r1c,12.jpg,The dog is old.",
        "2,,12.jpg,The dog is old.,neutral,x",
        "3,12.jpg#2r1c,12.gif,The dog is old.,neutral,x",
        "4,12.jpg#2r1c,12.jpg,,neutral,x",
        "5,12.jpg#2r1c,12.jpg,The dog is old.,maybe,x",
        "6,12.jpg#2r1n,12.jpg,The dog is old.,neutral,y",
        "7,12.jpg#2r1n,12.jpg,The dog is young.,neutral,x",
      ].join("\n"),
    });
    expect(texts).toHaveLength(1);
    expect(ledger).toEqual([
      "row 3  quarantined ANN_SHAPE",
      "row 4  quarantined ANN_SHAPE",
      "row 5 12.jpg#2r1c quarantined ANN_SHAPE",
      "row 6 12.jpg#2r1c quarantined CAP_EMPTY",
      "row 7 12.jpg#2r1c quarantined ANN_SHAPE",
      "row 8 12.jpg#2r1n excluded duplicate-of",
      "row 9 12.jpg#2r1n quarantined ANN_CONFLICT",
    ]);
  });

  it("with other columns have nothing but faulty rows, which say what is missing", async () => {
    await using folder = await folderWith({ [table]: "a,b\n1,2\n" });
    using plan = await planOf(snliVe, folder.path, { splits: everything });
    expect(await Array.fromAsync(plan.ledger())).toMatchObject([
      { record: "row 2", evidence: "/pairID is missing; expected an id" },
    ]);
  });

  it("stop a strict preparation at the first bad row, however many follow", async () => {
    const good = Array.from(
      { length: 50_000 },
      (_, n) => `${n},12.jpg#${n},12.jpg,A dog.,neutral,x`,
    );
    const error = await refusalOf(
      { [table]: [header, "0,,12.jpg,A dog.,neutral,x", ...good].join("\n") },
      { strict: true },
    );
    expect(error).toMatchObject({ file: table, record: "row 2" });
  });

  it("that are not UTF-8 are refused", async () => {
    const bytes = Buffer.from(`${header}\n0,12.jpg#2r1n,12.jpg,The d\u00f6g,neutral,x\n`, "latin1");
    const error = await refusalOf({ [table]: bytes });
    expect(error).toBeInstanceOf(SourceError);
    expect(error).toMatchObject({ file: table, message: expect.stringContaining("utf-8") });
  });

  it("that end inside a quoted field are refused with the row", async () => {
    const error = await refusalOf({ [table]: `${header}\n0,12.jpg#2r1n,12.jpg,"The dog is` });
    expect(error).toBeInstanceOf(SourceError);
    expect(error).toMatchObject({ file: table, record: "row 2" });
  });
});
