import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { expect, it } from "vitest";
import { auditSplits } from "../../src/audit/audit-splits.ts";
import { imageKey } from "../../src/core/keys.ts";
import type { PictureInfo } from "../../src/core/records.ts";
import { realData } from "../real-data.ts";
import { pictureOf, splitOf } from "./picture-fixtures.ts";

const captionFiles = [
  "captions_val2017.json.gz",
  "captions_val2014.subset4800.json.gz",
  "mini/captions_train2017.mini80.json",
  "mini/captions_val2017.mini79.json",
];

function readText(path: string): string {
  const bytes = readFileSync(realData(path));
  return (path.endsWith(".gz") ? gunzipSync(bytes) : bytes).toString("utf8");
}

function cocoPictures(): readonly PictureInfo[] {
  const byKey = new Map<string, PictureInfo>();
  for (const file of captionFiles) {
    const { images }: { images: { id: number; flickr_url: string }[] } = JSON.parse(
      readText(`coco/${file}`),
    );
    for (const { id, flickr_url: url } of images) byKey.set(`${id}`, pictureOf(id, { url }));
  }
  return [...byKey.values()];
}

function flickr30kPictures(): readonly PictureInfo[] {
  const ids = ["train", "val", "test"].flatMap((split) =>
    readText(`flickr30k/entities/${split}.txt`).trim().split(/\s+/),
  );
  return ids.map((id) => pictureOf(-Number(id), { key: imageKey("flickr30k", id) }));
}

it("finds the nine COCO photographs that are in Flickr30K by their Flickr id, and no other", async () => {
  const coco = cocoPictures();
  expect(coco).toHaveLength(9260);
  const { leaks, checked } = await auditSplits([
    splitOf("coco/all", "train", coco),
    splitOf("flickr30k/all", "eval", flickr30kPictures()),
  ]);
  expect(checked.eval).toBe(31_783);
  const expected = readText("overlap/coco_flickr30k_url_overlap.tsv")
    .trim()
    .split("\n")
    .slice(1)
    .map((line) => line.split("\t").slice(0, 2).join(" "));
  const found = leaks.map(({ train, eval: other }) =>
    [train.picture, other.picture].map((key) => key.split(":")[1]).join(" "),
  );
  expect(found.toSorted()).toEqual(expected.toSorted());
  expect(leaks.every(({ rule }) => rule === "same-flickr-photo")).toBe(true);
});
