import { SourceError } from "../../core/errors.ts";
import { imageKey, type ImageKey } from "../../core/keys.ts";
import type { Box, TextKind } from "../../core/records.ts";
import {
  ID_EXPECTED,
  isObject,
  recordId,
  shapeFault,
  wrongField,
} from "../annotations/record-fields.ts";
import { sceneText } from "../annotations/scene-texts.ts";
import { textFault } from "../annotations/text-faults.ts";
import { type DatasetManifest, readDatasetManifest } from "../dataset-manifest.ts";
import type {
  DatasetReading,
  Entry,
  Examined,
  FileReading,
  NestedRecord,
  RecordFault,
  SceneDescription,
} from "../joining/dataset-reading.ts";
import { planDataset } from "../joining/plan-dataset.ts";
import { filesThere, noFileOf } from "../official-files.ts";
import { PictureFolders } from "../pictures/picture-folders.ts";
import { requireOnePicturePerName } from "../pictures/repeated-pictures.ts";
import { type PublishedSplit, readPublishedSplit, wantedSplit } from "../published-split.ts";
import type { Source, SourceOptions, SourcePlan } from "../source.ts";

/**
 * Visual Genome: region descriptions and question-answer pairs. Both key styles are read, that of
 * version 1.0 (`id`, `image`) and that of 1.2 and later (`image_id`, `region_id`, `qa_id`).
 */
export const visualGenome: Source = { dataset: "visual-genome", plan };

async function plan(options: SourceOptions): Promise<SourcePlan> {
  return planDataset(await readVisualGenome(options), options);
}

const IMAGES = "vg/image_data.json";

/** The two files of texts, and what their records are called. */
const textFiles = [
  {
    path: "vg/region_descriptions.json",
    textKind: "region-description",
    member: "regions",
    nestedKind: "region",
    examine: examineRegion,
  },
  {
    path: "vg/question_answers.json",
    textKind: "question",
    member: "qas",
    nestedKind: "question",
    examine: examineQuestion,
  },
] as const satisfies readonly TextFile[];

interface TextFile {
  readonly path: string;
  readonly textKind: TextKind;
  readonly member: string;
  readonly nestedKind: string;
  readonly examine: (fields: Fields, place: NestedPlace) => NestedRecord | RecordFault;
}

/** How the files that are there read. Throws SourceError when one that is needed is not. */
async function readVisualGenome(options: SourceOptions): Promise<DatasetReading> {
  const { folder, signal } = options;
  const manifest = await readDatasetManifest(visualGenome.dataset);
  const { present, absentFiles } = await findFiles(options, manifest);
  const wanted = wantedSplit(manifest.splits, options);
  const names = { idOfName: genomeIdOfName, idOfLine: genomeIdOfLine };
  const split =
    wanted && (await readPublishedSplit({ sourceFolder: folder, split: wanted, signal, ...names }));
  const folders = manifest.pictures.map((pictures) => pictures.folder);
  if (!options.annotationsOnly) await requireOnePicturePerName(folder, folders);
  const pictures = await PictureFolders.list(folder, folders, genomeIdOfName);
  const files = [imageFile(split), ...present.map((file) => textFileReading(file))];
  return { manifest, files, pictures, split, keyOfSplitId, absentFiles };
}

// Regions and questions stand in files of their own: one of a kind that is not asked for is not opened.
async function findFiles(
  { folder, textKinds, picturesOnly }: SourceOptions,
  manifest: DatasetManifest,
): Promise<{ present: readonly TextFile[]; absentFiles: readonly string[] }> {
  const wanted =
    picturesOnly === true
      ? []
      : textFiles.filter(({ textKind }) => textKinds?.includes(textKind) ?? true);
  const paths = [IMAGES, ...wanted.map(({ path }) => path)];
  const there = await filesThere(folder, paths);
  const present = wanted.filter(({ path }) => there.includes(path));
  if (present.length === 0 && wanted.length > 0) {
    throw noFileOf(
      manifest,
      folder,
      wanted.map(({ path }) => path),
    );
  }
  if (there.includes(IMAGES)) {
    return { present, absentFiles: paths.filter((path) => !there.includes(path)) };
  }
  const offered = manifest.releases[0]?.files.find(({ path }) => path === IMAGES)?.offeredAt;
  throw new SourceError(`${IMAGES}: missing; it lists the images that the texts are about`, {
    file: IMAGES,
    remedy: `put it there (.gz and .zip are read as well); it is offered at ${offered}`,
  });
}

