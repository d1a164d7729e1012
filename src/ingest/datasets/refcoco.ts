import { SourceError } from "../../core/errors.ts";
import { flickrPhotoId, imageKey } from "../../core/keys.ts";
import type { Box } from "../../core/records.ts";
import { AnnotationReader, findAnnotationFile } from "../annotations/annotation-file.ts";
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
import { compareIds, type DatasetManifest, readDatasetManifest } from "../dataset-manifest.ts";
import type {
  Entry,
  Examined,
  FileReading,
  NestedRecord,
  PartMembership,
  RecordFault,
  SceneDescription,
} from "../joining/dataset-reading.ts";
import { planDataset } from "../joining/plan-dataset.ts";
import { filesThere } from "../official-files.ts";
import { readPickle } from "../pickle/read-pickle.ts";
import { wantedSplit } from "../published-split.ts";
import type { Source, SourceOptions, SourcePlan } from "../source.ts";
import { cocoIdOfName, listCocoPictures } from "./coco-pictures.ts";

/**
 * RefCOCO, RefCOCO+ and RefCOCOg: expressions that refer to one object of a picture of COCO's train2014.
 * A ref has some expressions, and the object of instances.json that it refers to gives each of them
 * its box and its category's name as the label. Objects that no ref refers to are excluded as
 * "not-referred-to".
 *
 * The published splits are "unc" (RefCOCO, RefCOCO+) and "umd" (RefCOCOg); each ref says its part.
 * An image whose refs are in several parts, of which the official files have none, is in the part
 * that stands first in `guardedParts`, and its refs of other parts are quarantined: what is evaluated
 * on is never trained on. The splits by Google divide objects and not images, so that they would lose
 * most of their refs by that rule; they are refused.
 */
export const refcoco: Source = { dataset: "refcoco", plan: (options) => plan("refcoco", options) };
export const refcocoPlus: Source = {
  dataset: "refcoco+",
  plan: (options) => plan("refcoco+", options),
};
export const refcocog: Source = {
  dataset: "refcocog",
  plan: (options) => plan("refcocog", options),
};

const guardedParts = ["testA", "testB", "test", "val", "train"] as const;

async function plan(dataset: string, options: SourceOptions): Promise<SourcePlan> {
  const { folder, picturesOnly, signal } = options;
  const manifest = await readDatasetManifest(dataset);
  const split = wantedSplit(manifest.splits, options) ?? manifest.splits[0];
  if (split === undefined) throw new Error(`the manifest of ${dataset} has no split`);
  const refs = `refcoco/${dataset}/refs(${split.name}).p`;
  const instances = `refcoco/${dataset}/instances.json`;
  // The refs alone name the pictures; instances.json says which photos of Flickr they are.
  const needed = picturesOnly === true ? [refs] : [refs, instances];
  await requireFiles(folder, needed, manifest);
  const partOf = await readParts(folder, refs, signal);
  const files =
    picturesOnly === true
      ? (await filesThere(folder, [instances])).map((path) => listOfImages(path, partOf))
      : [refFile(refs, partOf), instanceFile(instances, partOf)];
  return planDataset(
    {
      manifest,
      files,
      keyOfSplitId: (id) => imageKey("coco", id),
      pictures: await listCocoPictures(folder),
      // The file of the refs is one of the files above already.
      split: { name: split.name, files: [], partOf },
      compareTexts: (a, b) => compareIds(a.id, b.id),
    },
    options,
  );
}

async function requireFiles(
  folder: string,
  paths: readonly string[],
  manifest: DatasetManifest,
): Promise<void> {
  const offered = manifest.releases[0]?.files[0]?.offeredAt ?? manifest.homepage;
  for (const path of paths) {
    if ((await findAnnotationFile(folder, path)) !== undefined) continue;
    const byGoogle = path.replace(/\(\w+\)/, "(google)");
    const hasOther =
      byGoogle !== path && (await findAnnotationFile(folder, byGoogle)) !== undefined;
    const other = hasOther
      ? `; ${byGoogle} is there, but its parts share pictures, so that its evaluation pictures would be trained on`
      : "";
    throw new SourceError(`${path}: missing (looked for it with .gz and .zip as well)${other}`, {
      file: path,
      remedy: `put it there; it is offered at ${offered}`,
    });
  }
}

type PartOf = ReadonlyMap<string, PartMembership>;

