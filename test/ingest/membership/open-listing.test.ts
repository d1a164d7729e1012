import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { silentProgress } from "../../../src/core/progress.ts";
import type { NamedPictures } from "../../../src/ingest/exclusion/leak-policy.ts";
import { isTold } from "../../../src/ingest/membership/listed-dataset.ts";
import { openListing, type OpenedListing } from "../../../src/ingest/membership/open-listing.ts";
import { readShippedHashes } from "../../../src/ingest/membership/shipped-hashes.ts";
import { writeFileBelow } from "../coco-folder.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "crossweave-listing-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function open(dataset: string, more: Partial<NamedPictures> = {}): Promise<OpenedListing> {
  const options = { folder, progress: silentProgress };
  return openListing({ dataset, parts: "everything", ...more }, options);
}

/** The pictures of a listing: "key part". */
async function listed(dataset: string, more: Partial<NamedPictures> = {}): Promise<string[]> {
  const { listed: listing } = await open(dataset, more);
  return Array.from(listing?.pictures() ?? [], ({ key, part }) => `${key} ${part ?? "-"}`);
}

function image(id: number, photo: number): object {
  return { id, file_name: "x.jpg", flickr_url: `http://farm1.static.flickr.com/2/${photo}_ab.jpg` };
}

function file(images: readonly object[]): string {
  return JSON.stringify({ info: {}, images });
}

