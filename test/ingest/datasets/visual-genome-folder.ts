import { copyFile, mkdir, mkdtemp, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { visualGenome } from "../../../src/ingest/datasets/visual-genome.ts";
import type { SourceOptions, SourcePlan, SourceSplit } from "../../../src/ingest/source.ts";
import { realData } from "../../real-data.ts";
import { drawPicture, everything, writeFileBelow } from "../coco-folder.ts";
import { planOptions } from "../plan-options.ts";

/** Bottom-up attention's split. */
export const butdSplits: readonly SourceSplit[] = [
  { name: "train", role: "train", parts: ["train"] },
  { name: "val", role: "eval", parts: ["val"] },
  { name: "test", role: "eval", parts: ["test"] },
];

type GenomeRecord = Readonly<Record<string, unknown>>;

export interface GenomeImageRecord extends GenomeRecord {
  readonly image_id: number;
  readonly url: string;
}

export interface GenomeRegionList extends GenomeRecord {
  readonly id: number;
  readonly regions: readonly GenomeRecord[];
}

export interface GenomeQuestionList extends GenomeRecord {
  readonly id: number;
  readonly qas: readonly GenomeRecord[];
}

/** What is in the three files. */
export interface GenomeContent {
  readonly images: readonly unknown[];
  readonly regions?: readonly unknown[];
  readonly questions?: readonly unknown[];
}

async function readReal<T>(name: string): Promise<T> {
  return JSON.parse(await readFile(realData("visual_genome", name), "utf8"));
}

/** The first hundred images of the real files, with up to a hundred regions and questions each. */
export async function realGenome(): Promise<{
  images: GenomeImageRecord[];
  regions: GenomeRegionList[];
  questions: GenomeQuestionList[];
}> {
  return {
    images: await readReal("image_data.first100.json"),
    regions: await readReal("region_descriptions.first100.json"),
    questions: await readReal("question_answers.first100.json"),
  };
}

/** Writes a folder in the official layout, with a picture at each of the paths below vg/, and gives its path. */
export async function writeGenome(
  { images, regions, questions }: GenomeContent,
  pictures: readonly string[] = [],
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "crossweave-genome-"));
  const files = { image_data: images, region_descriptions: regions, question_answers: questions };
  for (const [name, list] of Object.entries(files)) {
    if (list !== undefined) await writeFileBelow(folder, `vg/${name}.json`, JSON.stringify(list));
  }
  for (const [index, path] of pictures.entries()) {
    await writeFileBelow(folder, `vg/${path}`, await drawPicture(index));
  }
  return folder;
}

/** Puts the real lists of bottom-up attention beside the files; the first is gzipped. */
export async function addButdLists(folder: string): Promise<void> {
  for (const name of ["butd_train.txt.gz", "butd_val.txt", "butd_test.txt"]) {
    await copyFile(realData("visual_genome", name), join(folder, "vg", name));
  }
}

/** Puts the real files and lists below a folder; 100 images, no pictures. */
export async function layOutRealGenome(folder: string): Promise<void> {
  await mkdir(join(folder, "vg"), { recursive: true });
  for (const name of ["image_data", "region_descriptions", "question_answers"]) {
    const from = realData("visual_genome", `${name}.first100.json`);
    await copyFile(from, join(folder, `vg/${name}.json`));
  }
  await addButdLists(folder);
}

export function planGenome(
  folder: string,
  choice: Partial<SourceOptions> = {},
): Promise<SourcePlan> {
  const options = { ...planOptions(folder), splits: everything, annotationsOnly: true };
  return visualGenome.plan({ ...options, ...choice });
}

export function imageRecord(id: unknown, fields: GenomeRecord = {}): GenomeRecord {
  const url = `https://cs.stanford.edu/people/rak248/VG_100K/${String(id)}.jpg`;
  return { width: 800, url, height: 600, image_id: id, coco_id: null, flickr_id: null, ...fields };
}

export function regionRecord(
  id: unknown,
  imageId: number,
  fields: GenomeRecord = {},
): GenomeRecord {
  const box = { x: 10, y: 20, width: 30, height: 40 };
  return { region_id: id, image_id: imageId, phrase: `region ${String(id)}`, ...box, ...fields };
}

export function questionRecord(
  id: unknown,
  imageId: number,
  fields: GenomeRecord = {},
): GenomeRecord {
  const objects = { a_objects: [], q_objects: [] };
  return {
    qa_id: id,
    image_id: imageId,
    question: "Where?",
    answer: "Here.",
    ...objects,
    ...fields,
  };
}