/** The part of every image that a ref is about. */
async function readParts(
  folder: string,
  path: string,
  signal: AbortSignal | undefined,
): Promise<PartOf> {
  const file = await findAnnotationFile(folder, path);
  if (file === undefined) throw new Error(`${path} was there before`);
  const chunks = await Array.fromAsync(new AnnotationReader(file, signal).chunks());
  const refs = readPickle(Buffer.concat(chunks), file.path);
  const partOf = new Map<string, PartMembership>();
  for (const [index, ref] of (Array.isArray(refs) ? refs : []).entries()) {
    const fields: unknown = ref;
    if (!isObject(fields)) continue;
    const imageId = recordId(fields["image_id"]);
    const part = partNamed(fields["split"]);
    if (imageId === undefined || part === undefined) continue;
    const known = partOf.get(imageId);
    if (known !== undefined && rankOf(known.part) <= rankOf(part)) continue;
    partOf.set(imageId, { part, evidence: `${file.path}#/${index}` });
  }
  return partOf;
}

function partNamed(name: unknown): string | undefined {
  return guardedParts.find((part) => part === name);
}

function rankOf(name: string): number {
  return guardedParts.findIndex((part) => part === name);
}

function refFile(path: string, partOf: PartOf): FileReading {
  return {
    path,
    format: "pickle",
    lists: {
      "": {
        kind: "ref",
        nestedKind: "expression",
        nestedMember: "sentences",
        needs: "object",
        digestsIds: true,
        examine: (entry) => examineRef(entry, partOf),
      },
    },
  };
}

/** An entry of refs(….p): what it refers to, in words. */
function examineRef({ value }: Entry, partOf: PartOf): Examined {
  if (!isObject(value)) return shapeFault("is no object");
  const { ref_id: refId, image_id: image, ann_id: object, file_name: fileName, sentences } = value;
  const id = recordId(refId);
  if (id === undefined) return shapeFault(wrongField("ref_id", refId, ID_EXPECTED));
  const imageId = recordId(image);
  if (imageId === undefined) return shapeFault(wrongField("image_id", image, ID_EXPECTED), id);
  const objectId = recordId(object);
  if (objectId === undefined) return shapeFault(wrongField("ann_id", object, ID_EXPECTED), id);
  const conflict = fileConflict(fileName, imageId) ?? partConflict(value, imageId, partOf);
  if (conflict !== undefined) return { ...conflict, id };
  if (!Array.isArray(sentences)) {
    return shapeFault(wrongField("sentences", sentences, "a list"), id);
  }
  const nested = sentences.map((sentence: unknown, index) => expressionOf(sentence, index));
  return { id, sceneId: imageId, joinKey: objectId, nested };
}

// The name is that of the picture with a number after it: COCO_train2014_000000581857_16.jpg.
function fileConflict(fileName: unknown, imageId: string): RecordFault | undefined {
  if (typeof fileName !== "string") {
    return shapeFault(wrongField("file_name", fileName, "a file name"));
  }
  const idOfFile = cocoIdOfName(fileName.replace(/_\d+(?=\.jpg$)/, ""));
  if (idOfFile === undefined || idOfFile === imageId) return undefined;
  return { fault: "ANN_CONFLICT", evidence: `its image is ${imageId} and its file ${fileName}` };
}

function partConflict(
  { split }: { readonly split?: unknown },
  imageId: string,
  partOf: PartOf,
): RecordFault | undefined {
  const part = partNamed(split);
  if (part === undefined) return shapeFault(wrongField("split", split, guardedParts.join(", ")));
  const ofImage = partOf.get(imageId);
  if (ofImage === undefined || ofImage.part === part) return undefined;
  const evidence = `it is in ${part}, and its image ${imageId} in ${ofImage.part} (${ofImage.evidence})`;
  return { fault: "ANN_CONFLICT", evidence };
}

function expressionOf(sentence: unknown, index: number): NestedRecord | RecordFault {
  const at = `sentences/${index}`;
  if (!isObject(sentence)) return shapeFault(wrongField(at, sentence, "an object"));
  const { sent_id: sentenceId, sent } = sentence;
  const id = recordId(sentenceId);
  if (id === undefined) return shapeFault(wrongField(`${at}/sent_id`, sentenceId, ID_EXPECTED));
  if (typeof sent !== "string") return shapeFault(wrongField(`${at}/sent`, sent, "a text"), id);
  const fault = textFault(sent);
  return fault === undefined
    ? { id, text: () => sceneText({ id, kind: "expression", text: sent }) }
    : { ...fault, id };
}

