import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sha256OfFile } from "../../../src/core/digest.ts";
import { silentProgress } from "../../../src/core/progress.ts";
import { writeSmallWorld } from "../../../src/ingest/small-world/small-world.ts";
import type { TruePicture } from "./truth.ts";

export interface CocoFile {
  readonly info: object;
  readonly licenses: readonly object[];
  readonly images: readonly {
    id: number;
    file_name: string;
    width: number;
    height: number;
    flickr_url: string;
  }[];
  readonly annotations: readonly { id: number; image_id: number; caption: string }[];
}

interface KarpathySentence {
  readonly tokens: readonly string[];
  readonly raw: string;
  readonly imgid: number;
  readonly sentid: number;
}

export interface KarpathyFile {
  readonly dataset: string;
  readonly images: readonly {
    filepath?: string;
    filename: string;
    imgid: number;
    split: string;
    sentids: readonly number[];
    sentences: readonly KarpathySentence[];
    cocoid?: number;
  }[];
}

export interface VqaQuestions {
  readonly questions: readonly { image_id: number; question: string; question_id: number }[];
}

export interface VqaAnnotations {
  readonly annotations: readonly {
    question_id: number;
    image_id: number;
    question_type: string;
    answer_type: string;
    multiple_choice_answer: string;
    answers: readonly { answer: string; answer_confidence: string; answer_id: number }[];
  }[];
}

export interface GenomeImage {
  readonly image_id: number;
  readonly url: string;
  readonly width: number;
  readonly height: number;
  readonly coco_id: number | null;
  readonly flickr_id: number | null;
}

export interface GenomeRegions {
  readonly id: number;
  readonly regions: readonly {
    phrase: string;
    image_id: number;
    x: number;
    y: number;
    width: number;
    height: number;
  }[];
}

export interface GenomeQuestions {
  readonly id: number;
  readonly qas: readonly { question: string; answer: string; image_id: number }[];
}

export interface Nlvr2Record {
  readonly identifier: string;
  readonly sentence: string;
  readonly label: string;
  readonly left_url: string;
  readonly right_url: string;
  readonly directory?: number;
}

export interface SnliVeRecord {
  readonly Flickr30K_ID: string;
  readonly pairID: string;
  readonly captionID: string;
  readonly gold_label: string;
  readonly annotator_labels: readonly string[];
  readonly sentence1: string;
  readonly sentence2: string;
}

interface LeakSide {
  readonly dataset: string;
  readonly split: string;
  readonly key: string;
  readonly path: string;
  readonly textId?: string;
}

export interface Leak {
  readonly kind: string;
  readonly train: LeakSide;
  readonly eval: LeakSide;
  readonly chain: readonly string[];
}

/** Reads one file of a small world; the caller names what is in it. */
export async function readJson<T>(folder: string, path: string): Promise<T> {
  return JSON.parse(await readFile(join(folder, path), "utf8"));
}

export async function readJsonLines<T>(folder: string, path: string): Promise<T[]> {
  const text = await readFile(join(folder, path), "utf8");
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
}

/** What scenes.jsonl says, by picture key. */
export async function readTruth(folder: string): Promise<Map<string, TruePicture>> {
  const pictures = await readJsonLines<TruePicture>(folder, "scenes.jsonl");
  return new Map(pictures.map((picture) => [picture.key, picture]));
}

/** Paths of all files below a folder, with forward slashes, sorted. */
export async function listFiles(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .toSorted();
}

/** Digest of every file, by path. */
export async function digestFiles(folder: string): Promise<Map<string, string>> {
  const paths = await listFiles(folder);
  const digests = await Promise.all(paths.map(async (path) => sha256OfFile(join(folder, path))));
  return new Map(paths.map((path, index) => [path, digests[index] ?? ""]));
}

/** A small world drawn for one test file; disposal removes it. */
export class DrawnWorld implements AsyncDisposable {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async draw(seed: number, scale: number): Promise<DrawnWorld> {
    const folder = await mkdtemp(join(tmpdir(), "crossweave-small-world-"));
    const signal = new AbortController().signal;
    await writeSmallWorld(folder, { seed, scale, progress: silentProgress, signal });
    return new DrawnWorld(folder);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}