function keyOfSplitId(id: string): ImageKey {
  return imageKey("vg", id);
}

/** The image id in the name of a picture's file: "2415417.jpg". */
function genomeIdOfName(name: string): string | undefined {
  return /^([1-9]\d{0,15})\.jpg$/.exec(name)?.[1];
}

/** The image id in a line of bottom-up attention's lists: "VG_100K_2/2415417.jpg xml/2415417.xml". */
export function genomeIdOfLine(line: string): string | undefined {
  return /^VG_100K(?:_2)?\/([1-9]\d{0,15})\.jpg(?:\s.*)?$/.exec(line.trim())?.[1];
}

function imageFile(split: PublishedSplit | undefined): FileReading {
  const examine = (entry: Entry): Examined => examineImage(entry, split);
  return {
    path: IMAGES,
    format: "json",
    lists: { "": { kind: "image", digestsIds: true, examine } },
  };
}

function textFileReading({ path, member, nestedKind, examine }: TextFile): FileReading {
  return {
    path,
    format: "json",
    lists: {
      "": {
        kind: "image",
        idSpace: `image of ${nestedKind}s`,
        nestedKind,
        nestedMember: member,
        examine: (entry) => examineHolder(entry, member, examine),
      },
    },
  };
}

type Fields = Readonly<Record<string, unknown>>;

/** An entry of image_data.json. Other entries are of scenes that these describe. */
function examineImage({ value }: Entry, split: PublishedSplit | undefined): Examined {
  if (!isObject(value)) return shapeFault("is no object");
  const id = publishedId(value, imageIdNames);
  if (typeof id !== "string") return id;
  const cocoId = linkedId(value["coco_id"]);
  const flickrPhotoId = linkedId(value["flickr_id"]);
  if (cocoId === undefined) return shapeFault(wrongField("coco_id", value["coco_id"], LINK), id);
  if (flickrPhotoId === undefined) {
    return shapeFault(wrongField("flickr_id", value["flickr_id"], LINK), id);
  }
  const url = typeof value["url"] === "string" ? value["url"] : null;
  const describe = (): SceneDescription => {
    const key = imageKey("vg", id);
    const folder = url?.includes("/VG_100K_2/") ? "vg/VG_100K_2" : "vg/VG_100K";
    const linkedKeys = cocoId === null ? [] : [imageKey("coco", cocoId)];
    const picture = {
      key,
      name: `${id}.jpg`,
      folder,
      url,
      flickrPhotoId,
      license: null,
      linkedKeys,
    };
    return { sceneKey: key, part: split?.partOf.get(id), pictures: [picture] };
  };
  const { width, height } = value;
  const essence = (): string => JSON.stringify([cocoId, flickrPhotoId, url, width, height]);
  return { id, sceneId: id, describe, essence };
}

const LINK = `${ID_EXPECTED}, or null, -1 or 0 for none`;

/** The id in another collection; null for none, undefined for what is neither. */
function linkedId(value: unknown): string | null | undefined {
  if (value === undefined || value === null || value === -1) return null;
  const id = recordId(value);
  return id === "0" ? null : id;
}

/** An entry of the files of texts: an image's id and its list. */
function examineHolder({ value }: Entry, member: string, examine: TextFile["examine"]): Examined {
  if (!isObject(value)) return shapeFault("is no object");
  const imageId = publishedId(value, imageIdNames);
  if (typeof imageId !== "string") return imageId;
  const list = value[member];
  if (!Array.isArray(list)) return shapeFault(wrongField(member, list, "a list"), imageId);
  const nested = list.map((fields: unknown, index) => {
    const at = `${member}/${index}`;
    if (!isObject(fields)) return shapeFault(wrongField(at, fields, "an object"));
    return examine(fields, { imageId, at });
  });
  return { id: imageId, sceneId: imageId, nested };
}

