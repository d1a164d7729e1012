import { SourceError } from "../../core/errors.ts";
import { imageKey } from "../../core/keys.ts";
import {
  AnnotationReader,
  type FileDigest,
  findAnnotationFile,
  readLines,
} from "../annotations/annotation-file.ts";
import type { ListedDataset, ListingOptions, MemberPicture } from "./listed-dataset.ts";

/** Flickr8k, which nothing here is prepared from: it is listed because all of it is in Flickr30K. */
export const flickr8kDataset = "flickr8k";

const CAPTIONS = "flickr8k/Flickr8k.token.txt";
const partLists = [
  ["train", "flickr8k/Flickr_8k.trainImages.txt"],
  ["dev", "flickr8k/Flickr_8k.devImages.txt"],
  ["test", "flickr8k/Flickr_8k.testImages.txt"],
] as const;

/**
 * Lists the pictures that the captions and the lists of the parts name; 92 of the 8,092 are in no part.
 * Throws SourceError when none of the files is there, or a line names no picture.
 */
export async function listFlickr8k(options: ListingOptions): Promise<ListedDataset> {
  const files: FileDigest[] = [];
  const pictures = new Map<string, MemberPicture>();
  for (const [part, path] of [...partLists, [undefined, CAPTIONS] as const]) {
    const file = await findAnnotationFile(options.folder, path);
    if (file === undefined) continue;
    const reader = new AnnotationReader(file, options.signal);
    for (const [index, line] of (await readLines(reader)).entries()) {
      if (line.trim() === "") continue;
      const photo = photoOfLine(line);
      const place = `${file.path} line ${index + 1}`;
      if (photo === undefined) throw noPicture(line, { file: file.path, place });
      if (!pictures.has(photo)) pictures.set(photo, pictureOf(photo, { part, evidence: place }));
    }
    files.push(reader.digest);
  }
  if (files.length === 0) throw noFile();
  return {
    dataset: flickr8kDataset,
    files,
    pictures: () => pictures.values(),
    [Symbol.dispose]: () => {},
  };
}

/** The photo id in "1000268201_693b08cb0e.jpg", with a caption's number after it or without; one name ends in ".jpg.1". */
function photoOfLine(line: string): string | undefined {
  return /^([1-9]\d{0,15})_[0-9a-f]+\.jpg(?:\.\d)?(?:#\d+\t|\s*$)/.exec(line)?.[1];
}

function pictureOf(photo: string, place: Pick<MemberPicture, "part" | "evidence">): MemberPicture {
  return {
    key: imageKey("flickr8k", photo),
    linkedKeys: [],
    flickrPhotoId: photo,
    url: null,
    isUnlisted: false,
    ...place,
  };
}

function noPicture(line: string, { file, place }: { file: string; place: string }): SourceError {
  return new SourceError(`${place}: names no picture of Flickr8k: ${line.slice(0, 80)}`, {
    file,
    record: place,
    remedy: "download the file again",
  });
}

function noFile(): SourceError {
  const paths = [CAPTIONS, ...partLists.map(([, path]) => path)];
  return new SourceError(`no file of Flickr8k is there: looked for ${paths.join(", ")}`, {
    file: CAPTIONS,
    remedy: "put one of them there",
  });
}
