import { readFile, rm, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, describe, expect, it } from "vitest";
import { SourceError } from "../../src/core/errors.ts";
import { listedExclusions } from "../../src/ingest/exclusion/given-rules.ts";
import {
  cocoCaption,
  type CocoFolder,
  cocoImage,
  cocoName,
  drawPicture,
  everything,
  karpathySplits,
  ledgerLines,
  planCoco,
  type PlanChoice,
  scenesOf,
  writeCocoFolder,
  writeFileBelow,
  writtenOf,
} from "./coco-folder.ts";

const folders: string[] = [];
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true });
});

async function folderOf(content: CocoFolder): Promise<string> {
  const folder = await writeCocoFolder(content);
  folders.push(folder);
  return folder;
}

async function failureOf(folder: string, choice?: PlanChoice): Promise<SourceError> {
  const error: unknown = await planCoco(folder, choice).catch((reason: unknown) => reason);
  if (error instanceof SourceError) return error;
  throw new Error("it did not fail with a SourceError", { cause: error });
}

const one = {
  files: { train2017: { images: [cocoImage(1)], annotations: [cocoCaption(11, 1)] } },
  pictures: ["train2017/000000000001.jpg"],
};

describe("A COCO scene", () => {
  it("comes where its image is listed, with all of its captions in order of ids", async () => {
    const folder = await folderOf({
      files: {
        train2017: {
          images: [cocoImage(3), cocoImage(20)],
          annotations: [
            cocoCaption(9, 3),
            cocoCaption(10, 3),
            cocoCaption(100, 20),
            cocoCaption(2, 3),
          ],
        },
      },
      pictures: ["train2017/000000000003.jpg", "train2017/000000000020.jpg"],
    });
    const plan = await planCoco(folder);
    const scenes = await scenesOf(plan);
    expect(scenes.map(({ draft }) => [draft.sceneKey, draft.texts.map(({ id }) => id)])).toEqual([
      ["coco:3", ["2", "9", "10"]],
      ["coco:20", ["100"]],
    ]);
    expect(scenes[0]?.draft.pictures).toEqual([
      {
        key: "coco:3",
        path: "coco/train2017/000000000003.jpg",
        url: "http://images.cocodataset.org/train2017/000000000003.jpg",
        flickrPhotoId: "6000000003",
        license: "Attribution License",
        linkedKeys: [],
      },
    ]);
    expect(scenes[0]?.records.map(({ kind, record }) => `${kind} ${record}`)).toEqual([
      "image /images/0",
      "caption /annotations/0",
      "caption /annotations/1",
      "caption /annotations/3",
    ]);
  });

  it("is found in any picture folder, by the name of 2014 or of 2017", async () => {
    const names = ["train2014/COCO_train2014_000000000001.jpg", "val2017/000000000002.jpg"];
    const folder = await folderOf({
      files: {
        val2014: {
          images: [cocoImage(1, "val2014"), cocoImage(2, "val2014")],
          annotations: [cocoCaption(1, 1), cocoCaption(2, 2)],
        },
      },
      pictures: names,
    });
    const scenes = await scenesOf(await planCoco(folder));
    expect(scenes.map(({ draft }) => draft.pictures[0]?.path)).toEqual(
      names.map((name) => `coco/${name}`),
    );
  });

  it("is never looked for outside the picture folders", async () => {
    const image = { ...cocoImage(1), file_name: "../annotations/captions_train2017.json" };
    const folder = await folderOf({
      files: { train2017: { images: [image], annotations: [cocoCaption(1, 1)] } },
    });
    expect(await ledgerLines(await planCoco(folder))).toEqual([
      "image 1 missing no-picture",
      "caption 1 missing no-picture",
    ]);
  });

  it("is in the split that Karpathy's lists or his JSON say, by the id in the name", async () => {
    const files = {
      train2017: {
        images: [1, 2, 3, 4].map((id) => cocoImage(id)),
        annotations: [1, 2, 3, 4].map((id) => cocoCaption(id, id)),
      },
    };
    const pictures = [1, 2, 3, 4].map((id) => `train2017/${cocoName(id)}`);
    const parts = {
      train: [cocoName(2, "train2014")],
      val: [cocoName(1, "val2014"), cocoName(99, "val2014")],
      test: [cocoName(4, "val2014")],
    };
    const folder = await folderOf({ files, pictures, parts });
    const choice = { splits: karpathySplits };
    const byLists = await planCoco(folder, choice);
    expect(byLists.splits.map(({ numScenes }) => numScenes)).toEqual([1, 0, 1, 1]);
    expect(await ledgerLines(byLists)).toEqual([
      "image 3 excluded not-in-any-split",
      "caption 3 excluded not-in-any-split",
    ]);
    expect([byLists.partial, byLists.release]).toEqual([true, "release unknown, split unknown"]);
    const images = Object.entries(parts).flatMap(([split, names]) =>
      names.map((filename, imgid) => ({ filepath: "val2014", filename, imgid, split })),
    );
    const json = gzipSync(JSON.stringify({ images, dataset: "coco" }));
    await writeFileBelow(folder, "coco/dataset_coco.json.gz", json);
    const byJson = await planCoco(folder, choice);
    expect(byJson.splits).toEqual(byLists.splits);
    expect(byJson.files.map(({ file }) => file)).toContain("coco/dataset_coco.json.gz");
  });
});

