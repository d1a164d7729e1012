import { imageKey } from "../../core/keys.ts";
import { isObject, recordId, shapeFault, wrongField } from "../annotations/record-fields.ts";
import { sceneText } from "../annotations/scene-texts.ts";
import { textFault } from "../annotations/text-faults.ts";
import { type DatasetManifest, readDatasetManifest } from "../dataset-manifest.ts";
import type {
  DatasetReading,
  Entry,
  Examined,
  FileReading,
  ListReading,
  NestedRecord,
  PartMembership,
  RecordFault,
  SceneDescription,
} from "../joining/dataset-reading.ts";
import { planDataset } from "../joining/plan-dataset.ts";
import { filesThere, noFileOf, requireKind } from "../official-files.ts";
import { PictureFolders } from "../pictures/picture-folders.ts";
import { type PublishedSplit, readPublishedSplit, wantedSplit } from "../published-split.ts";
import type { Source, SourceOptions, SourcePlan } from "../source.ts";

/**
 * Flickr30K: five captions a picture, from the publisher's token file, else from the `results.csv`
 * that is passed around, else from Karpathy's JSON (the same captions before they were split into
 * tokens). Two published splits of it are in use, the Karpathy split and the Entities split, that
 * disagree on 3,776 of the 31,014 pictures which both of them name.
 */
export const flickr30k: Source = { dataset: "flickr30k", plan };

async function plan(options: SourceOptions): Promise<SourcePlan> {
  return planDataset(await readFlickr30k(options), options);
}

type PartOf = ReadonlyMap<string, PartMembership>;

const PICTURES = "flickr30k/flickr30k-images";
/** Where the files of Flickr30k Entities lie: where the manifest has them, or as the repository is unpacked. */
const entitiesFolders = ["flickr30k/entities", "flickr30k", "flickr30k_entities"];

/** How each of the files reads that hold the same captions; the first that is there is taken. */
const captionFiles: Readonly<Record<string, (partOf: PartOf) => Omit<FileReading, "path">>> = {
  "flickr30k/results_20130124.token": (partOf) =>
    linesOf({ kind: "caption", digestsIds: true, examine: (entry) => examineToken(entry, partOf) }),
  "flickr30k/results.csv": (partOf) =>
    linesOf({ kind: "caption", digestsIds: true, examine: (entry) => examineRow(entry, partOf) }),
  "flickr30k/dataset_flickr30k.json": (partOf) => ({
    format: "json",
    lists: {
      images: {
        kind: "image",
        nestedKind: "caption",
        nestedMember: "sentences",
        digestsIds: true,
        examine: (entry) => examineKarpathyImage(entry, partOf),
      },
    },
  }),
};

function linesOf(list: ListReading): Omit<FileReading, "path"> {
  return { format: "lines", lists: { "": list } };
}

async function readFlickr30k(options: SourceOptions): Promise<DatasetReading> {
  const { folder } = options;
  const manifest = await readDatasetManifest(flickr30k.dataset);
  requireKind("caption", manifest, options);
  const [path] = await filesThere(folder, Object.keys(captionFiles));
  const captions = path === undefined ? undefined : captionFiles[path];
  // The split alone names pictures too.
  if (path === undefined && options.picturesOnly !== true) throw noFileOf(manifest, folder);
  const split = await readFlickr30kSplit(manifest, options);
  const captionReadings =
    path === undefined || captions === undefined
      ? []
      : [{ path, ...captions(split?.partOf ?? new Map()) }];
  const places = entitiesFolders.map((name) => `${name}/UNRELATED_CAPTIONS`);
  const notes = (await filesThere(folder, places)).slice(0, 1);
  return {
    manifest,
    files: [...captionReadings, ...notes.map(unrelatedCaptions)],
    pictures: await listFlickr30kPictures(folder),
    split,
    keyOfSplitId: (id) => imageKey("flickr30k", id),
    // The other files hold the same captions.
    absentFiles: [],
  };
}

/** The published split that is asked for, of those whose lists name Flickr30K's pictures. */
export async function readFlickr30kSplit(
  manifest: DatasetManifest,
  options: SourceOptions,
): Promise<PublishedSplit | undefined> {
  const split = wantedSplit(manifest.splits, options);
  // The parts of some splits are the files that the records are in.
  const isListed = split?.json !== undefined || split?.parts.some(({ list }) => list !== undefined);
  if (split === undefined || isListed !== true) return undefined;
  return readPublishedSplit({
    sourceFolder: options.folder,
    split,
    idOfName: flickr30kIdOfName,
    otherFolders: entitiesFolders,
    signal: options.signal,
  });
}

/** Flickr30K's pictures, which SNLI-VE speaks of as well, under the names that copies have been given. */
export function listFlickr30kPictures(sourceFolder: string): Promise<PictureFolders> {
  const folders = [PICTURES, "flickr30k/flickr30k_images", "flickr30k/images"];
  return PictureFolders.list(sourceFolder, folders, flickr30kIdOfName);
}

/** The Flickr photo id in "1000092795.jpg" or, in some lists, bare; Flickr8K's names have the photo's secret after it. */
export function flickr30kIdOfName(name: string): string | undefined {
  return /^([1-9]\d{0,15})(?:(?:_[0-9a-f]+)?\.jpg)?$/.exec(name)?.[1];
}

