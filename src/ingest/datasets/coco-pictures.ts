import { PictureFolders } from "../pictures/picture-folders.ts";

/** COCO's picture folders, by the names that the archives unpack to. */
const folders = [
  "coco/train2014",
  "coco/val2014",
  "coco/train2017",
  "coco/val2017",
  "coco/test2014",
  "coco/test2015",
  "coco/test2017",
];

/** The image id in a COCO file name of either form, without leading zeros; undefined for another name. */
export function cocoIdOfName(name: string): string | undefined {
  const digits = /^(?:COCO_(?:train|val|test)201[45]_)?(\d{12})\.jpg$/.exec(name)?.[1];
  return digits?.replace(/^0+(?=\d)/, "");
}

/** COCO's pictures, which other datasets speak of as well; found by id under the names of any release. */
export function listCocoPictures(sourceFolder: string): Promise<PictureFolders> {
  return PictureFolders.list(sourceFolder, folders, cocoIdOfName);
}
