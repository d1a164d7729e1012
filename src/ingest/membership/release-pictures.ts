import { SourceError } from "../../core/errors.ts";
import { flickrPhotoId, imageKey } from "../../core/keys.ts";
import {
  type AnnotationFile,
  AnnotationReader,
  type FileDigest,
  findAnnotationFile,
} from "../annotations/annotation-file.ts";
import {
  elementPointer,
  type JsonElement,
  readJsonElements,
} from "../annotations/json-elements.ts";
import { isObject, recordId, textOrNull } from "../annotations/record-fields.ts";
import type { ListedDataset, ListingOptions, MemberPicture } from "./listed-dataset.ts";

/**
 * COCO's pictures by the subsets that they were published in: what a detector was trained on is said in
 * these words, and no caption file lists the pictures of test2015, which VQA evaluates on.
 */
export const releaseDataset = "coco-images";

const subsets = ["train2014", "val2014", "test2014", "test2015", "train2017", "val2017"] as const;

/** The files that list a subset's pictures, the smallest first. */
function filesOf(subset: string): readonly string[] {
  return ["image_info", "captions", "instances"].map(
    (kind) => `coco/annotations/${kind}_${subset}.json`,
  );
}

/** Subsets that are read whenever their file is there: no other file says which photos these are. */
const listedNowhereElse: ReadonlySet<string> = new Set(["test2014", "test2015"]);

/**
 * Lists the wanted subsets, and those of the tests that are there. Throws SourceError when a wanted one
 * has no file, or a file is damaged.
 */
export async function listReleasePictures(
  wanted: readonly string[],
  options: ListingOptions,
): Promise<ListedDataset> {
  const files: FileDigest[] = [];
  const tables: SubsetTable[] = [];
  for (const subset of subsets) {
    const isWanted = wanted.includes(subset);
    if (!isWanted && !listedNowhereElse.has(subset)) continue;
    const file = await fileOf(subset, options.folder);
    if (file === undefined && isWanted) throw noFileOfSubset(subset);
    if (file === undefined) continue;
    const reader = new AnnotationReader(file, options.signal);
    options.progress.report({ activity: `reading ${file.path}`, done: 0, unit: "files" });
    tables.push(await readSubset(subset, reader, options.signal));
    files.push(reader.digest);
  }
  return {
    dataset: releaseDataset,
    files,
    pictures: () => picturesOf(tables),
    [Symbol.dispose]: () => {},
  };
}

async function fileOf(subset: string, folder: string): Promise<AnnotationFile | undefined> {
  for (const path of filesOf(subset)) {
    const file = await findAnnotationFile(folder, path);
    if (file !== undefined) return file;
  }
  return undefined;
}

/** The pictures of one file: their ids and photos, by their places in its list. */
interface SubsetTable {
  readonly subset: string;
  readonly file: string;
  readonly ids: string[];
  readonly photos: (string | null)[];
}

async function readSubset(
  subset: string,
  reader: AnnotationReader,
  signal: AbortSignal | undefined,
): Promise<SubsetTable> {
  const table: SubsetTable = { subset, file: reader.file.path, ids: [], photos: [] };
  for await (const elements of readJsonElements(reader)) {
    signal?.throwIfAborted();
    for (const element of elements) {
      if (element.member === "images" && element.index >= 0) takeImage(table, element);
    }
  }
  if (table.ids.length > 0) return table;
  throw new SourceError(`${table.file}: it has no list "images", or an empty one`, {
    file: table.file,
    record: "/images",
    remedy: "this is not the official file, or it is empty: download it again",
  });
}

function takeImage(table: SubsetTable, { member, index, value, fault }: JsonElement): void {
  const image = isObject(value) ? value : undefined;
  const id = recordId(image?.["id"]);
  if (id === undefined) {
    const record = elementPointer(member, index);
    throw new SourceError(`${table.file} ${record}: ${fault ?? "has no id"}`, {
      file: table.file,
      record,
      remedy: "download the file again",
    });
  }
  table.ids.push(id);
  table.photos.push(flickrPhotoId(textOrNull(image?.["flickr_url"]) ?? "") ?? null);
}

function* picturesOf(tables: readonly SubsetTable[]): Generator<MemberPicture> {
  for (const { subset, file, ids, photos } of tables) {
    for (const [index, id] of ids.entries()) {
      yield {
        key: imageKey("coco", id),
        linkedKeys: [],
        flickrPhotoId: photos[index] ?? null,
        url: null,
        part: subset,
        evidence: `${file}#${elementPointer("images", index)}`,
        isUnlisted: false,
      };
    }
  }
}

function noFileOfSubset(subset: string): SourceError {
  const paths = filesOf(subset);
  return new SourceError(
    `no file lists the pictures of COCO's ${subset}: looked for ${paths.join(", ")} (each also with .gz and .zip)`,
    {
      file: paths.at(-1),
      remedy: "put one of them there; they are offered at https://cocodataset.org/#download",
    },
  );
}
