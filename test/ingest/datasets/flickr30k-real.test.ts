import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SourceError } from "../../../src/core/errors.ts";
import { flickr30k } from "../../../src/ingest/datasets/flickr30k.ts";
import { everything } from "../coco-folder.ts";
import {
  allScenes,
  eachPart,
  flickr30kSplit,
  folderWith,
  planOf,
  realFile,
  realSplitLists,
  tally,
  type SourceFolder,
} from "./flickr30k-folder.ts";

const TOKENS = "flickr30k/results_20130124.token";
const thirds = eachPart("train", "val", "test");

let lists: Record<string, Buffer>;
/** The captions of the Karpathy split's 30,014 train and val pictures, in the form of the token file. */
let captions: Record<string, Buffer>;
let whole: SourceFolder;
beforeAll(async () => {
  lists = await realSplitLists();
  captions = { [TOKENS]: Buffer.from(await realCaptions()) };
  whole = await folderWith({ ...lists, ...captions });
});
afterAll(() => whole[Symbol.asyncDispose]());

// multi30k's file k holds caption k - 1 of each picture, in the order of Karpathy's lists.
async function realCaptions(): Promise<string> {
  const lines: string[] = [];
  for (const part of ["train", "val"]) {
    const names = (lists[`karpathy/flickr30k_${part}.txt`] ?? "").toString().trimEnd().split("\n");
    const files = await Promise.all(
      [1, 2, 3, 4, 5].map((k) => realFile(`flickr30k/multi30k/${part}.${k}.en.gz`)),
    );
    const texts = files.map((file) => file.toString().trimEnd().split("\n"));
    for (const [index, name] of names.entries()) {
      for (const [n, ofFile] of texts.entries()) lines.push(`${name}#${n}\t${ofFile[index]}\n`);
    }
  }
  return lines.join("");
}

