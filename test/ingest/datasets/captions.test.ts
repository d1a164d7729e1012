import { symlink } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { SourceError } from "../../../src/core/errors.ts";
import { captions } from "../../../src/ingest/datasets/captions.ts";
import type { PlannedScene, SourceOptions, SourcePlan } from "../../../src/ingest/source.ts";
import { everything } from "../coco-folder.ts";
import { layOutCaptions } from "./captions-folder.ts";
import {
  allScenes,
  eachPart,
  type Files,
  folderWith,
  jsonLines,
  ledgerLines,
  planOf,
  type SourceFolder,
} from "./flickr30k-folder.ts";

const splits = eachPart("train", "val", "test");

function planned({ path }: SourceFolder, choice: Partial<SourceOptions> = {}): Promise<SourcePlan> {
  return planOf(captions, path, { splits, ...choice });
}

/** Scenes and ledger of lines in the folder "shop". */
async function outcomeOf(
  ...lines: readonly unknown[]
): Promise<{ scenes: PlannedScene[]; ledger: string[] }> {
  await using folder = await folderWith({ "shop/captions.jsonl": jsonLines(...lines) });
  using plan = await planned(folder);
  const ledger = await Array.fromAsync(plan.ledger());
  return {
    scenes: await allScenes(plan),
    ledger: ledger.map(({ evidence, outcome, reason, record }) => {
      return `${record} ${outcome} ${reason}: ${evidence}`;
    }),
  };
}

async function refusalOf(files: Files): Promise<unknown> {
  await using folder = await folderWith(files);
  return await planned(folder).catch((error: unknown) => error);
}

describe("A user's own folders", () => {
  it("give scenes by the split of each line, and a fate to each line", async () => {
    await using folder = await folderWith({});
    await layOutCaptions(folder.path);
    using plan = await planned(folder, { annotationsOnly: false });
    const scenes = await allScenes(plan);
    expect(scenes.map(({ draft }) => [draft.split, draft.sceneKey, draft.texts.length])).toEqual([
      ["train", "own:shop/pictures/1.png", 1],
      ["train", "own:shop/pictures/2.png", 3],
      ["train", "own:trip/1.png", 1],
      ["train", "vg:17", 1],
      ["val", "own:shop/3.png", 3],
      ["test", "own:trip/3.png", 1],
    ]);
    expect(plan.counts).toEqual([
      {
        file: "shop/captions.jsonl",
        kind: "line",
        read: 9,
        written: 6,
        excluded: 0,
        quarantined: 2,
        missing: 1,
      },
      {
        file: "trip/captions.jsonl",
        kind: "line",
        read: 3,
        written: 3,
        excluded: 0,
        quarantined: 0,
        missing: 0,
      },
    ]);
    expect(await ledgerLines(plan)).toEqual([
      "line 7  missing no-picture",
      "line 8  quarantined ANN_SHAPE",
      "line 9  quarantined ANN_PATH",
    ]);
  });

  it("give their texts ids by folder and line, or those that they have", async () => {
    await using folder = await folderWith({});
    await layOutCaptions(folder.path);
    using plan = await planned(folder);
    const texts = (await allScenes(plan)).flatMap(({ draft }) => draft.texts);
    expect(texts.map(({ id, kind }) => `${id} ${kind}`)).toEqual([
      "door caption",
      "shop-2-1 caption",
      "shop-2-2 caption",
      "shop-3 region-description",
      "trip-1 caption",
      "trip-2 caption",
      "shop-4 question",
      "7 hypothesis",
      "shop-6 expression",
      "shop-7 caption",
      "trip-3 caption",
    ]);
  });

  it("are read packed as well, and when they are links", async () => {
    const content = jsonLines({ picture: "1.png", text: "a" });
    await using elsewhere = await folderWith({ "captions.jsonl.gz": gzipSync(content) });
    await using folder = await folderWith({ "shop/readme.txt": "" });
    await symlink(elsewhere.path, join(folder.path, "trip"));
    using plan = await planned(folder);
    const [scene] = await allScenes(plan);
    expect(scene?.draft.sceneKey).toBe("own:trip/1.png");
    expect(scene?.records).toEqual([
      { file: "trip/captions.jsonl.gz", kind: "line", record: "line 1", id: "" },
    ]);
  });

  it("give texts of the kinds that a recipe takes", async () => {
    await using folder = await folderWith({});
    await layOutCaptions(folder.path);
    using plan = await planned(folder, { textKinds: ["question"] });
    const scenes = await allScenes(plan);
    expect(scenes.map(({ draft }) => draft.texts.map(({ text }) => text))).toEqual([
      ["Is it round?"],
    ]);
    expect(await ledgerLines(plan)).toContain("line 1 door excluded no-texts");
  });

  it("are told when there are none, or when the source is one itself", async () => {
    const none = await refusalOf({ "coco/x": "" });
    expect(none).toBeInstanceOf(SourceError);
    expect(none).toMatchObject({ message: expect.stringContaining("has a captions.jsonl") });
    const itself = await refusalOf({ "captions.jsonl": "", "shop/captions.jsonl": "" });
    expect(itself).toMatchObject({
      message: expect.stringContaining("is itself the folder of a captions.jsonl"),
      remedy: expect.stringContaining("name the folder above it"),
    });
  });

  it("stop a strict preparation at the first faulty line, which is named", async () => {
    await using folder = await folderWith({});
    await layOutCaptions(folder.path);
    const refused = planned(folder, { strict: true });
    await expect(refused).rejects.toThrow(
      "shop/captions.jsonl line 8: ANN_SHAPE: /txt is no member of a line; the nearest is text",
    );
    await expect(refused).rejects.toMatchObject({ record: "line 8" });
  });
});

