import { hash } from "node:crypto";
import { SourceError } from "../../core/errors.ts";
import { flickrPhotoId, imageKey } from "../../core/keys.ts";
import type { SceneText } from "../../core/records.ts";
import { sceneText } from "../annotations/scene-texts.ts";
import { textFault } from "../annotations/text-faults.ts";
import { type DatasetManifest, readDatasetManifest } from "../dataset-manifest.ts";
import type {
  Entry,
  Examined,
  FileReading,
  ListReading,
  RecordFault,
} from "../joining/dataset-reading.ts";
import { planDataset } from "../joining/plan-dataset.ts";
import { filesThere, noFileOf } from "../official-files.ts";
import { DigestNamedPictures } from "../pictures/digest-named-pictures.ts";
import { wantedSplit } from "../published-split.ts";
import type { Source, SourceOptions, SourcePlan } from "../source.ts";

/**
 * SBU captioned photos: photographs of Flickr with what their owners wrote. The URLs, owners and
 * captions are lists of their own, of which the entries with one position belong together; that
 * position is the id of image and caption. The key of a photograph is its Flickr id, and entries about
 * one photograph are one scene. Its file is named by the sha256 of its URL as published, as
 * `crossweave fetch` names it: sbu/pictures/<first two hex digits>/<sha256>.<jpg, png, …>
 *
 * Read are sbu-captions-all.json or else the two lists of lines of the first release. There is no
 * published split: everything is in the part "all".
 */
export const sbu: Source = { dataset: "sbu", plan };

const JSON_FILE = "sbu/sbu-captions-all.json";
const URL_LINES = "sbu/SBU_captioned_photo_dataset_urls.txt";
const CAPTION_LINES = "sbu/SBU_captioned_photo_dataset_captions.txt";

async function plan(options: SourceOptions): Promise<SourcePlan> {
  const { folder } = options;
  const manifest = await readDatasetManifest(sbu.dataset);
  wantedSplit(manifest.splits, options);
  const owners = { numRead: 0 };
  const files = await findFiles(folder, manifest, owners);
  const pictures = new DigestNamedPictures(folder, []);
  const planned = await planDataset({ manifest, files, pictures, absentFiles: [] }, options);
  try {
    requireEqualLists(planned, files.length === 1 ? owners.numRead : undefined);
    return planned;
  } catch (error) {
    planned[Symbol.dispose]();
    throw error;
  }
}

async function findFiles(
  folder: string,
  manifest: DatasetManifest,
  owners: { numRead: number },
): Promise<FileReading[]> {
  const there = await filesThere(folder, [JSON_FILE, URL_LINES, CAPTION_LINES]);
  if (there.includes(JSON_FILE)) return [jsonFile(owners)];
  if (!there.includes(URL_LINES) || !there.includes(CAPTION_LINES)) {
    throw noFileOf(manifest, folder);
  }
  return [
    { path: URL_LINES, format: "lines", lists: { "": images } },
    { path: CAPTION_LINES, format: "lines", lists: { "": captions } },
  ];
}

// Who took a photograph is no record and stored nowhere: its page on Flickr says it. It is counted,
// because a list that lacks an entry shows that the others may lack one as well.
function jsonFile(owners: { numRead: number }): FileReading {
  return {
    path: JSON_FILE,
    format: "json",
    lists: { image_urls: images, captions },
    readAside: (member) => {
      if (member === "user_ids") owners.numRead += 1;
    },
  };
}

const images: ListReading = { kind: "image", needs: "caption", examine: examineImage };
const captions: ListReading = { kind: "caption", joins: "image", examine: examineCaption };

/** An entry of the list of URLs. */
function examineImage({ value: url, index }: Entry): Examined {
  const id = String(index);
  const photoId = typeof url === "string" ? flickrPhotoId(url) : undefined;
  if (typeof url !== "string" || photoId === undefined) {
    return wrongEntry(url, "the URL of a photo of Flickr", id);
  }
  return {
    id,
    sceneId: photoId,
    joinKey: id,
    describe: () => {
      const key = imageKey("sbu", photoId);
      const name = hash("sha256", url, "hex");
      const folder = `sbu/pictures/${name.slice(0, 2)}`;
      const found = { url, flickrPhotoId: photoId, license: null, linkedKeys: [] };
      const part = { part: "all", evidence: "SBU has one part" };
      return { sceneKey: key, part, pictures: [{ key, name, folder, ...found }] };
    },
  };
}

/** An entry of the list of captions. */
function examineCaption({ value: text, index }: Entry): Examined {
  const id = String(index);
  if (typeof text !== "string") return wrongEntry(text, "a text", id);
  const fault = textFault(text);
  if (fault !== undefined) return { ...fault, id };
  const texts = (): SceneText[] => [sceneText({ id, kind: "caption", text })];
  return { id, sceneId: null, joinKey: id, texts };
}

function wrongEntry(value: unknown, expected: string, id: string): RecordFault {
  const found = (JSON.stringify(value) ?? "").slice(0, 80);
  return { fault: "ANN_SHAPE", evidence: `is ${found}; expected ${expected}`, id };
}

// Where one list lacks an entry, nobody knows which, and every later caption may be another picture's.
function requireEqualLists({ counts }: SourcePlan, numOwners: number | undefined): void {
  const [urls, texts] = ["image", "caption"].map((name) =>
    counts.find(({ kind }) => kind === name),
  );
  const numUrls = urls?.read ?? 0;
  const numTexts = texts?.read ?? 0;
  if (numUrls === numTexts && (numOwners ?? numUrls) === numUrls) return;
  const owners = numOwners === undefined ? "" : `, ${numOwners} user_ids`;
  const numEqual = Math.min(numUrls, numTexts, numOwners ?? numUrls);
  throw new SourceError(
    `SBU's lists have ${numUrls} URLs${owners} and ${numTexts} captions; entries belong together by their position, so all must have as many`,
    {
      file: texts?.file,
      record: `entry ${numEqual}`,
      remedy: "the file is damaged: download it again",
    },
  );
}
