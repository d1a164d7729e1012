import { SourceError } from "../../core/errors.ts";
import { flickrPhotoId, imageKey } from "../../core/keys.ts";
import { findAnnotationFile } from "../annotations/annotation-file.ts";
import {
  ID_EXPECTED,
  isObject,
  recordId,
  shapeFault,
  textOrNull,
  wrongField,
} from "../annotations/record-fields.ts";
import { sceneText } from "../annotations/scene-texts.ts";
import { textFault } from "../annotations/text-faults.ts";
import { type DatasetManifest, compareIds, readDatasetManifest } from "../dataset-manifest.ts";
import type {
  DatasetReading,
  Entry,
  Examined,
  FileReading,
  PartMembership,
  SceneDescription,
} from "../joining/dataset-reading.ts";
import { planDataset } from "../joining/plan-dataset.ts";
import { readPublishedSplit } from "../published-split.ts";
import type { Source, SourceOptions, SourcePlan } from "../source.ts";
import { cocoIdOfName, listCocoPictures } from "./coco-pictures.ts";

/**
 * COCO captions of the 2014 and the 2017 release (any of the four files), with Karpathy's split. The
 * releases have the same pictures under other names and in other subsets; ids are the same, so a
 * picture listed twice is read from the first file that lists it, 2014 before 2017.
 */
export const coco: Source = { dataset: "coco", plan };

async function plan(options: SourceOptions): Promise<SourcePlan> {
  const manifest = await readDatasetManifest(coco.dataset);
  const paths = await findFiles(options, manifest);
  const reading: Omit<DatasetReading, "files"> = {
    manifest,
    pictures: await listCocoPictures(options.folder),
    split: await readSplit(options, manifest),
    keyOfSplitId: (id) => imageKey("coco", id),
    compareTexts: (a, b) => compareIds(a.id, b.id),
  };
  const files = paths.map((path) => captionFile(path, reading.split?.partOf ?? new Map()));
  return planDataset({ ...reading, files }, options);
}

async function findFiles(
  { folder, picturesOnly }: SourceOptions,
  manifest: DatasetManifest,
): Promise<string[]> {
  const expected = manifest.releases.flatMap((release) => release.files);
  const found: string[] = [];
  for (const { path } of expected) {
    if ((await findAnnotationFile(folder, path)) !== undefined) found.push(path);
  }
  // The split alone names pictures too.
  if (found.length > 0 || picturesOnly === true) return found;
  const names = expected.map(({ path }) => path).join(", ");
  const places = Array.from(new Set(expected.map(({ offeredAt }) => offeredAt))).join(" and ");
  throw new SourceError(
    `${folder} has no caption file of COCO: looked for ${names} (each also with .gz)`,
    { file: expected[0]?.path, remedy: `put one of them there; they are offered at ${places}` },
  );
}

async function readSplit(
  { folder, splits, publishedSplit, signal }: SourceOptions,
  manifest: DatasetManifest,
): Promise<DatasetReading["split"]> {
  if (splits.length > 0 && splits.every(({ parts }) => parts === "everything")) return undefined;
  const split = manifest.splits.find(({ name }) => name === (publishedSplit ?? name));
  if (split === undefined) throw new Error(`COCO has no published split ${publishedSplit ?? ""}`);
  return readPublishedSplit({ sourceFolder: folder, split, idOfName: cocoIdOfName, signal });
}

type PartOf = ReadonlyMap<string, PartMembership>;

function captionFile(path: string, partOf: PartOf): FileReading {
  const subset = /captions_(\w+)\.json/.exec(path)?.[1] ?? "";
  const licenses = new Map<number, string>();
  const examineImage = (entry: Entry): Examined => readImage(entry, { subset, licenses, partOf });
  return {
    path,
    format: "json",
    lists: {
      images: { kind: "image", digestsIds: true, examine: examineImage },
      annotations: { kind: "caption", examine: readCaption },
    },
    readAside: (member, value) => {
      if (member !== "licenses" || !isObject(value)) return;
      const { id, name } = value;
      if (typeof id === "number" && typeof name === "string") licenses.set(id, name);
    },
  };
}

interface ImageContext {
  /** The name of the file's pictures, such as "train2014". */
  readonly subset: string;
  readonly licenses: ReadonlyMap<number, string>;
  readonly partOf: PartOf;
}

// Read by hand and not by a schema: there are a million records, and a schema makes four objects of each.
function readImage({ value }: Entry, context: ImageContext): Examined {
  if (!isObject(value)) return shapeFault("is no object");
  const id = recordId(value["id"]);
  const fileName = value["file_name"];
  if (id === undefined) return shapeFault(wrongField("id", value["id"], ID_EXPECTED));
  if (typeof fileName !== "string") {
    return shapeFault(wrongField("file_name", fileName, "a file name"), id);
  }
  const idOfFile = cocoIdOfName(fileName);
  if (idOfFile !== undefined && idOfFile !== id) {
    return { fault: "ANN_CONFLICT", evidence: `its id is ${id} and its file ${fileName}`, id };
  }
  const { flickr_url: flickrUrl, width, height } = value;
  return {
    id,
    sceneId: id,
    describe: () => describeImage(id, fileName, { value, context }),
    essence: () => JSON.stringify([flickrUrl, width, height]),
  };
}

function describeImage(
  id: string,
  fileName: string,
  { value, context }: { value: { readonly [name: string]: unknown }; context: ImageContext },
): SceneDescription {
  const { coco_url: cocoUrl, flickr_url: flickrUrl, license } = value;
  const url = textOrNull(flickrUrl);
  const key = imageKey("coco", id);
  const picture = {
    key,
    name: fileName,
    folder: `coco/${context.subset}`,
    url: textOrNull(cocoUrl) ?? url,
    flickrPhotoId: flickrPhotoId(url ?? "") ?? null,
    license: typeof license === "number" ? (context.licenses.get(license) ?? null) : null,
    linkedKeys: [],
  };
  return { sceneKey: key, part: context.partOf.get(id), pictures: [picture] };
}

function readCaption({ value }: Entry): Examined {
  if (!isObject(value)) return shapeFault("is no object");
  const id = recordId(value["id"]);
  const imageId = recordId(value["image_id"]);
  const text = value["caption"];
  if (id === undefined) return shapeFault(wrongField("id", value["id"], ID_EXPECTED));
  if (imageId === undefined) {
    return shapeFault(wrongField("image_id", value["image_id"], ID_EXPECTED), id);
  }
  if (typeof text !== "string") return shapeFault(wrongField("caption", text, "a text"), id);
  const fault = textFault(text);
  if (fault !== undefined) return { ...fault, id };
  return { id, sceneId: imageId, texts: () => [sceneText({ id, kind: "caption", text })] };
}