function instanceFile(path: string, partOf: PartOf): FileReading {
  const licenses = new Map<string, string>();
  const categories = new Map<string, string>();
  const named = new Map([
    ["licenses", licenses],
    ["categories", categories],
  ]);
  return {
    path,
    format: "json",
    lists: {
      images: {
        kind: "image",
        digestsIds: true,
        examine: (entry) => examineImage(entry, { partOf, licenses }),
      },
      annotations: {
        kind: "object",
        joins: "ref",
        unclaimed: {
          outcome: "excluded",
          reason: "not-referred-to",
          evidence: "no usable ref is about it",
        },
        examine: (entry) => examineObject(entry, categories),
      },
    },
    readAside: (member, value) => {
      if (!isObject(value)) return;
      const id = recordId(value["id"]);
      const name = value["name"];
      if (id !== undefined && typeof name === "string") named.get(member)?.set(id, name);
    },
  };
}

function listOfImages(path: string, partOf: PartOf): FileReading {
  const examine = (entry: Entry): Examined => examineImage(entry, { partOf, licenses: new Map() });
  return { path, format: "json", lists: { images: { kind: "image", examine } } };
}

interface ImageContext {
  readonly partOf: PartOf;
  readonly licenses: ReadonlyMap<string, string>;
}

/** An entry of the images of instances.json, as COCO has them. */
function examineImage({ value }: Entry, context: ImageContext): Examined {
  if (!isObject(value)) return shapeFault("is no object");
  const { id: imageId, file_name: fileName, flickr_url: flickrUrl, width, height } = value;
  const id = recordId(imageId);
  if (id === undefined) return shapeFault(wrongField("id", imageId, ID_EXPECTED));
  const conflict = fileConflict(fileName, id);
  if (conflict !== undefined) return { ...conflict, id };
  return {
    id,
    sceneId: id,
    describe: () => describeImage(id, value, context),
    essence: () => JSON.stringify([fileName, flickrUrl, width, height]),
  };
}

function describeImage(
  id: string,
  fields: { readonly [name: string]: unknown },
  { partOf, licenses }: ImageContext,
): SceneDescription {
  const { coco_url: cocoUrl, flickr_url: flickrUrl, license, file_name: fileName } = fields;
  const key = imageKey("coco", id);
  const url = textOrNull(flickrUrl);
  const picture = {
    key,
    name: textOrNull(fileName) ?? id,
    folder: "coco/train2014",
    url: textOrNull(cocoUrl) ?? url,
    flickrPhotoId: flickrPhotoId(url ?? "") ?? null,
    license: licenses.get(recordId(license) ?? "") ?? null,
    linkedKeys: [],
  };
  return { sceneKey: key, part: partOf.get(id), pictures: [picture] };
}

/** An entry of the annotations of instances.json: it gives the ref it joins its box and label. */
function examineObject({ value }: Entry, categories: ReadonlyMap<string, string>): Examined {
  if (!isObject(value)) return shapeFault("is no object");
  const { id: objectId, image_id: image, category_id: category, bbox } = value;
  const id = recordId(objectId);
  if (id === undefined) return shapeFault(wrongField("id", objectId, ID_EXPECTED));
  const imageId = recordId(image);
  if (imageId === undefined) return shapeFault(wrongField("image_id", image, ID_EXPECTED), id);
  const categoryId = recordId(category);
  if (categoryId === undefined) {
    return shapeFault(wrongField("category_id", category, ID_EXPECTED), id);
  }
  const box = boxOf(bbox);
  if (box === undefined) {
    const expected = "[x, y, width, height] from 0 on, with a width and height above 0";
    return { fault: "ANN_BOX", evidence: wrongField("bbox", bbox, expected), id };
  }
  return {
    id,
    sceneId: imageId,
    joinKey: id,
    adds: () => ({ box, label: categories.get(categoryId) ?? null }),
    essence: () => JSON.stringify([imageId, categoryId, box]),
  };
}

function boxOf(bbox: unknown): Box | undefined {
  if (!Array.isArray(bbox) || bbox.length !== 4) return undefined;
  const [x, y, width, height]: readonly unknown[] = bbox;
  if (!isNumberFrom0(x) || !isNumberFrom0(y)) return undefined;
  if (!isNumberFrom0(width) || !isNumberFrom0(height)) return undefined;
  return width > 0 && height > 0 ? { x, y, width, height } : undefined;
}

function isNumberFrom0(value: unknown): value is number {
  return typeof value === "number" && value >= 0 && value < Infinity;
}
