import { SourceError } from "../../core/errors.ts";
import { imageKey } from "../../core/keys.ts";
import { AnnotationReader, findAnnotationFile, readLines } from "../annotations/annotation-file.ts";
import { cocoIdOfName } from "../datasets/coco-pictures.ts";
import type { ListedDataset, ListingOptions, MemberPicture } from "./listed-dataset.ts";

/** COCO's pictures that a published list states to have the bytes of a picture of Flickr30K, without saying of which. */
export const statedCopiesDataset = "stated-copies";

/** As rpeloff/moonshot has it below data/splits. */
const LIST = "mscoco/remove_flickr30k.txt";

/** Lists these pictures. Throws SourceError when the list is not there, or a line names no picture. */
export async function listStatedCopies({ folder, signal }: ListingOptions): Promise<ListedDataset> {
  const file = await findAnnotationFile(folder, LIST);
  if (file === undefined) {
    throw new SourceError(`${LIST} is not there`, {
      file: LIST,
      remedy: "put it there, if you want to know what it states (rpeloff/moonshot, data/splits)",
    });
  }
  const reader = new AnnotationReader(file, signal);
  const lines = await readLines(reader);
  const pictures = lines.map((line, index): MemberPicture => {
    const id = cocoIdOfName(line.trim());
    const evidence = `${file.path} line ${index + 1}`;
    if (id === undefined) throw noPicture(line, { file: file.path, place: evidence });
    const nothing = { linkedKeys: [], flickrPhotoId: null, url: null, part: undefined };
    return { key: imageKey("coco", id), ...nothing, evidence, isUnlisted: true };
  });
  return {
    dataset: statedCopiesDataset,
    files: [reader.digest],
    pictures: () => pictures,
    [Symbol.dispose]: () => {},
  };
}

function noPicture(line: string, { file, place }: { file: string; place: string }): SourceError {
  return new SourceError(`${place}: names no picture of COCO: ${line.slice(0, 80)}`, {
    file,
    record: place,
    remedy: "download the list again, or take it away",
  });
}
