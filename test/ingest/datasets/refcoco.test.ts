import { rm } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { ConfigError, SourceError } from "../../../src/core/errors.ts";
import { refcocog, refcocoPlus } from "../../../src/ingest/datasets/refcoco.ts";
import { readPickle } from "../../../src/ingest/pickle/read-pickle.ts";
import { everything } from "../coco-folder.ts";
import {
  allScenes,
  eachPart,
  folderWith,
  ledgerLines,
  planOf,
  realFile,
} from "./flickr30k-folder.ts";
import {
  imageOf,
  layOutRefcoco,
  objectOf,
  pickled,
  planRefcoco,
  type RefcocoContent,
  refcocoFiles,
  refcocoFolder,
  refOf,
  refsOfAllParts,
} from "./refcoco-folder.ts";

const uncParts = eachPart("train", "val", "testA", "testB");

describe("RefCOCO", () => {
  it("gives each expression of the real ref its text as published, box and category", async () => {
    await using folder = await refcocoFolder(await refsOfAllParts([]));
    using plan = await planRefcoco(folder.path);
    const [scene] = await allScenes(plan);
    const shared = { kind: "expression", label: "person", answers: [], choices: [], context: null };
    const box = { x: 1.5, y: 2, width: 8.25, height: 9 };
    expect(scene?.draft).toEqual({
      sceneKey: "coco:581857",
      split: "train",
      pictures: [
        {
          key: "coco:581857",
          path: "coco/train2014/COCO_train2014_000000581857.jpg",
          url: "http://mscoco.org/images/581857",
          flickrPhotoId: "6000581857",
          license: "Attribution License",
          linkedKeys: [],
        },
      ],
      texts: [
        { id: "0", text: "the lady with the blue shirt", box, ...shared },
        { id: "1", text: "lady with back to us", box, ...shared },
        { id: "2", text: "blue shirt", box, ...shared },
      ],
    });
  });

  it.each(["", ".gz"])("reads the real pickle of protocol 0 (refs(unc).p%s)", async (ending) => {
    const { "refcoco/refcoco/instances.json": instances = "" } = refcocoFiles(
      await refsOfAllParts([]),
    );
    const real = await realFile("refcoco", "refs(unc).first1.p");
    const bytes = ending === ".gz" ? gzipSync(real) : real;
    await using folder = await folderWith({
      [`refcoco/refcoco/refs(unc).p${ending}`]: bytes,
      "refcoco/refcoco/instances.json": instances,
    });
    using plan = await planRefcoco(folder.path);
    expect(plan.counts.map(({ kind, read, written }) => [kind, read, written])).toEqual([
      ["ref", 1, 1],
      ["expression", 3, 3],
      ["image", 1, 1],
      ["object", 1, 1],
    ]);
    expect(plan.files.map(({ file, sizeBytes }) => [file, sizeBytes])[0]).toEqual([
      `refcoco/refcoco/refs(unc).p${ending}`,
      bytes.length,
    ]);
  });

  it("counts refs, expressions, images and objects by the refs' own parts", async () => {
    await using folder = await refcocoFolder(await refsOfAllParts(["val", "testA", "testB"]));
    using plan = await planRefcoco(folder.path, { splits: uncParts });
    expect(plan.splits.map(({ numScenes, numTexts }) => [numScenes, numTexts])).toEqual([
      [1, 3],
      [1, 4],
      [1, 4],
      [1, 4],
    ]);
    expect(plan.counts.map((counts) => Object.values(counts).join(" "))).toEqual([
      "refcoco/refcoco/refs(unc).p ref 7 7 0 0 0",
      "refcoco/refcoco/refs(unc).p expression 15 15 0 0 0",
      "refcoco/refcoco/instances.json image 4 4 0 0 0",
      "refcoco/refcoco/instances.json object 10 7 3 0 0",
    ]);
    expect(await ledgerLines(plan)).toEqual([
      "/annotations/3 1012 excluded not-referred-to",
      "/annotations/6 1022 excluded not-referred-to",
      "/annotations/9 1032 excluded not-referred-to",
    ]);
  });

  it("finds the pictures of COCO's train2014, by the names of 2017 as well", async () => {
    await using folder = await folderWith({});
    await layOutRefcoco(folder.path, "refcoco/refcoco/refs(unc).p");
    using plan = await planRefcoco(folder.path, { annotationsOnly: false });
    expect((await allScenes(plan)).map(({ draft }) => draft.pictures[0]?.path)).toEqual([
      "coco/train2014/COCO_train2014_000000581857.jpg",
      "coco/train2014/COCO_train2014_000000000009.jpg",
      "coco/train2017/000000000010.jpg",
    ]);
    expect(plan.missing.numPictures).toBe(1);
  });

  it("has 1,975 refs in the real results of testA, and 1,984 expressions about them", async () => {
    const results: unknown = JSON.parse(
      (await realFile("refcoco", "sample_expressions_testA.json")).toString(),
    );
    const { predictions } = Object(results);
    const refs = new Set<unknown>();
    for (const { ref_id: id } of predictions) refs.add(id);
    expect([predictions.length, refs.size]).toEqual([1984, 1975]);
  });

  it("lists its pictures with their parts from the refs, and with their photos where instances.json is", async () => {
    const content = await refsOfAllParts(["val"]);
    await using folder = await refcocoFolder(content);
    const choice = { picturesOnly: true, splits: [] };
    using plan = await planRefcoco(folder.path, choice);
    const shared = { linkedKeys: [], isUnlisted: false };
    const place = "refcoco/refcoco/instances.json#/images";
    const refs = "refcoco/refcoco/refs(unc).p#";
    expect(Array.from(plan.pictures())).toEqual([
      {
        key: "coco:581857",
        url: "http://mscoco.org/images/581857",
        flickrPhotoId: "6000581857",
        part: "train",
        evidence: `${place}/0, ${refs}/0`,
        ...shared,
      },
      {
        key: "coco:9",
        url: "http://mscoco.org/images/9",
        flickrPhotoId: "6000000009",
        part: "val",
        evidence: `${place}/1, ${refs}/1`,
        ...shared,
      },
    ]);
    await rm(join(folder.path, "refcoco/refcoco/instances.json"));
    using withoutPhotos = await planRefcoco(folder.path, choice);
    expect(Array.from(withoutPhotos.pictures()).map(({ key, part }) => `${key} ${part}`)).toEqual([
      "coco:581857 train",
      "coco:9 val",
    ]);
  });

  it("of the other names comes with its own split", async () => {
    for (const [source, refs] of [
      [refcocoPlus, "refcoco/refcoco+/refs(unc).p"],
      [refcocog, "refcoco/refcocog/refs(umd).p"],
    ] as const) {
      await using folder = await folderWith({});
      await layOutRefcoco(folder.path, refs);
      using plan = await planOf(source, folder.path, { splits: eachPart("train", "val") });
      expect(plan.splits.map(({ numTexts }) => numTexts)).toEqual([3, 4]);
    }
  });
});

