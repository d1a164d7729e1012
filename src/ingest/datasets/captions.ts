import { flickrPhotoId, imageKey } from "../../core/keys.ts";
import type { TextKind } from "../../core/records.ts";
import { type CaptionFile, captionFiles } from "../captions/caption-files.ts";
import { type CaptionedPicture, readCaptionLine } from "../captions/caption-line.ts";
import { CaptionPictures } from "../captions/caption-pictures.ts";
import { FirstSaying } from "../captions/first-saying.ts";
import { readDatasetManifest } from "../dataset-manifest.ts";
import type {
  DatasetReading,
  DescribedPicture,
  Entry,
  Examined,
  FileReading,
} from "../joining/dataset-reading.ts";
import { planDataset } from "../joining/plan-dataset.ts";
import { wantedSplit } from "../published-split.ts";
import type { Source, SourceOptions, SourcePlan } from "../source.ts";
import { cocoIdOfName } from "./coco-pictures.ts";

/**
 * Pictures and texts of the user's own: a folder directly below the source folder with a captions.jsonl (CAPTIONS.md
 * describes it) and pictures. There may be several such folders, beside those of published datasets.
 *
 * A picture's key is the one that its lines give, or else "own:<folder>/<path>". Lines about one picture are one scene
 * and say the same of it; one that says something else is quarantined, as is one that gives two pictures one key.
 */
export const captions: Source = { dataset: "captions", plan };

async function plan(options: SourceOptions): Promise<SourcePlan> {
  return planDataset(await readCaptions(options), options);
}

async function readCaptions(options: SourceOptions): Promise<DatasetReading> {
  const { folder, textKinds } = options;
  const manifest = await readDatasetManifest(captions.dataset);
  wantedSplit(manifest.splits, options);
  const files = await captionFiles(folder);
  const sayings: Sayings = { ofPictures: new FirstSaying(), ofKeys: new FirstSaying() };
  return {
    manifest,
    files: files.map((file) => readingOf(file, { sayings, textKinds })),
    pictures: new CaptionPictures(folder),
    absentFiles: [],
  };
}

/** What lines have said so far. */
interface Sayings {
  /** By path below the source folder. */
  readonly ofPictures: FirstSaying;
  /** By key that a line gives: which picture has it. */
  readonly ofKeys: FirstSaying;
}

interface LineContext {
  readonly sayings: Sayings;
  readonly textKinds: readonly TextKind[] | undefined;
}

function readingOf(file: CaptionFile, context: LineContext): FileReading {
  const examine = (entry: Entry): Examined => examineLine(entry, file, context);
  const idSpace = `${file.folder}/line`;
  return {
    path: file.path,
    format: "json-lines",
    lists: { "": { kind: "line", idSpace, examine } },
  };
}

function examineLine(
  { value, index }: Entry,
  { folder, foundPath }: CaptionFile,
  { sayings, textKinds }: LineContext,
): Examined {
  const line = readCaptionLine(value);
  if ("fault" in line) return line;
  const { id, part } = line;
  const contradiction = contradictionOf(line.picture, folder, sayings);
  if (contradiction !== undefined) {
    return { fault: "ANN_CONFLICT", evidence: contradiction, id };
  }
  const picture = describedPicture(line.picture, folder);
  const { key } = picture;
  const texts = line
    .texts(id === "" ? `${folder}-${index + 1}` : id)
    .filter(({ kind }) => textKinds?.includes(kind) ?? true);
  return {
    id,
    sceneId: key,
    describe: () => ({
      sceneKey: key,
      part: { part, evidence: `${foundPath}#line ${index + 1}` },
      pictures: [picture],
    }),
    texts: () => texts,
    numTexts: texts.length,
  };
}

function contradictionOf(
  picture: CaptionedPicture,
  folder: string,
  { ofKeys, ofPictures }: Sayings,
): string | undefined {
  const path = `${folder}/${picture.path}`;
  const { cocoId, key, license, url } = picture;
  const ids = cocoIdsOf(picture);
  if (ids.length > 1)
    return `its key, url and coco_id name several pictures of COCO: ${ids.join(", ")}`;
  if (!ofPictures.agrees(path, JSON.stringify([key, url, cocoId, license]))) {
    return `a line before it says another key, url, coco_id or licence of ${path}, or none`;
  }
  if (key === undefined || ofKeys.agrees(key, path)) return undefined;
  return `a line before it gives the key ${key} to another picture`;
}

function describedPicture(picture: CaptionedPicture, folder: string): DescribedPicture {
  const { key, license, path, url } = picture;
  const ownKey = key ?? imageKey("own", `${folder}/${path}`);
  const cocoKeys = cocoIdsOf(picture).map((id) => imageKey("coco", id));
  return {
    key: ownKey,
    name: path,
    folder,
    url,
    flickrPhotoId: flickrPhotoId(url ?? "") ?? null,
    license,
    linkedKeys: cocoKeys.filter((linked) => linked !== ownKey),
  };
}

const COCO_KEY = "coco:";
/** COCO's server, by both of its names. */
const COCO_HOST = /^images\.(?:cocodataset|mscoco)\.org$/;

/** The pictures of COCO that a line says its picture is: one, if any, unless it contradicts itself. */
function cocoIdsOf({ cocoId, key, url }: CaptionedPicture): readonly string[] {
  const inKey = key?.startsWith(COCO_KEY) === true ? key.slice(COCO_KEY.length) : undefined;
  // The addresses of the 2014 and of the 2017 release differ, and the number in both is the same.
  const address = url === null ? null : URL.parse(url);
  const isCocos = address !== null && COCO_HOST.test(address.hostname);
  const inUrl = isCocos ? cocoIdOfName(address.pathname.split("/").at(-1) ?? "") : undefined;
  const told = [inKey, cocoId ?? undefined, inUrl].filter((id) => id !== undefined);
  return Array.from(new Set(told));
}
