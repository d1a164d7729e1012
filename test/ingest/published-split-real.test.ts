import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { PublishedSplit } from "../../src/ingest/published-split.ts";
import { readPublishedSplit } from "../../src/ingest/published-split.ts";
import { flickr30kIdOfName } from "../../src/ingest/datasets/flickr30k.ts";
import { cocoIdOfName } from "../../src/ingest/datasets/coco-pictures.ts";
import { digestOfIds, readDatasetManifest } from "../../src/ingest/dataset-manifest.ts";
import { realData } from "../real-data.ts";
import {
  flickr30kSplit,
  folderWith,
  realFile,
  realSplitLists,
  tally,
  type SourceFolder,
} from "./datasets/flickr30k-folder.ts";

// Numbers of ../shared/data/overlap/expected_counts.json.

let folder: SourceFolder;
let karpathy: PublishedSplit;
let entities: PublishedSplit;
beforeAll(async () => {
  folder = await folderWith({
    ...(await realSplitLists()),
    "karpathy/coco_train.txt.gz": await readFile(realData("karpathy/coco_train.txt.gz")),
    "snli-ve/flickr30k_train_val.lst": await realFile("snli_ve/flickr30k_train_val.lst"),
    "snli-ve/flickr30k_test.lst": await realFile("snli_ve/flickr30k_test.lst"),
  });
  karpathy = await flickr30kSplit(folder.path, "Karpathy split");
  entities = await flickr30kSplit(folder.path, "Entities split");
});
afterAll(() => folder[Symbol.asyncDispose]());

function partIn(split: PublishedSplit, id: string): string {
  return split.partOf.get(id)?.part ?? "absent";
}

function partsOf(split: PublishedSplit): string[] {
  return Array.from(split.partOf.values(), ({ part }) => part);
}

describe("Flickr30K's two published splits", () => {
  it("have the sizes that are known", () => {
    expect(tally(partsOf(karpathy))).toEqual({ train: 29_000, val: 1014, test: 1000 });
    expect(tally(partsOf(entities))).toEqual({ train: 29_783, val: 1000, test: 1000 });
  });

  it("disagree as the table of both says", () => {
    const ids = new Set([...karpathy.partOf.keys(), ...entities.partOf.keys()]);
    const both = Array.from(ids, (id) => `${partIn(karpathy, id)} / ${partIn(entities, id)}`);
    expect(tally(both)).toEqual({
      "absent / test": 38,
      "absent / train": 710,
      "absent / val": 21,
      "test / test": 25,
      "test / train": 944,
      "test / val": 31,
      "train / test": 903,
      "train / train": 27_181,
      "train / val": 916,
      "val / test": 34,
      "val / train": 948,
      "val / val": 32,
    });
  });

  it("are what the manifest says, id for id", async () => {
    const { splits } = await readDatasetManifest("flickr30k");
    for (const [index, split] of [karpathy, entities].entries()) {
      for (const { name, scenes, sceneIdsSha256 } of splits[index]?.parts ?? []) {
        const ids = Array.from(split.partOf.keys()).filter((id) => partIn(split, id) === name);
        expect([ids.length, digestOfIds(ids)]).toEqual([scenes, sceneIdsSha256]);
      }
    }
  });

  it("say where each picture stands", () => {
    expect(karpathy.partOf.get("1018148011")?.evidence).toBe("karpathy/flickr30k_val.txt line 1");
    expect(entities.files.map(({ file }) => file)).toEqual([
      "flickr30k/entities/train.txt",
      "flickr30k/entities/val.txt",
      "flickr30k/entities/test.txt",
    ]);
  });
});

describe("SNLI-VE's lists", () => {
  it("lie in Flickr30K's splits as counted", async () => {
    const lists = await readPublishedSplit({
      sourceFolder: folder.path,
      split: {
        name: "lists of SNLI-VE",
        parts: [
          { name: "train_val", list: "snli-ve/flickr30k_train_val.lst" },
          { name: "test", list: "snli-ve/flickr30k_test.lst" },
        ],
      },
      idOfName: flickr30kIdOfName,
    });
    const table = (part: string, split: PublishedSplit): Record<string, number> =>
      tally(
        Array.from(lists.partOf)
          .filter(([, membership]) => membership.part === part)
          .map(([id]) => partIn(split, id)),
      );
    expect(tally(partsOf(lists))).toEqual({ train_val: 30_783, test: 1000 });
    expect(table("train_val", entities)).toEqual({ train: 29_783, val: 1000 });
    expect(table("train_val", karpathy)).toEqual({
      absent: 731,
      test: 975,
      train: 28_097,
      val: 980,
    });
    expect(table("test", entities)).toEqual({ test: 1000 });
    expect(table("test", karpathy)).toEqual({ absent: 38, test: 25, train: 903, val: 34 });
    // Its generator takes the last 1,000 of the first list for dev.
    const trainVal = Array.from(lists.partOf.keys()).slice(0, 30_783);
    const { splits } = await readDatasetManifest("snli-ve");
    const parts = new Map(splits[0]?.parts.map((part) => [part.name, part.sceneIdsSha256]));
    expect(parts.get("train")).toBe(digestOfIds(trainVal.slice(0, -1000)));
    expect(parts.get("dev")).toBe(digestOfIds(trainVal.slice(-1000)));
    expect(parts.get("test")).toBe(digestOfIds(Array.from(lists.partOf.keys()).slice(30_783)));
  });
});

describe("Other corpora's lists", () => {
  it("of COCO are read from a gzipped file and from JSON's first image", async () => {
    const split = {
      name: "Karpathy split",
      parts: [{ name: "train", list: "karpathy/coco_train.txt" }],
    };
    const options = { sourceFolder: folder.path, idOfName: cocoIdOfName };
    const lists = await readPublishedSplit({ ...options, split });
    expect(lists.partOf.size).toBe(82_783);
    await using json = await folderWith({
      "coco/dataset_coco.json": await realFile("karpathy/dataset_coco.first1.json"),
    });
    const read = await readPublishedSplit({
      sourceFolder: json.path,
      idOfName: cocoIdOfName,
      split: { name: "Karpathy split", json: "coco/dataset_coco.json", parts: [{ name: "test" }] },
    });
    expect(Array.from(read.partOf)).toEqual([
      ["391895", { part: "test", evidence: "coco/dataset_coco.json#/images/0" }],
    ]);
  });

  it("of Visual Genome have a second column", async () => {
    const lists = ["train.txt.gz", "val.txt", "test.txt"];
    await using genome = await folderWith(
      Object.fromEntries(
        await Promise.all(
          lists.map(async (name) => [
            `vg/butd_${name.replace(".gz", "")}`,
            await realFile("visual_genome", `butd_${name}`),
          ]),
        ),
      ),
    );
    const split = await readPublishedSplit({
      sourceFolder: genome.path,
      split: {
        name: "bottom-up attention",
        parts: ["train", "val", "test"].map((name) => ({ name, list: `vg/butd_${name}.txt` })),
      },
      idOfName: () => undefined,
      idOfLine: (line) => /^VG_100K(?:_2)?\/(\d+)\.jpg xml\/\1\.xml$/.exec(line)?.[1],
    });
    expect(tally(partsOf(split))).toEqual({ train: 98_077, val: 5000, test: 5000 });
    expect(split.partOf.size).toBe(108_077);
  });
});