describe("An image with refs of several parts", () => {
  const content: RefcocoContent = {
    refs: [
      refOf(1, 9, { split: "train" }),
      refOf(2, 9, { split: "testB" }),
      refOf(3, 9, { split: "val" }),
      refOf(4, 10, { split: "val" }),
      refOf(5, 10, { split: "train" }),
    ],
    images: [imageOf(9), imageOf(10)],
    annotations: [1, 2, 3]
      .map((id) => objectOf(id, 9))
      .concat([4, 5].map((id) => objectOf(id, 10))),
  };

  it("is of the evaluation, and its other refs are quarantined with both places", async () => {
    await using folder = await refcocoFolder(content);
    using plan = await planRefcoco(folder.path, { splits: uncParts });
    expect(plan.splits.map(({ numScenes, numTexts }) => [numScenes, numTexts])).toEqual([
      [0, 0],
      [1, 2],
      [0, 0],
      [1, 2],
    ]);
    const ledger = await Array.fromAsync(plan.ledger());
    const refs = ledger.filter(({ kind }) => kind === "ref");
    expect(refs.map(({ id, reason, evidence }) => `${id} ${reason}: ${evidence}`)).toEqual([
      "1 ANN_CONFLICT: it is in train, and its image 9 in testB (refcoco/refcoco/refs(unc).p#/1)",
      "3 ANN_CONFLICT: it is in val, and its image 9 in testB (refcoco/refcoco/refs(unc).p#/1)",
      "5 ANN_CONFLICT: it is in train, and its image 10 in val (refcoco/refcoco/refs(unc).p#/3)",
    ]);
  });

  it("stops a strict preparation", async () => {
    await using folder = await refcocoFolder(content);
    await expect(planRefcoco(folder.path, { splits: uncParts, strict: true })).rejects.toThrow(
      "refs(unc).p /0: ANN_CONFLICT: it is in train, and its image 9 in testB",
    );
  });
});

describe("What RefCOCO is read from", () => {
  it("is named when it is missing, with where it is offered", async () => {
    await using folder = await refcocoFolder(await refsOfAllParts([]));
    await rm(join(folder.path, "refcoco/refcoco/instances.json"));
    await expect(planRefcoco(folder.path)).rejects.toThrow(
      expect.objectContaining({
        message:
          "refcoco/refcoco/instances.json: missing (looked for it with .gz and .zip as well)",
        remedy: expect.stringContaining("refcoco.zip"),
      }),
    );
  });

  it("is not Google's split of RefCOCOg, whose parts share pictures", async () => {
    await using folder = await folderWith({});
    await layOutRefcoco(folder.path, "refcoco/refcocog/refs(google).p");
    const planned = planOf(refcocog, folder.path, { splits: everything });
    await expect(planned).rejects.toThrow(SourceError);
    await expect(planned).rejects.toThrow("refs(google).p is there, but its parts share pictures");
    const choice = { splits: eachPart("train", "val"), publishedSplit: "google" };
    await expect(planOf(refcocog, folder.path, choice)).rejects.toThrow(ConfigError);
  });

  it("is never executed", async () => {
    const files = refcocoFiles(await refsOfAllParts([]));
    const harmful = Buffer.from("cos\nsystem\n(S'touch harm'\ntR.");
    await using folder = await folderWith({ ...files, "refcoco/refcoco/refs(unc).p": harmful });
    await expect(planRefcoco(folder.path)).rejects.toThrow(
      "refcoco/refcoco/refs(unc).p: the opcode GLOBAL is refused",
    );
  });

  it("is a list", async () => {
    const files = refcocoFiles(await refsOfAllParts([]));
    await using folder = await folderWith({ ...files, "refcoco/refcoco/refs(unc).p": pickled({}) });
    await expect(planRefcoco(folder.path)).rejects.toThrow("holds no list");
  });

  it("is written here as Python reads it", () => {
    const value = { a: [1, -2, 2 ** 40, 0.5, true, false, null, "é"], b: {} };
    expect(readPickle(pickled(value))).toEqual(value);
  });
});