describe("A COCO record that is not written", () => {
  it("is told from the release that lists it first", async () => {
    const folder = await folderOf({
      files: {
        train2014: {
          images: [cocoImage(1, "train2014"), cocoImage(2, "train2014")],
          annotations: [cocoCaption(1, 1), cocoCaption(2, 2)],
        },
        train2017: {
          images: [cocoImage(1), { ...cocoImage(2), flickr_url: "http://else" }],
          annotations: [cocoCaption(1, 1), cocoCaption(2, 2, "another text")],
        },
      },
      pictures: ["train2017/000000000001.jpg", "train2014/COCO_train2014_000000000002.jpg"],
    });
    const plan = await planCoco(folder);
    expect(await Array.fromAsync(plan.ledger())).toMatchObject([
      { reason: "duplicate-of", evidence: "coco/annotations/captions_train2014.json#/images/0" },
      { reason: "ANN_CONFLICT", record: "/images/1" },
      {
        reason: "duplicate-of",
        record: "/annotations/0",
        evidence: "coco/annotations/captions_train2014.json#/annotations/0",
      },
      {
        reason: "ANN_CONFLICT",
        outcome: "quarantined",
        evidence:
          "coco/annotations/captions_train2014.json#/annotations/1 has the same id and other content",
      },
    ]);
    expect(writtenOf(plan.counts)).toEqual([
      "coco/annotations/captions_train2014.json image 2/2",
      "coco/annotations/captions_train2014.json caption 2/2",
      "coco/annotations/captions_train2017.json image 0/2",
      "coco/annotations/captions_train2017.json caption 0/2",
    ]);
  });

  it("has its rule or fault in the ledger", async () => {
    const images = [
      cocoImage(1),
      cocoImage(2),
      cocoImage(3),
      cocoImage(4),
      { ...cocoImage(5), id: -5 },
      { ...cocoImage(6), id: null },
      { ...cocoImage(7), id: 2 ** 60 },
      { ...cocoImage(8), file_name: cocoName(9) },
      { ...cocoImage(10), file_name: 7 },
      "no object",
    ];
    const annotations = [
      cocoCaption(1, 1),
      cocoCaption(2, 1, " \t\n\u200B"),
      cocoCaption(3, 1, "lone \uD800"),
      cocoCaption(4, 1, "long ".repeat(3000)),
      cocoCaption(5, 77),
      cocoCaption(6, 2, ""),
      { id: "007", image_id: "0001", caption: "ids may be digits" },
      { id: 8, image_id: 1 },
      { id: 9, image_id: 1.5, caption: "half" },
      cocoCaption(10, 4),
    ];
    const folder = await folderOf({
      files: { train2017: { images, annotations } },
      pictures: ["train2017/000000000001.jpg"],
    });
    const exclusions = listedExclusions(
      new Map([["coco:4", { rule: "same-bytes", evidence: "seen" }] as const]),
    );
    expect(await ledgerLines(await planCoco(folder, { exclusions }))).toEqual([
      "image 2 excluded no-texts",
      "image 3 excluded no-texts",
      "image 4 excluded same-bytes",
      "image  quarantined ANN_SHAPE",
      "image  quarantined ANN_SHAPE",
      "image  quarantined ANN_SHAPE",
      "image 8 quarantined ANN_CONFLICT",
      "image 10 quarantined ANN_SHAPE",
      "image  quarantined ANN_SHAPE",
      "caption 2 quarantined CAP_EMPTY",
      "caption 3 quarantined CAP_NOT_UNICODE",
      "caption 4 quarantined CAP_TOO_LONG",
      "caption 5 quarantined dangling-image-id",
      "caption 6 quarantined CAP_EMPTY",
      "caption 8 quarantined ANN_SHAPE",
      "caption 9 quarantined ANN_SHAPE",
      "caption 10 excluded same-bytes",
    ]);
  });

  it("may be faulty JSON among good records", async () => {
    const folder = await folderOf(one);
    const path = join(folder, "coco/annotations/captions_train2017.json");
    const good = JSON.stringify(cocoImage(1));
    const annotations = `[{"id": NaN, "image_id": 1}, ${JSON.stringify(cocoCaption(2, 1))}]`;
    await writeFile(path, `{"images": [${good}], "annotations": ${annotations}}`);
    const plan = await planCoco(folder);
    expect(await Array.fromAsync(plan.ledger())).toMatchObject([
      { record: "/annotations/0", reason: "ANN_SYNTAX", outcome: "quarantined" },
    ]);
    expect(plan.splits).toEqual([{ name: "train", numScenes: 1, numPictures: 1, numTexts: 1 }]);
  });

  it("is missing when its picture is, and the plan says where it was looked for", async () => {
    const folder = await folderOf(one);
    await unlink(join(folder, "coco/train2017/000000000001.jpg"));
    const plan = await planCoco(folder);
    const examples = ["coco/train2017/000000000001.jpg"];
    expect(plan.missing).toEqual({ numPictures: 1, examples });
    expect(plan.partial).toBe(true);
    expect(plan.counts.map(({ missing }) => missing)).toEqual([1, 1]);
  });
});