/** Where a region or question stands. */
interface NestedPlace {
  /** The image that the entry around it is of. */
  readonly imageId: string;
  /** Its JSON pointer inside the entry, without the first slash: "regions/17". */
  readonly at: string;
}

function examineRegion(fields: Fields, place: NestedPlace): NestedRecord | RecordFault {
  const id = nestedId(fields, regionIdNames, place);
  if (typeof id !== "string") return id;
  const box = readBox(fields, place.at);
  if (typeof box === "string") return { fault: "ANN_BOX", evidence: box, id };
  const text = readText(fields, "phrase", place.at);
  if (typeof text !== "string") return { ...text, id };
  return { id, text: () => sceneText({ id, kind: "region-description", text, box }) };
}

function examineQuestion(fields: Fields, place: NestedPlace): NestedRecord | RecordFault {
  const id = nestedId(fields, questionIdNames, place);
  if (typeof id !== "string") return id;
  const text = readText(fields, "question", place.at);
  if (typeof text !== "string") return { ...text, id };
  const answer = readText(fields, "answer", place.at);
  if (typeof answer !== "string") return { ...answer, id };
  const answers = [{ answer, count: 1 }];
  return { id, text: () => sceneText({ id, kind: "question", text, label: answer, answers }) };
}

/** The keys that hold an id: since version 1.2, and in version 1.0. */
type IdNames = readonly [later: string, early: string];
const imageIdNames: IdNames = ["image_id", "id"];
const imageOfNestedNames: IdNames = ["image_id", "image"];
const regionIdNames: IdNames = ["region_id", "id"];
const questionIdNames: IdNames = ["qa_id", "id"];

function publishedId(fields: Fields, [later, early]: IdNames, at = ""): string | RecordFault {
  const name = fields[later] === undefined && fields[early] !== undefined ? early : later;
  const id = recordId(fields[name]);
  if (id === undefined) return shapeFault(wrongField(`${at}${name}`, fields[name], ID_EXPECTED));
  const other = fields[early] === undefined ? id : recordId(fields[early]);
  if (other === id) return id;
  const evidence = wrongField(`${at}${early}`, fields[early], `${id}, as ${later} says`);
  return { fault: "ANN_CONFLICT", evidence, id };
}

/** The id of a region or question, which must not name another image than the entry around it. */
function nestedId(
  fields: Fields,
  names: IdNames,
  { imageId, at }: NestedPlace,
): string | RecordFault {
  const id = publishedId(fields, names, `${at}/`);
  const [later, early] = imageOfNestedNames;
  if (typeof id !== "string" || (fields[later] ?? fields[early]) === undefined) return id;
  const ownImageId = publishedId(fields, imageOfNestedNames, `${at}/`);
  if (typeof ownImageId !== "string") return { ...ownImageId, id };
  if (ownImageId === imageId) return id;
  const evidence = `/${at} is of image ${ownImageId}, and stands in the list of image ${imageId}`;
  return { fault: "ANN_CONFLICT", evidence, id };
}

/** The box, or what is wrong with it. Some 5,700 of the 5.4 million published ones begin outside their picture. */
function readBox(fields: Fields, at: string): Box | string {
  const { x, y, width, height } = fields;
  const expected = "a number from 0 on";
  if (!isNumberFrom0(x)) return wrongField(`${at}/x`, x, expected);
  if (!isNumberFrom0(y)) return wrongField(`${at}/y`, y, expected);
  if (!isNumberFrom0(width) || width === 0) return wrongField(`${at}/width`, width, POSITIVE);
  if (!isNumberFrom0(height) || height === 0) return wrongField(`${at}/height`, height, POSITIVE);
  return { x, y, width, height };
}

const POSITIVE = "a number above 0";

function isNumberFrom0(value: unknown): value is number {
  return typeof value === "number" && value >= 0 && value < Infinity;
}

function readText(fields: Fields, name: string, at: string): string | RecordFault {
  const text = fields[name];
  if (typeof text !== "string") return shapeFault(wrongField(`${at}/${name}`, text, "a text"));
  const fault = textFault(text);
  return fault === undefined
    ? text
    : { fault: fault.fault, evidence: `/${at}/${name}: ${fault.evidence}` };
}
