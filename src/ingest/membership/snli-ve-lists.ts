import { SourceError } from "../../core/errors.ts";
import { imageKey } from "../../core/keys.ts";
import {
  AnnotationReader,
  type FileDigest,
  findAnnotationFile,
  readLines,
} from "../annotations/annotation-file.ts";
import { type DatasetManifest, digestOfIds } from "../dataset-manifest.ts";
import { flickr30kIdOfName } from "../datasets/flickr30k.ts";
import type { ListedDataset, ListingOptions, MemberPicture } from "./listed-dataset.ts";

/** Where necla-ml/SNLI-VE has its lists of pictures, and where one may put them beside the pairs. */
const folders = ["snli-ve", "snli-ve/data"];
const TRAIN_AND_DEV = "flickr30k_train_val.lst";
const TEST = "flickr30k_test.lst";
/** SNLI-VE's own generator takes the last thousand of its first list as dev. */
const NUM_DEV = 1000;

/** Pictures that SNLI-VE's lists name, and the lists. */
export interface SnliVeLists {
  readonly pictures: readonly MemberPicture[];
  readonly files: readonly FileDigest[];
}

/**
 * SNLI-VE's parts by the lists that its pairs were dealt out with; nothing where they are not there, or
 * another split is asked for. Throws SourceError when a line names no picture, or the last thousand of
 * the first list are not the official dev.
 */
export async function listSnliVeParts(
  { splits }: DatasetManifest,
  published: string,
  options: ListingOptions,
): Promise<SnliVeLists> {
  const [official] = splits;
  if (official?.name !== published) return { pictures: [], files: [] };
  const lists = [await readList(TRAIN_AND_DEV, options), await readList(TEST, options)] as const;
  const [trainAndDev, test] = lists;
  const firstDev = (trainAndDev?.pictures.length ?? 0) - NUM_DEV;
  const dev = trainAndDev?.pictures.slice(firstDev) ?? [];
  const expected = official.parts.find(({ name }) => name === "dev")?.sceneIdsSha256;
  const found = digestOfIds(dev.map(({ flickrPhotoId }) => flickrPhotoId ?? ""));
  if (trainAndDev !== undefined && expected !== undefined && found !== expected) {
    throw otherList(trainAndDev.file.file);
  }
  return {
    pictures: [
      ...placed("train", trainAndDev?.pictures.slice(0, firstDev)),
      ...placed("dev", dev),
      ...placed("test", test?.pictures),
    ],
    files: lists.flatMap((list) => (list === undefined ? [] : [list.file])),
  };
}

function placed(part: string, pictures: readonly MemberPicture[] = []): MemberPicture[] {
  return pictures.map((picture) => ({ ...picture, part }));
}

/** The pictures of a listing, with those of the lists for parts that it has none of. */
export function withSnliVeLists(listed: ListedDataset, lists: SnliVeLists): ListedDataset {
  if (lists.pictures.length === 0) return listed;
  const known = new Set(Array.from(listed.pictures(), ({ part }) => part));
  const others = lists.pictures.filter(({ part }) => !known.has(part));
  return {
    ...listed,
    files: [...listed.files, ...lists.files],
    pictures: () => both(listed.pictures(), others),
    [Symbol.dispose]: () => listed[Symbol.dispose](),
  };
}

function* both<T>(first: Iterable<T>, second: Iterable<T>): Generator<T> {
  yield* first;
  yield* second;
}

interface List {
  readonly pictures: readonly MemberPicture[];
  readonly file: FileDigest;
}

async function readList(
  name: string,
  { folder, signal }: ListingOptions,
): Promise<List | undefined> {
  for (const path of folders.map((at) => `${at}/${name}`)) {
    const file = await findAnnotationFile(folder, path);
    if (file === undefined) continue;
    const reader = new AnnotationReader(file, signal);
    const lines = await readLines(reader);
    const pictures = lines.map((line, index) => {
      const place = `${file.path} line ${index + 1}`;
      return pictureOf(line.trim(), { file: file.path, place });
    });
    return { pictures, file: reader.digest };
  }
  return undefined;
}

function pictureOf(
  line: string,
  { file, place }: { readonly file: string; readonly place: string },
): MemberPicture {
  const photo = flickr30kIdOfName(line);
  if (photo === undefined) {
    throw new SourceError(`${place}: names no picture of Flickr30K: ${line.slice(0, 80)}`, {
      file,
      record: place,
      remedy: "download the list again: a part of it cannot decide what is evaluated on",
    });
  }
  return {
    key: imageKey("flickr30k", photo),
    linkedKeys: [],
    flickrPhotoId: photo,
    url: null,
    part: undefined,
    evidence: place,
    isUnlisted: false,
  };
}

function otherList(file: string): SourceError {
  return new SourceError(
    `${file}: its last ${NUM_DEV} pictures are not SNLI-VE's dev, so that nobody can tell dev from train in it`,
    { file, remedy: "download the list again, or put SNLI-VE's own pairs there" },
  );
}