describe("The pictures of a user", () => {
  it("have a key of folder and path, which does not depend on where the source is", async () => {
    const { scenes } = await outcomeOf({ picture: "a/b c.jpg", text: "x" });
    expect(scenes[0]?.draft.pictures).toEqual([
      {
        key: "own:shop/a/b c.jpg",
        path: "shop/a/b c.jpg",
        url: null,
        flickrPhotoId: null,
        license: null,
        linkedKeys: [],
      },
    ]);
  });

  it("are linked to COCO's by coco_id and by COCO's addresses, and to Flickr's by theirs", async () => {
    const cocos = "http://images.cocodataset.org/val2017/000000391895.jpg";
    const flickrs = "https://live.staticflickr.com/65535/1234567_ab_b.jpg";
    const { scenes } = await outcomeOf(
      { picture: "1.jpg", text: "x", coco_id: "000000000042" },
      { picture: "2.jpg", text: "x", url: cocos },
      { picture: "3.jpg", text: "x", url: cocos.replace("000000391895", "a"), licence: "CC0" },
      { picture: "4.jpg", text: "x", url: flickrs },
      { picture: "5.jpg", text: "x", key: "coco:9", coco_id: 9 },
    );
    const pictures = scenes.flatMap(({ draft }) => draft.pictures);
    expect(pictures.map(({ linkedKeys }) => linkedKeys)).toEqual([
      ["coco:42"],
      ["coco:391895"],
      [],
      [],
      [],
    ]);
    expect(pictures[2]?.license).toBe("CC0");
    expect(pictures[3]?.flickrPhotoId).toBe("1234567");
    expect(pictures[4]?.key).toBe("coco:9");
  });

  it("are in one split: a line that names another for a picture is quarantined", async () => {
    const { ledger, scenes } = await outcomeOf(
      { picture: "1.jpg", text: "x", split: "test" },
      { picture: "1.jpg", text: "y", split: "test" },
      { picture: "1.jpg", text: "z" },
    );
    expect(scenes.map(({ draft }) => [draft.split, draft.texts.length])).toEqual([["test", 2]]);
    expect(ledger).toEqual([
      "line 3 quarantined ANN_CONFLICT: its picture is in two parts: shop/captions.jsonl#line 1 and shop/captions.jsonl#line 3",
    ]);
  });

  it.each([
    ["another key", { key: "coco:2" }, "says another key, url, coco_id or licence of shop/1.jpg"],
    ["no key", {}, "says another key, url, coco_id or licence of shop/1.jpg"],
    ["another licence", { key: "coco:1", licence: "CC0" }, "says another key"],
    ["two numbers of COCO", { key: "coco:1", coco_id: 3 }, "several pictures of COCO: 1, 3"],
    [
      "another picture's key",
      { picture: "2.jpg", key: "coco:1" },
      "gives the key coco:1 to another picture",
    ],
  ])("are said the same of by all lines: one with %s is quarantined", async (_, more, evidence) => {
    const first = { picture: "1.jpg", text: "x", key: "coco:1" };
    const { ledger, scenes } = await outcomeOf(first, { picture: "1.jpg", text: "y", ...more });
    expect(scenes).toHaveLength(1);
    expect(ledger).toEqual([
      expect.stringMatching(`^line 2 quarantined ANN_CONFLICT: .*${evidence}`),
    ]);
  });

  it("of two folders may not share a key that their lines give", async () => {
    const content = jsonLines({ picture: "1.jpg", text: "x", key: "own:door" });
    await using folder = await folderWith({
      "shop/captions.jsonl": content,
      "trip/captions.jsonl": content,
    });
    using plan = await planned(folder);
    expect(plan.counts.map(({ file, quarantined }) => [file, quarantined])).toEqual([
      ["shop/captions.jsonl", 0],
      ["trip/captions.jsonl", 1],
    ]);
  });
});

describe("The ids of lines", () => {
  it("stand once in a file: an equal line is left out and another one quarantined", async () => {
    const line = { picture: "1.jpg", text: "x", id: 1 };
    const { ledger } = await outcomeOf(line, line, { ...line, id: "1", text: "y" });
    expect(ledger).toEqual([
      "line 2 excluded duplicate-of: shop/captions.jsonl#line 1",
      "line 3 quarantined ANN_CONFLICT: shop/captions.jsonl#line 1 has the same id and other content",
    ]);
  });

  it("are a folder's own", async () => {
    const content = jsonLines({ picture: "1.jpg", text: "x", id: 1 });
    await using folder = await folderWith({
      "shop/captions.jsonl": content,
      "trip/captions.jsonl": content,
    });
    using plan = await planned(folder, { splits: everything });
    expect(plan.splits[0]?.numTexts).toBe(2);
  });
});

it("counts lines that are no JSON or have a member twice, and steps over empty ones", async () => {
  await using folder = await folderWith({
    "shop/captions.jsonl":
      '{"picture": "1.jpg", "text": "x"}\r\n\n{"picture": "2.jpg", "text": \n{"picture": "1.jpg", "text": "a", "text": "b"}\n',
  });
  using plan = await planned(folder);
  expect(await ledgerLines(plan)).toEqual([
    "line 3  quarantined ANN_SYNTAX",
    "line 4  quarantined ANN_SYNTAX",
  ]);
  expect(plan.counts[0]?.read).toBe(3);
});
