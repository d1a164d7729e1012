import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { snliVe } from "../../../src/ingest/datasets/snli-ve.ts";
import { realData } from "../../real-data.ts";
import {
  allScenes,
  eachPart,
  flickr30kSplit,
  folderWith,
  outcomeOf,
  planOf,
  realFile,
  realSplitLists,
  tally,
} from "./flickr30k-folder.ts";

const thirds = eachPart("train", "dev", "test");

describe("SNLI-VE's real pairs", () => {
  it("of the present release are 16 hypotheses with their premises apart", async () => {
    const files = { "snli-ve/snli_ve_dev.jsonl": await realFile("snli_ve/sample_pairs.jsonl") };
    const { scenes, texts, plan } = await outcomeOf(snliVe, files, { splits: thirds });
    expect(plan.counts).toEqual([expect.objectContaining({ kind: "pair", read: 16, written: 16 })]);
    expect(scenes[0]?.draft).toMatchObject({
      sceneKey: "flickr30k:2248275918",
      split: "dev",
      pictures: [{ key: "flickr30k:2248275918", flickrPhotoId: "2248275918" }],
    });
    expect(texts[0]).toEqual({
      id: "2248275918.jpg#2r1c",
      kind: "hypothesis",
      text: "A toddler sleeps outside.",
      label: "contradiction",
      context: "A toddler poses in front of a computer at a business office.",
      answers: [],
      choices: [],
      box: null,
    });
    expect(texts.every(({ kind }) => kind === "hypothesis")).toBe(true);
  });

  it("of the earlier release spell the picture's field otherwise", async () => {
    const sample = await realFile("snli_ve/sample_data.old-field-names.jsonl");
    const files = { "snli-ve/snli_ve_train.jsonl": sample };
    const { scenes, plan } = await outcomeOf(snliVe, files, { splits: thirds });
    expect(plan.counts).toEqual([expect.objectContaining({ read: 5, written: 5 })]);
    expect(scenes[0]?.draft).toMatchObject({
      sceneKey: "flickr30k:555378351",
      texts: [{ id: "555378351.jpg#2r1e", text: "A man walking with his son's bike." }],
    });
  });

  it("of e-SNLI-VE's dev are 14,339 of 1,000 pictures, without premises", async () => {
    await using folder = await folderWith({
      ...(await realSplitLists()),
      "snli-ve/esnlive_dev.csv.gz": await readFile(realData("snli_ve/esnlive_dev.csv.gz")),
    });
    using plan = await planOf(snliVe, folder.path, { splits: thirds });
    const scenes = await allScenes(plan);
    expect([plan.release, plan.partial]).toEqual(["e-SNLI-VE (a part)", true]);
    expect(plan.unlisted.absentFiles).toEqual([
      "snli-ve/esnlive_train.csv",
      "snli-ve/esnlive_test.csv",
    ]);
    expect(plan.counts).toEqual([
      expect.objectContaining({ kind: "pair", read: 14_339, written: 14_339 }),
    ]);
    expect(scenes).toHaveLength(1000);
    const texts = scenes.flatMap(({ draft }) => draft.texts);
    expect(tally(texts.map(({ label }) => label ?? ""))).toEqual({
      contradiction: 5643,
      entailment: 5254,
      neutral: 3442,
    });
    expect(texts.every(({ context }) => context === null)).toBe(true);
    expect(texts.find(({ id }) => id === "3288596188.jpg#3r1c")?.text).toBe(
      'A group of people are watching re-runs of the old TV sitcom "The Love Boat".',
    );
    const counted = {
      "Karpathy split": { absent: 27, test: 39, train: 899, val: 35 },
      "Entities split": { train: 970, val: 30 },
    };
    for (const [name, expected] of Object.entries(counted)) {
      const { partOf } = await flickr30kSplit(folder.path, name);
      const photos = scenes.map(({ draft }) => draft.pictures[0]?.flickrPhotoId ?? "");
      expect(tally(photos.map((id) => partOf.get(id)?.part ?? "absent"))).toEqual(expected);
    }
  });

  it("go to the pictures' parts when the Entities split is asked for", async () => {
    const { plan } = await outcomeOf(
      snliVe,
      {
        ...(await realSplitLists()),
        "snli-ve/esnlive_dev.csv": await realFile("snli_ve/esnlive_dev.csv.gz"),
      },
      { splits: eachPart("train", "val", "test"), publishedSplit: "Entities split" },
    );
    expect(plan.splits.map(({ numScenes }) => numScenes)).toEqual([970, 30, 0]);
  });
});