describe("A listing", () => {
  it("of Flickr8k has each photo once, with its part where a list says it", async () => {
    const captions =
      "11_ab.jpg#0\tone\n11_ab.jpg#1\ttwo\n22_cd.jpg.1#0\tbroken name\n33_ef.jpg#0\tthree\n";
    await writeFileBelow(folder, "flickr8k/Flickr8k.token.txt", captions);
    await writeFileBelow(folder, "flickr8k/Flickr_8k.testImages.txt", "33_ef.jpg\n");
    expect(await listed("flickr8k")).toEqual([
      "flickr8k:33 test",
      "flickr8k:11 -",
      "flickr8k:22 -",
    ]);
    await writeFileBelow(folder, "flickr8k/Flickr_8k.devImages.txt", "nonsense\n");
    await expect(open("flickr8k")).rejects.toThrow(/devImages\.txt line 1: names no picture/);
  });

  it("of COCO's release has the subsets that are asked for, and the tests wherever they are there", async () => {
    const train = "coco/annotations/captions_train2017.json";
    await writeFileBelow(folder, train, file([image(9, 900), image(10, 1000)]));
    await writeFileBelow(
      folder,
      "coco/annotations/image_info_test2015.json",
      file([image(5, 500)]),
    );
    await writeFileBelow(folder, "coco/annotations/captions_val2017.json", file([image(7, 700)]));
    expect(await listed("coco-images", { parts: ["train2017"] })).toEqual([
      "coco:5 test2015",
      "coco:9 train2017",
      "coco:10 train2017",
    ]);
    const absent = await open("coco-images", { parts: ["train2014"] });
    expect(absent.listed).toBeUndefined();
    expect(absent.lacks).toContain("no file lists the pictures of COCO's train2014: looked for");
    await writeFileBelow(folder, train, JSON.stringify({ info: {}, annotations: [] }));
    await expect(open("coco-images", { parts: ["train2017"] })).rejects.toThrow(/no list "images"/);
    await writeFileBelow(folder, train, file([{ file_name: "x.jpg" }]));
    await expect(open("coco-images", { parts: ["train2017"] })).rejects.toThrow(
      /\/images\/0: has no id/,
    );
  });

  it("is without parts where the files of the split are not there, and says so", async () => {
    const genome = [
      { width: 8, url: "http://x/1.jpg", height: 6, image_id: 1, coco_id: 3, flickr_id: null },
    ];
    await writeFileBelow(folder, "vg/image_data.json", JSON.stringify(genome));
    const { listed: listing, lacks, absentFiles } = await open("visual-genome", { parts: ["val"] });
    expect(lacks).toMatch(/is not there/);
    expect(absentFiles).toContain("vg/butd_val.txt");
    const pictures = Array.from(listing?.pictures() ?? []);
    expect(pictures).toMatchObject([{ key: "vg:1", linkedKeys: ["coco:3"], part: undefined }]);
    listing?.[Symbol.dispose]();
    expect(await open("nlvr2")).toMatchObject({
      listed: undefined,
      lacks: "none of its files is there",
    });
  });

  it("of SNLI-VE takes its lists for parts whose pairs are not there, if their dev is the official one", async () => {
    await writeFileBelow(folder, "snli-ve/flickr30k_test.lst", "17\n18\n");
    expect(await listed("snli-ve")).toEqual(["flickr30k:17 test", "flickr30k:18 test"]);
    const pair = { Flickr30K_ID: "19", gold_label: "neutral", pairID: "19.jpg#0r1n" };
    const line = JSON.stringify({ ...pair, sentence1: "One.", sentence2: "Two." });
    await writeFileBelow(folder, "snli-ve/snli_ve_test.jsonl", `${line}\n`);
    expect(await listed("snli-ve")).toEqual(["flickr30k:19 test"]);
    const others = Array.from({ length: 1200 }, (_, at) => `${at + 1}\n`).join("");
    await writeFileBelow(folder, "snli-ve/flickr30k_train_val.lst", others);
    await expect(open("snli-ve")).rejects.toThrow(/its last 1000 pictures are not SNLI-VE's dev/);
  });

  it("of stated copies names COCO's pictures, and nothing else", async () => {
    await writeFileBelow(folder, "mscoco/remove_flickr30k.txt", "000000000009.jpg\n");
    expect(await listed("stated-copies")).toEqual(["coco:9 -"]);
    await writeFileBelow(folder, "mscoco/remove_flickr30k.txt", "9\nx\n");
    await expect(open("stated-copies")).rejects.toThrow(/line 1: names no picture of COCO/);
  });

  it("refuses a dataset, a split and a part that there are not", async () => {
    await expect(open("imagenet")).rejects.toThrow(/there is no dataset "imagenet"/);
    await writeFileBelow(folder, "nlvr2/dev.json", "");
    await expect(open("nlvr2", { split: "other" })).rejects.toThrow(/no published split "other"/);
    await expect(open("nlvr2", { parts: ["test9"] })).rejects.toThrow(/no part .* "test9"/);
  });
});

describe("What a listing tells", () => {
  it("is which photo a picture is, unless only a split or a question names it", () => {
    const nothing = {
      linkedKeys: [],
      flickrPhotoId: null,
      url: null,
      part: undefined,
      evidence: "",
    };
    const coco = { ...nothing, key: "coco:1", isUnlisted: false } as const;
    expect(isTold("coco", coco)).toBe(true);
    expect(isTold("coco", { ...coco, isUnlisted: true })).toBe(false);
    expect(isTold("vqa2", coco)).toBe(false);
    expect(isTold("flickr30k", { ...nothing, key: "flickr30k:1", isUnlisted: true })).toBe(true);
  });
});

describe("The shipped hashes of NLVR2", () => {
  it("are found beside the statements or where the repository has them, and are hashes", async () => {
    const options = { folder, progress: silentProgress };
    expect(await readShippedHashes(options)).toEqual(new Map());
    const hashes = { "dev-1-0-img0.png": "00ff00ff00ff00ff" };
    await writeFileBelow(folder, "nlvr2/util/hashes/dev_hashes.json", JSON.stringify(hashes));
    expect(await readShippedHashes(options)).toEqual(
      new Map([["dev-1-0-img0", "00ff00ff00ff00ff"]]),
    );
    await writeFileBelow(folder, "nlvr2/test1_hashes.json", '["00ff00ff00ff00ff"]');
    await expect(readShippedHashes(options)).rejects.toThrow(/no hash of 16 hexadecimal digits/);
  });
});
