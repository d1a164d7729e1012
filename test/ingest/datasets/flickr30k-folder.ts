import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { readDatasetManifest } from "../../../src/ingest/dataset-manifest.ts";
import { flickr30kIdOfName } from "../../../src/ingest/datasets/flickr30k.ts";
import { type PublishedSplit, readPublishedSplit } from "../../../src/ingest/published-split.ts";
import type {
  PlannedScene,
  Source,
  SourceOptions,
  SourcePlan,
  SourceSplit,
} from "../../../src/ingest/source.ts";
import { realData } from "../../real-data.ts";
import { writeFileBelow } from "../coco-folder.ts";
import { planOptions } from "../plan-options.ts";

/** A source folder that is removed when it goes out of scope. */
export interface SourceFolder extends AsyncDisposable {
  readonly path: string;
}

/** Files by their paths below the source folder. */
export type Files = Readonly<Record<string, string | Uint8Array>>;

/** A new source folder with these files. */
export async function folderWith(files: Files): Promise<SourceFolder> {
  const path = await mkdtemp(join(tmpdir(), "crossweave-source-"));
  await writeFiles(path, files);
  const remove = (): Promise<void> => rm(path, { recursive: true, force: true });
  return { path, [Symbol.asyncDispose]: remove };
}

async function writeFiles(folder: string, files: Files): Promise<void> {
  for (const [name, content] of Object.entries(files)) await writeFileBelow(folder, name, content);
}

/** The captions of Flickr8K, whose file has Flickr30K's form, and the real lists of Flickr30K's splits. */
export async function layOutFlickr30k(to: string): Promise<void> {
  await writeFiles(to, {
    ...(await realSplitLists()),
    "flickr30k/results_20130124.token": await realFile("flickr8k/Flickr8k.token.txt.gz"),
    "flickr30k/entities/UNRELATED_CAPTIONS": await realFile(
      "flickr30k/entities/UNRELATED_CAPTIONS",
    ),
  });
}

/** The samples of two releases of SNLI-VE. */
export async function layOutSnliVe(to: string): Promise<void> {
  await writeFiles(to, {
    "snli-ve/snli_ve_train.jsonl": await realFile("snli_ve/sample_data.old-field-names.jsonl"),
    "snli-ve/snli_ve_dev.jsonl": await realFile("snli_ve/sample_pairs.jsonl"),
  });
}

/** The dev file of e-SNLI-VE and the lists of the Entities split. */
export async function layOutESnliVe(to: string): Promise<void> {
  await writeFiles(to, {
    ...(await realSplitLists()),
    "snli-ve/esnlive_dev.csv": await realFile("snli_ve/esnlive_dev.csv.gz"),
  });
}

/** The two whole files of NLVR2. */
export async function layOutNlvr2(to: string): Promise<void> {
  await writeFiles(to, {
    "nlvr2/dev.json": await realFile("nlvr2/dev.json.gz"),
    "nlvr2/test1.json": await realFile("nlvr2/test1.json.gz"),
  });
}

/** A file of the real data, unpacked. */
export async function realFile(...parts: readonly string[]): Promise<Buffer> {
  const bytes = await readFile(realData(...parts));
  return parts.at(-1)?.endsWith(".gz") === true ? gunzipSync(bytes) : bytes;
}

/** The real lists of Flickr30K's two published splits. */
export async function realSplitLists(): Promise<Record<string, Buffer>> {
  const files: Record<string, Buffer> = {};
  for (const part of ["train", "val", "test"]) {
    files[`karpathy/flickr30k_${part}.txt`] = await realFile("karpathy", `flickr30k_${part}.txt`);
    files[`flickr30k/entities/${part}.txt`] = await realFile("flickr30k/entities", `${part}.txt`);
  }
  return files;
}

/** One of Flickr30K's published splits. */
export async function flickr30kSplit(folder: string, name: string): Promise<PublishedSplit> {
  const { splits } = await readDatasetManifest("flickr30k");
  const split = splits.find((known) => known.name === name);
  if (split === undefined) throw new Error(`Flickr30K has no ${name}`);
  return readPublishedSplit({ sourceFolder: folder, split, idOfName: flickr30kIdOfName });
}

/** A split for each part, the first of them to be trained on. */
export function eachPart(...parts: readonly string[]): readonly SourceSplit[] {
  return parts.map((part, index) => {
    return { name: part, role: index === 0 ? "train" : "eval", parts: [part] };
  });
}

/** Plans without looking for pictures, unless the choice says so. */
export function planOf(source: Source, folder: string, choice: Choice): Promise<SourcePlan> {
  return source.plan({ ...planOptions(folder), annotationsOnly: true, ...choice });
}

export async function allScenes(plan: SourcePlan): Promise<PlannedScene[]> {
  const scenes: PlannedScene[] = [];
  for (const { name } of plan.splits) scenes.push(...(await Array.fromAsync(plan.scenes(name))));
  return scenes;
}

/** The ledger's rows as "record id outcome reason". */
export async function ledgerLines(plan: SourcePlan): Promise<string[]> {
  const entries = await Array.fromAsync(plan.ledger());
  return entries.map(({ record, id, outcome, reason }) => `${record} ${id} ${outcome} ${reason}`);
}

type Choice = Partial<SourceOptions> & Pick<SourceOptions, "splits">;

/** What a source makes of some files. */
export interface Outcome {
  readonly scenes: readonly PlannedScene[];
  /** All texts of the scenes. */
  readonly texts: PlannedScene["draft"]["texts"];
  readonly ledger: readonly string[];
  readonly plan: SourcePlan;
}

export async function outcomeOf(source: Source, files: Files, choice: Choice): Promise<Outcome> {
  await using folder = await folderWith(files);
  using plan = await planOf(source, folder.path, choice);
  const scenes = await allScenes(plan);
  const texts = scenes.flatMap(({ draft }) => draft.texts);
  return { scenes, texts, ledger: await ledgerLines(plan), plan };
}

/** Why files are refused. */
export async function faultOf(source: Source, files: Files, choice: Choice): Promise<unknown> {
  return await outcomeOf(source, files, choice).then(
    () => "no fault",
    (error: unknown) => error,
  );
}

/** How many there are of each. */
export function tally(names: Iterable<string>): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

export function jsonLines(...values: readonly unknown[]): string {
  return values.map((value) => `${JSON.stringify(value)}\n`).join("");
}