export function describeFlickr30kPicture(
  photoId: string,
  part: PartMembership | undefined,
): SceneDescription {
  const key = imageKey("flickr30k", photoId);
  const picture = {
    key,
    name: `${photoId}.jpg`,
    folder: PICTURES,
    url: null,
    flickrPhotoId: photoId,
    license: null,
    linkedKeys: [],
  };
  return { sceneKey: key, part, pictures: [picture] };
}

/** A line of the token file: "1000092795.jpg#0", a tab, the caption. */
function examineToken({ value }: Entry, partOf: PartOf): Examined {
  const line = String(value);
  if (line.trim() === "") return { noRecord: true };
  const { name, number, text } =
    /^(?<name>[^\t#]+)#(?<number>\d+)\t(?<text>.*)$/s.exec(line)?.groups ?? {};
  if (name === undefined || number === undefined || text === undefined) {
    return shapeFault(lineFault(line, "a picture's name, #, a number, a tab and the caption"));
  }
  return captionOf({ name, number, text }, partOf);
}

/**
 * A line of results.csv: name, number and caption between pipes, with or without blanks around them.
 * The official captions hold pipes nowhere. One line of the copy that is passed around lacks its
 * second pipe ("2199200615.jpg| 4   A dog runs across the grass ."): blanks stand for it.
 */
function examineRow({ value, index }: Entry, partOf: PartOf): Examined {
  const line = String(value);
  if (line.trim() === "") return { noRecord: true };
  if (index === 0 && /^image_name\s*\|/.test(line)) return { noRecord: true };
  const row = /^(?<name>[^|]+?)\s*\|\s*(?<number>\d+)(?:\s*\|\s*|\s+)(?<text>.*?)\s*$/s;
  const { name, number, text } = row.exec(line)?.groups ?? {};
  if (name === undefined || number === undefined || text === undefined) {
    return shapeFault(lineFault(line, "a picture's name, a number and the caption between pipes"));
  }
  return captionOf({ name, number, text }, partOf);
}

interface CaptionFields {
  readonly name: string;
  readonly number: string;
  readonly text: string;
}

function captionOf({ name, number, text }: CaptionFields, partOf: PartOf): Examined {
  const id = `${name}#${number}`;
  const photoId = flickr30kIdOfName(name);
  if (photoId === undefined || photoId === name) {
    return { ...shapeFault(`"${name}" is no picture's name; expected <photo id>.jpg`), id };
  }
  const fault = textFault(text);
  if (fault !== undefined) return { ...fault, id };
  return {
    id,
    sceneId: photoId,
    describe: () => describeFlickr30kPicture(photoId, partOf.get(photoId)),
    texts: () => [sceneText({ id, kind: "caption", text })],
  };
}

/** An image of Karpathy's JSON with its sentences. */
function examineKarpathyImage({ value }: Entry, partOf: PartOf): Examined {
  if (!isObject(value)) return shapeFault("is no object");
  const { filename, sentences } = value;
  const photoId = typeof filename === "string" ? flickr30kIdOfName(filename) : undefined;
  if (photoId === undefined) return shapeFault(wrongField("filename", filename, "<photo id>.jpg"));
  if (!Array.isArray(sentences)) {
    return { ...shapeFault(wrongField("sentences", sentences, "a list")), id: photoId };
  }
  return {
    id: photoId,
    sceneId: photoId,
    describe: () => describeFlickr30kPicture(photoId, partOf.get(photoId)),
    nested: sentences.map((sentence: unknown, index) => sentenceOf(sentence, index)),
  };
}

function sentenceOf(sentence: unknown, index: number): NestedRecord | RecordFault {
  const at = `sentences/${index}`;
  if (!isObject(sentence)) return shapeFault(wrongField(at, sentence, "an object"));
  const { sentid, raw: text } = sentence;
  const id = recordId(sentid);
  if (id === undefined) return shapeFault(wrongField(`${at}/sentid`, sentid, "a whole number"));
  if (typeof text !== "string") {
    return { ...shapeFault(wrongField(`${at}/raw`, text, "a text")), id };
  }
  const fault = textFault(text);
  return fault === undefined
    ? { id, text: () => sceneText({ id, kind: "caption", text }) }
    : { ...fault, id };
}

// The captions that Entities' authors found to be of another picture. The published evaluations keep
// them, and so do we; the ledger says so of each.
function unrelatedCaptions(path: string): FileReading {
  return { path, ...linesOf({ kind: "unrelated-caption", examine: examineUnrelated }) };
}

/** A line of UNRELATED_CAPTIONS: photo id and the caption's number, from 1. */
function examineUnrelated({ value }: Entry): Examined {
  const line = String(value);
  if (line.trim() === "" || line.startsWith("#")) return { noRecord: true };
  const { photoId = "", number } =
    /^(?<photoId>\d+)\s+(?<number>[1-9])\s*$/.exec(line)?.groups ?? {};
  if (number === undefined) return shapeFault(lineFault(line, "a photo id and a caption's number"));
  const id = `${photoId}.jpg#${Number(number) - 1}`;
  const evidence = `says that caption ${id} is not about its picture; the caption is kept, as the published evaluations keep it`;
  const leftOut = { outcome: "excluded", reason: "note-about-a-caption", evidence } as const;
  return { id, sceneId: photoId, leftOut };
}

function lineFault(line: string, expected: string): string {
  return `is ${JSON.stringify(line.slice(0, 80))}; expected ${expected}`;
}
