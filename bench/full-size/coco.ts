import { join } from "node:path";
import { RandomStream } from "../../src/core/random.ts";
import { MadeUpTexts } from "./made-up-texts.ts";
import { realCaptions, realIds } from "./real-samples.ts";
import { TextWriter } from "./text-writer.ts";

/** How much of a dataset is written, and where. */
export interface FileOrder {
  /** The source folder. */
  readonly folder: string;
  /** Of the pictures: 1 for the true number. */
  readonly share: number;
  readonly seed: number;
}

const INFO = `"info": {"description": "COCO 2014 Dataset", "url": "http://cocodataset.org", "version": "1.0", "year": 2014, "contributor": "COCO Consortium", "date_created": "2017/09/01"}`;
const LICENSES = [
  ["by-nc-sa", "Attribution-NonCommercial-ShareAlike License"],
  ["by-nc", "Attribution-NonCommercial License"],
  ["by-nc-nd", "Attribution-NonCommercial-NoDerivs License"],
  ["by", "Attribution License"],
  ["by-sa", "Attribution-ShareAlike License"],
  ["by-nd", "Attribution-NoDerivs License"],
] as const;

const subsets = [
  { name: "train2014", lists: [{ list: "karpathy/coco_train.txt.gz", numCaptions: 414_113 }] },
  {
    name: "val2014",
    lists: [
      { list: "karpathy/coco_restval.txt", numCaptions: 152_634 },
      { list: "karpathy/coco_val.txt", numCaptions: 25_010 },
      { list: "karpathy/coco_test.txt", numCaptions: 25_010 },
    ],
  },
] as const;

/** Writes COCO's caption files of 2014 with their true images and made-up captions; gives their paths. */
export function writeCoco({ folder, share, seed }: FileOrder): string[] {
  return subsets.map((subset, index) => {
    const path = `coco/annotations/captions_${subset.name}.json`;
    const parts = subset.lists.map(({ list, numCaptions }) => {
      const all = realIds(list);
      const ids = all.slice(0, Math.round(all.length * share));
      return { ids, numCaptions: Math.round(numCaptions * share) };
    });
    const ids = parts.flatMap((part) => part.ids);
    const captioned = parts.flatMap((part) =>
      Array.from({ length: part.numCaptions }, (_, at) => part.ids[at % part.ids.length] ?? ""),
    );
    using writer = new TextWriter(join(folder, path));
    writer.write(`{${INFO}, "images": [`);
    writer.writeItems(images(ids, subset.name, new RandomStream(seed, index)));
    writer.write(`], "licenses": [`);
    writer.writeItems(LICENSES.map(licenseJson));
    writer.write(`], "annotations": [`);
    writer.writeItems(captions(captioned, index, seed));
    writer.write("]}");
    return path;
  });
}

function licenseJson([short, name]: (typeof LICENSES)[number], index: number): string {
  return `{"url": "http://creativecommons.org/licenses/${short}/2.0/", "id": ${index + 1}, "name": "${name}"}`;
}

function* images(ids: readonly string[], subset: string, random: RandomStream): Generator<string> {
  for (const id of ids) {
    const name = `COCO_${subset}_${id.padStart(12, "0")}.jpg`;
    const secret = random.nextUint32().toString(16).padStart(10, "0");
    const photo = 1e9 + random.nextInt(8e9);
    const flickr = `http://farm${1 + random.nextInt(9)}.staticflickr.com/${1000 + random.nextInt(8000)}/${photo}_${secret}_z.jpg`;
    const [height, width] = random.nextBoolean(0.3) ? [640, 480] : [480, 640];
    yield `{"license": ${1 + random.nextInt(6)}, "file_name": "${name}", "coco_url": "http://images.cocodataset.org/${subset}/${name}", "height": ${height}, "width": ${width}, "date_captured": "2013-11-14 17:02:52", "flickr_url": "${flickr}", "id": ${id}}`;
  }
}

// Captions of one image do not stand together, and no id is in both files, as in the official ones.
function* captions(
  captioned: readonly string[],
  subsetIndex: number,
  seed: number,
): Generator<string> {
  const texts = new MadeUpTexts(realCaptions(), seed, subsetIndex);
  const imageIds = new RandomStream(seed, subsetIndex, 1).shuffled(captioned);
  for (const [at, imageId] of imageIds.entries()) {
    const id = 38 + 2 * at + subsetIndex;
    yield `{"image_id": ${imageId}, "id": ${id}, "caption": ${JSON.stringify(texts.next())}}`;
  }
}
