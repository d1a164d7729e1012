import { flickrPhotoId, imageKey } from "../../core/keys.ts";
import { isObject, shapeFault, wrongField } from "../annotations/record-fields.ts";
import { sceneText } from "../annotations/scene-texts.ts";
import { textFault } from "../annotations/text-faults.ts";
import { type DatasetManifest, readDatasetManifest } from "../dataset-manifest.ts";
import type {
  DatasetReading,
  DescribedPicture,
  Entry,
  Examined,
  FileReading,
} from "../joining/dataset-reading.ts";
import { planDataset } from "../joining/plan-dataset.ts";
import { filesThere, isTaken, isToldByIds, noFileOf, requireKind } from "../official-files.ts";
import { PictureFolders } from "../pictures/picture-folders.ts";
import { wantedSplit } from "../published-split.ts";
import type { Source, SourceOptions, SourcePlan } from "../source.ts";

/**
 * NLVR2: statements that are true or false of a pair of pictures. The files are JSON lines in spite
 * of their names. A scene is a pair with its statements; the identifier "dev-850-0-1" is the second
 * statement about the first pair of set 850 of dev, and the evaluation's consistency is over all
 * pairs of a set with one statement (dev-850-…-1).
 */
export const nlvr2: Source = { dataset: "nlvr2", plan };

async function plan(options: SourceOptions): Promise<SourcePlan> {
  return planDataset(await readNlvr2(options), options);
}

const parts = ["train", "dev", "test1", "test2"] as const;
type Part = (typeof parts)[number];

/** Pictures of train lie in as many numbered folders. */
const NUM_DIRECTORIES = 100;

async function readNlvr2(options: SourceOptions): Promise<DatasetReading> {
  const { folder } = options;
  const manifest = await readDatasetManifest(nlvr2.dataset);
  requireKind("statement", manifest, options);
  wantedSplit(manifest.splits, options); // throws for a split or part that there is not
  const there = await filesThere(folder, parts.map(fileOf));
  if (there.length === 0) throw noFileOf(manifest, folder);
  const read = parts.filter((part) => there.includes(fileOf(part)));
  return {
    manifest,
    files: read.map((part) => readingOf(part, manifest)),
    pictures: await listPictures(folder),
    absentFiles: parts
      .filter((part) => isTaken(part, options.splits))
      .map(fileOf)
      .filter((path) => !there.includes(path)),
  };
}

function fileOf(part: Part): string {
  return `nlvr2/${part}.json`;
}

function readingOf(part: Part, manifest: DatasetManifest): FileReading {
  const path = fileOf(part);
  const examine = (entry: Entry): Examined => examineStatement(entry, part);
  const list = { kind: "statement", digestsIds: isToldByIds(path, manifest), examine };
  return { path, format: "json-lines", lists: { "": list } };
}

/** The folders of the publisher's archives and what they become in the other layouts in use. */
function listPictures(sourceFolder: string): Promise<PictureFolders> {
  const directories = Array.from({ length: NUM_DIRECTORIES }, (_, number) => `train/${number}`);
  const folders = [...directories, ...parts, ""].flatMap((name) =>
    ["nlvr2/images", "nlvr2"].map((base) => (name === "" ? base : `${base}/${name}`)),
  );
  return PictureFolders.list(sourceFolder, folders, nameOfPicture);
}

/** A picture's name without its extension, which says nothing: most of the .png files are JPEG. */
function nameOfPicture(fileName: string): string | undefined {
  return /^((?:train|dev|test1|test2)-\d+-\d+-img[01])\.(?:png|jpe?g)$/i.exec(fileName)?.[1];
}

/** A line of a file: one statement about a pair. */
function examineStatement({ value }: Entry, part: Part): Examined {
  if (!isObject(value)) return shapeFault("is no object");
  const { identifier, sentence, label, directory } = value;
  const pair = typeof identifier === "string" ? pairOf(identifier) : undefined;
  if (typeof identifier !== "string" || pair === undefined) {
    return shapeFault(wrongField("identifier", identifier, "split-set-pair-sentence"));
  }
  const id = identifier;
  if (pair.part !== part) {
    return { fault: "ANN_CONFLICT", evidence: `its identifier ${id} is not of ${part}`, id };
  }
  if (typeof sentence !== "string")
    return shapeFault(wrongField("sentence", sentence, "a text"), id);
  const fault = textFault(sentence);
  if (fault !== undefined) return { ...fault, id };
  if (label !== "True" && label !== "False") {
    return shapeFault(wrongField("label", label, `"True" or "False"`), id);
  }
  const urls = [value["left_url"], value["right_url"]];
  const folder = folderOf(part, directory);
  return {
    id,
    sceneId: pair.name,
    describe: () => ({
      sceneKey: imageKey("nlvr2", pair.name),
      part: { part, evidence: fileOf(part) },
      pictures: urls.map((url, side) => pictureOf(`${pair.name}-img${side}`, folder, url)),
    }),
    texts: () => [sceneText({ id, kind: "statement", text: sentence, label })],
    essence: () => JSON.stringify([sentence, label, urls]),
  };
}

function pairOf(identifier: string): { readonly part: string; readonly name: string } | undefined {
  const found = /^(?<name>(?<part>[a-z]+\d?)-\d+-\d+)-\d+$/.exec(identifier)?.groups;
  const { part, name } = found ?? {};
  return part === undefined || name === undefined ? undefined : { part, name };
}

function folderOf(part: Part, directory: unknown): string {
  return part === "train" && typeof directory === "number"
    ? `nlvr2/images/train/${directory}`
    : `nlvr2/images/${part}`;
}

function pictureOf(name: string, folder: string, address: unknown): DescribedPicture {
  const url = typeof address === "string" ? address : null;
  const photoId = flickrPhotoId(url ?? "") ?? null;
  const key = imageKey("nlvr2", name);
  return {
    key,
    name: `${name}.png`,
    folder,
    url,
    flickrPhotoId: photoId,
    license: null,
    linkedKeys: [],
  };
}