describe("Flickr30K's real captions", () => {
  it("are refused as nearly official when pictures are left out, unless that is meant", async () => {
    const error: unknown = await planOf(flickr30k, whole.path, { splits: thirds }).catch(
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(SourceError);
    expect(String(error)).toContain("caption  found 150070  Flickr30K has 158915");
  });

  it("are 145,000 of train and 5,070 of val by the Karpathy split", async () => {
    using plan = await planOf(flickr30k, whole.path, {
      splits: thirds,
      acceptUnknownRelease: true,
    });
    expect(plan.splits.map(({ numScenes, numTexts }) => [numScenes, numTexts])).toEqual([
      [29_000, 145_000],
      [1014, 5070],
      [0, 0],
    ]);
    expect([plan.release, plan.partial]).toEqual(["release unknown, Karpathy split", true]);
    expect(plan.unlisted).toEqual({ numPictures: 1000, absentFiles: [] });
    expect(plan.counts).toEqual([
      expect.objectContaining({ kind: "caption", read: 150_070, written: 150_070, excluded: 0 }),
    ]);
  });

  it("go to other parts by the Entities split", async () => {
    using plan = await planOf(flickr30k, whole.path, {
      splits: thirds,
      publishedSplit: "Entities split",
      acceptUnknownRelease: true,
    });
    expect(plan.splits.map(({ numScenes }) => numScenes)).toEqual([
      27_181 + 948,
      916 + 32,
      903 + 34,
    ]);
    expect(plan.release).toBe("release unknown, Entities split");
  });

  it("of val are those of another publisher, picture for picture", async () => {
    using plan = await planOf(flickr30k, whole.path, {
      splits: eachPart("val"),
      acceptUnknownRelease: true,
    });
    const scenes = await allScenes(plan);
    const file = await realFile("flickr30k/karpathy_val_ann.jsonl");
    const expected = new Map<string, string[]>();
    for (const line of file.toString().trimEnd().split("\n")) {
      const { id, sentences }: { id: string; sentences: string[] } = JSON.parse(line);
      expected.set(`flickr30k:${id}`, sentences.toSorted());
    }
    expect(scenes).toHaveLength(1014);
    for (const { draft } of scenes) {
      expect(draft.texts.map(({ text }) => text).toSorted()).toEqual(expected.get(draft.sceneKey));
    }
  });

  it("of the official token file and of results.csv are read to the letter", async () => {
    const token = await realFile("flickr30k/results_20130124.token.first10");
    await using first10 = await folderWith({ [TOKENS]: token });
    using tokens = await planOf(flickr30k, first10.path, { splits: everything });
    const scenes = await allScenes(tokens);
    expect(scenes.map(({ draft }) => [draft.sceneKey, draft.texts.length])).toEqual([
      ["flickr30k:1000092795", 5],
      ["flickr30k:10002456", 5],
    ]);
    expect(scenes[0]).toMatchObject({
      draft: {
        pictures: [
          {
            key: "flickr30k:1000092795",
            path: "flickr30k/flickr30k-images/1000092795.jpg",
            flickrPhotoId: "1000092795",
            url: null,
          },
        ],
        texts: [
          {
            id: "1000092795.jpg#0",
            kind: "caption",
            text: "Two young guys with shaggy hair look at their hands while hanging out in the yard .",
          },
          { id: "1000092795.jpg#1" },
          { id: "1000092795.jpg#2" },
          { id: "1000092795.jpg#3" },
          { id: "1000092795.jpg#4" },
        ],
      },
    });
    const csv = await realFile("flickr30k/results.sample1.csv");
    await using sample = await folderWith({ "flickr30k/results.csv": csv });
    using rows = await planOf(flickr30k, sample.path, { splits: everything });
    const [scene] = await allScenes(rows);
    expect(scene?.draft.texts.map(({ id, text }) => [id, text])).toEqual([
      [
        "10082347.jpg#0",
        "Young blond man in a blue and yellow jacket smiling while standing in front of a net .",
      ],
      [
        "10082347.jpg#1",
        "A young man in a black and yellow jacket is gazing at something and smiling .",
      ],
      ["10082347.jpg#2", "A young man holding a pole vault looks determined ."],
      ["10082347.jpg#3", "A man is holding a pole and smiling ."],
      ["10082347.jpg#4", "A smiling man looking at the sky ."],
    ]);
    expect(rows.counts).toEqual([expect.objectContaining({ read: 5, written: 5 })]);
  });

  it("of Entities' 21 unrelated ones are noted and kept", async () => {
    await using folder = await folderWith({
      ...lists,
      ...captions,
      "flickr30k/entities/UNRELATED_CAPTIONS": await realFile(
        "flickr30k/entities/UNRELATED_CAPTIONS",
      ),
    });
    using plan = await planOf(flickr30k, folder.path, {
      splits: thirds,
      acceptUnknownRelease: true,
    });
    const notes = await Array.fromAsync(plan.ledger());
    expect(plan.counts.map(({ kind, read, written }) => [kind, read, written])).toEqual([
      ["caption", 150_070, 150_070],
      ["unrelated-caption", 21, 0],
    ]);
    expect(notes).toHaveLength(21);
    expect(notes[0]).toMatchObject({
      record: "line 2",
      id: "129602216.jpg#4",
      outcome: "excluded",
      reason: "note-about-a-caption",
    });
    expect(plan.release).toBe("release unknown, Karpathy split");
  });
});

describe("Flickr8K's real captions, in the form of Flickr30K's", () => {
  let folder: SourceFolder;
  beforeAll(async () => {
    folder = await folderWith({
      ...lists,
      [TOKENS]: await realFile("flickr8k/Flickr8k.token.txt.gz"),
    });
  });
  afterAll(() => folder[Symbol.asyncDispose]());

  it("are 40,460 of 8,093 names, of which one is broken: its one caption is quarantined", async () => {
    using plan = await planOf(flickr30k, folder.path, { splits: everything });
    const ledger = await Array.fromAsync(plan.ledger());
    expect(plan.counts).toEqual([
      {
        file: TOKENS,
        kind: "caption",
        read: 40_460,
        written: 40_459,
        excluded: 0,
        quarantined: 1,
        missing: 0,
      },
    ]);
    expect(new Set(ledger.map(({ id }) => id.split("#")[0]))).toEqual(
      new Set(["2258277193_586949ec62.jpg.1"]),
    );
    expect(ledger[0]).toMatchObject({
      reason: "ANN_SHAPE",
      evidence: '"2258277193_586949ec62.jpg.1" is no picture\'s name; expected <photo id>.jpg',
    });
    // 8,092 photo ids; the broken name is of one of them.
    expect(plan.splits[0]?.numScenes).toBe(8092);
    const keys = Array.from(plan.pictures(), ({ key }) => key);
    const entities = await flickr30kSplit(folder.path, "Entities split");
    expect(keys.filter((key) => entities.partOf.has(key.slice(10)))).toHaveLength(8092);
  });

  it("lie in Flickr30K's splits as counted", async () => {
    const counted = {
      "Karpathy split": [6994, 242, 243, 613],
      "Entities split": [7560, 247, 285, 0],
    };
    for (const [publishedSplit, [train, val, test, absent]] of Object.entries(counted)) {
      using plan = await planOf(flickr30k, folder.path, { splits: thirds, publishedSplit });
      expect(plan.splits.map(({ numScenes }) => numScenes)).toEqual([train, val, test]);
      const ledger = await Array.fromAsync(plan.ledger());
      const outside = ledger.filter(({ reason }) => reason === "not-in-any-split");
      expect(new Set(outside.map(({ id }) => id.split("_")[0])).size).toBe(absent);
    }
  });

  it("of its own splits are 6,000, 1,000 and 1,000 pictures", async () => {
    const names = ["train", "dev", "test"];
    const files = await Promise.all(
      names.map(async (name) =>
        (await realFile("flickr8k", `Flickr_8k.${name}Images.txt`)).toString(),
      ),
    );
    using plan = await planOf(flickr30k, folder.path, { splits: everything });
    const photos = new Set(Array.from(plan.pictures(), ({ flickrPhotoId }) => flickrPhotoId));
    const listed = files.map((text) => text.split(/\r?\n/).filter((line) => line !== ""));
    expect(listed.map(({ length }) => length)).toEqual([6000, 1000, 1000]);
    const ids = listed.flat().map((name) => name.split("_")[0] ?? "");
    expect(tally(ids.map((id) => (photos.has(id) ? "captioned" : "not")))).toEqual({
      captioned: 8000,
    });
  });
});
