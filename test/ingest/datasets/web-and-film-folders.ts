import { createHash } from "node:crypto";
import { drawPicture, writeFileBelow } from "../coco-folder.ts";
import { realFile } from "./flickr30k-folder.ts";

/** The folder and name of the picture of a URL, without its ending, as `crossweave fetch` lays it out. */
export function fetchedName(url: string): string {
  const digest = createHash("sha256").update(url).digest("hex");
  return `${digest.slice(0, 2)}/${digest}`;
}

export const VALIDATION = "cc3m/Validation_GCC-1.1.0-Validation.tsv";
export const TRAINING = "cc3m/Train_GCC-training.tsv";
export const IMAGE_LABELS = "cc3m/Image_Labels_Subset_Train_GCC-Labels-training.tsv";

/** The real lines of Conceptual Captions: ten thousand of the validation, five of the training. */
export async function realConceptualCaptions(): Promise<Record<string, Buffer>> {
  const validation = "Validation_GCC-1.1.0-Validation.first10000.tsv.gz";
  return {
    [VALIDATION]: await realFile("conceptual_captions", validation),
    [TRAINING]: await realFile("conceptual_captions", "Train_GCC-training.first5.tsv"),
  };
}

/** Lays out the real lines and a picture for each of the first three of both files. */
export async function layOutConceptualCaptions(folder: string): Promise<void> {
  for (const [path, content] of Object.entries(await realConceptualCaptions())) {
    await writeFileBelow(folder, path, content);
    const lines = content.toString().split("\n").slice(0, 3);
    for (const [index, line] of lines.entries()) {
      const name = fetchedName(line.split("\t")[1] ?? "");
      await writeFileBelow(folder, `cc3m/pictures/${name}.jpg`, await drawPicture(index));
    }
  }
}

export const SBU = "sbu/sbu-captions-all.json";

/** The first five entries of SBU. */
export async function realSbu(): Promise<Record<string, readonly string[]>> {
  return JSON.parse((await realFile("sbu", "sbu-captions-all.first5.json")).toString());
}

/** Lays out the real entries with a picture for the first four. */
export async function layOutSbu(folder: string): Promise<void> {
  await writeFileBelow(folder, SBU, await realFile("sbu", "sbu-captions-all.first5.json"));
  const { image_urls: urls = [] } = await realSbu();
  for (const [index, url] of urls.slice(0, 4).entries()) {
    await writeFileBelow(folder, `sbu/pictures/${fetchedName(url)}.jpg`, await drawPicture(index));
  }
}

export type Fields = Readonly<Record<string, unknown>>;

/** The real record of VCR's train or val. */
export async function realVcr(part: "train" | "val"): Promise<Fields> {
  return JSON.parse((await realFile("vcr", `${part}.sample1.jsonl`)).toString());
}

/** The tokens of a sentence about the first object. */
function sayThatItIs(word: string): unknown[] {
  return [[0], "is", word, "."];
}

/** A record in the form of the official files. */
export function vcrRecord(id: string, fields: Fields = {}): Fields {
  return {
    movie: "0001_A_FILM",
    objects: ["person", "person", "car"],
    interesting_scores: [0],
    answer_likelihood: "possible",
    img_fn: `lsmdc_0001_A_FILM/0001_A_FILM_${id}@0.jpg`,
    metadata_fn: `lsmdc_0001_A_FILM/0001_A_FILM_${id}@0.json`,
    question: ["Who", "are", [0, 1], "?"],
    answer_choices: ["here", "there", "tall", "old"].map(sayThatItIs),
    answer_label: 2,
    rationale_choices: ["big", "small", "loud", "late"].map(sayThatItIs),
    rationale_label: 0,
    img_id: id,
    question_number: 0,
    annot_id: id,
    ...fields,
  };
}

/** A record of the test file, which does not say what is right. */
export function vcrTestRecord(id: string, fields: Fields = {}): Fields {
  const { answer_label: _answer, rationale_label: _rationale, ...record } = vcrRecord(id);
  return { ...record, ...fields };
}

export function jsonLines(records: readonly unknown[]): string {
  return records.map((record) => `${JSON.stringify(record)}\n`).join("");
}

/** Lays out the real records of train and val with one made up for test, and pictures for two of them. */
export async function layOutVcr(folder: string): Promise<void> {
  const real = [await realVcr("train"), await realVcr("val")];
  const test = vcrTestRecord("test-0");
  await writeFileBelow(folder, "vcr/train.jsonl", jsonLines(real.slice(0, 1)));
  await writeFileBelow(folder, "vcr/val.jsonl", jsonLines(real.slice(1)));
  await writeFileBelow(folder, "vcr/test.jsonl", jsonLines([test]));
  for (const [index, { img_fn: name }] of [...real.slice(1), test].entries()) {
    await writeFileBelow(folder, `vcr/vcr1images/${String(name)}`, await drawPicture(index));
  }
}