describe("COCO's files", () => {
  it("are named with the paths looked for when there are none", async () => {
    const error = await failureOf(await folderOf({ files: {} }));
    for (const subset of ["train2014", "val2014", "train2017", "val2017"]) {
      expect(error.message).toContain(`coco/annotations/captions_${subset}.json`);
    }
    expect(error.message).toContain(".gz");
    expect(error.remedy).toContain("http://images.cocodataset.org/annotations/");
  });

  it("name the split's paths when that is missing", async () => {
    const folder = await folderOf(one);
    await unlink(join(folder, "karpathy/coco_val.txt"));
    const error = await failureOf(folder, { splits: karpathySplits });
    expect(error.message).toContain("coco/dataset_coco.json[.gz]");
    expect(error.message).toContain("karpathy/coco_val.txt");
    expect(error.message).not.toContain("karpathy/coco_test.txt");
    expect((await planCoco(folder, { splits: everything })).splits[0]?.numScenes).toBe(1);
  });

  it.each([
    ["an image in two parts", { train: [cocoName(1)], test: [cocoName(1)] }, "two parts"],
    ["a line that is no name", { train: [cocoName(1), "rabbit.jpg"] }, "line 2: names no image"],
  ])("are refused when the split has %s", async (_name, parts, words) => {
    const error = await failureOf(await folderOf({ ...one, parts }), { splits: karpathySplits });
    expect(error.message).toContain(words);
  });

  it("are refused without their lists", async () => {
    const folder = await folderOf(one);
    const path = join(folder, "coco/annotations/captions_train2017.json");
    await writeFile(path, JSON.stringify({ images: [cocoImage(1)], annotations: {} }));
    expect((await failureOf(folder)).message).toContain('no list "annotations"');
  });

  it("give the same plan whichever folder order or packing they have", async () => {
    const folder = await folderOf(one);
    const drafts = (await scenesOf(await planCoco(folder))).map(({ draft }) => draft);
    const path = join(folder, "coco/annotations/captions_train2017.json");
    await writeFile(`${path}.gz`, gzipSync(await readFile(path)));
    await unlink(path);
    await writeFile(join(folder, "coco/train2017/notes.txt"), await drawPicture(3));
    const after = await planCoco(folder);
    expect((await scenesOf(after)).map(({ draft }) => draft)).toEqual(drafts);
  });
});
