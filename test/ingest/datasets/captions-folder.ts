import { drawPicture, writeFileBelow } from "../coco-folder.ts";
import { jsonLines } from "./flickr30k-folder.ts";

/** A line about a picture that `layOutCaptions` draws. */
function lineOf(picture: string, more: object): object {
  return { picture, ...more };
}

/** Lines of every kind that CAPTIONS.md tells of; faulty ones and one without a picture among them. */
const shopLines: readonly object[] = [
  lineOf("pictures/1.png", { text: "a red door", id: "door", coco_id: 42 }),
  lineOf("pictures/2.png", { texts: ["two apples", "fruit on a table"] }),
  lineOf("pictures/2.png", { text: "an apple", box: [1, 2, 5, 4] }),
  lineOf("3.png", { question: "Is it round?", answers: ["yes", "no", "yes"], split: "val" }),
  lineOf("3.png", { hypothesis: "It is a ball.", label: "neutral", id: 7, split: "val" }),
  lineOf("3.png", { expression: "the left one", box: [0, 0, 3, 3], split: "val" }),
  lineOf("pictures/4.png", { text: "gone", split: "test" }),
  lineOf("pictures/5.png", { txt: "a wrong member" }),
  lineOf("../6.png", { text: "outside" }),
];

const tripLines: readonly object[] = [
  lineOf("1.png", { text: "a street", url: "http://farm1.staticflickr.com/1/77_ab.jpg" }),
  lineOf("2.png", { text: "a hill", key: "vg:17" }),
  lineOf("3.png", { text: "a lake", url: "https://example.org/lake.png", split: "test" }),
];

/** Two folders of one's own, "shop" and "trip", in a source folder. */
export async function layOutCaptions(folder: string): Promise<void> {
  await writeFileBelow(folder, "shop/captions.jsonl", jsonLines(...shopLines));
  await writeFileBelow(folder, "trip/captions.jsonl", jsonLines(...tripLines));
  const pictures = ["shop/pictures/1.png", "shop/pictures/2.png", "shop/3.png"];
  for (const [index, path] of [...pictures, "trip/1.png", "trip/2.png", "trip/3.png"].entries()) {
    await writeFileBelow(folder, path, await drawPicture(index));
  }
}
