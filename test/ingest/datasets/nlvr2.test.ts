import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ConfigError, SourceError } from "../../../src/core/errors.ts";
import { nlvr2 } from "../../../src/ingest/datasets/nlvr2.ts";
import type { PlannedScene, SourceOptions, SourcePlan } from "../../../src/ingest/source.ts";
import { drawPicture, everything } from "../coco-folder.ts";
import {
  allScenes,
  eachPart,
  type Files,
  faultOf,
  flickr30kSplit,
  folderWith,
  jsonLines,
  ledgerLines,
  type Outcome,
  outcomeOf,
  planOf,
  realFile,
  realSplitLists,
  tally,
  type SourceFolder,
} from "./flickr30k-folder.ts";

describe("NLVR2's real dev and test1", () => {
  let folder: SourceFolder;
  let plan: SourcePlan;
  let scenes: Readonly<Record<string, readonly PlannedScene[]>>;
  beforeAll(async () => {
    folder = await folderWith({
      ...(await realSplitLists()),
      "nlvr2/dev.json": await realFile("nlvr2/dev.json.gz"),
      "nlvr2/test1.json": await realFile("nlvr2/test1.json.gz"),
    });
    plan = await planOf(nlvr2, folder.path, { splits: eachPart("dev", "test1") });
    const all = await allScenes(plan);
    scenes = Object.fromEntries(
      ["dev", "test1"].map((part) => [part, all.filter(({ draft }) => draft.split === part)]),
    );
  });
  afterAll(async () => {
    plan[Symbol.dispose]();
    await folder[Symbol.asyncDispose]();
  });

  it("are recognised: 6,982 and 6,967 statements about 4,051 and 4,041 pairs", () => {
    expect([plan.release, plan.partial]).toEqual(["NLVR2", false]);
    expect(plan.splits).toEqual([
      { name: "dev", numScenes: 4051, numPictures: 8102, numTexts: 6982 },
      { name: "test1", numScenes: 4041, numPictures: 8082, numTexts: 6967 },
    ]);
    expect(plan.counts.map(({ kind, read, written }) => [kind, read, written])).toEqual([
      ["statement", 6982, 6982],
      ["statement", 6967, 6967],
    ]);
  });

  it("have the pictures that the publisher has hashes of", async () => {
    for (const part of ["dev", "test1"]) {
      const hashes: object = JSON.parse(
        (await realFile("nlvr2", `${part}_hashes.json`)).toString(),
      );
      const pictures = (scenes[part] ?? []).flatMap(({ draft }) => draft.pictures);
      const keys = Object.keys(hashes).map((name) => `nlvr2:${name.replace(".png", "")}`);
      expect(pictures.map(({ key }) => key).toSorted()).toEqual(keys.toSorted());
    }
  });

  it("have 8,071 and 8,056 addresses, of which 45 are in both, in 62 pairs of pictures", () => {
    const [dev = [], test1 = []] = ["dev", "test1"].map((part) =>
      (scenes[part] ?? []).flatMap(({ draft }) => draft.pictures.map(({ url }) => url)),
    );
    const both = new Set(dev).intersection(new Set(test1));
    expect([new Set(dev).size, new Set(test1).size, both.size]).toEqual([8071, 8056, 45]);
    const numOf = (all: typeof dev, url: string | null): number =>
      all.filter((other) => other === url).length;
    const pairs = Array.from(both, (url) => numOf(dev, url) * numOf(test1, url));
    expect(pairs.reduce((sum, count) => sum + count)).toBe(62);
  });

  it("have 25 sentences in both, letter for letter", () => {
    const [dev, test1] = ["dev", "test1"].map(
      (part) =>
        new Set((scenes[part] ?? []).flatMap(({ draft }) => draft.texts.map(({ text }) => text))),
    );
    expect(dev?.intersection(test1 ?? new Set())).toHaveProperty("size", 25);
  });

  it("have two statements about a photograph that Flickr30K trains on", async () => {
    const karpathy = await flickr30kSplit(folder.path, "Karpathy split");
    const shared = Object.values(scenes)
      .flat()
      .filter(({ draft }) =>
        draft.pictures.some(({ flickrPhotoId: id }) => id !== null && karpathy.partOf.has(id)),
      );
    expect(shared.flatMap(({ draft }) => draft.texts.map(({ id }) => id))).toEqual([
      "test1-116-2-0",
      "test1-116-2-1",
    ]);
    expect(shared[0]?.draft.pictures[1]).toMatchObject({
      key: "nlvr2:test1-116-2-img1",
      flickrPhotoId: "2637959357",
      url: "https://c1.staticflickr.com/4/3044/2637959357_dd64a03efa_m.jpg",
    });
    expect(karpathy.partOf.get("2637959357")?.part).toBe("train");
  });

  it("show 91 and 81 Flickr photos, two of them by way of a proxy", () => {
    const photos = ["dev", "test1"].map((part) => {
      const pictures = (scenes[part] ?? []).flatMap(({ draft }) => draft.pictures);
      return new Set(pictures.flatMap(({ flickrPhotoId: id }) => id ?? [])).size;
    });
    expect(photos).toEqual([91, 81]);
  });

  it("have the labels and the consistency groups of the official evaluation", () => {
    const counted = Object.entries(scenes).map(([part, ofPart]) => {
      const texts = ofPart.flatMap(({ draft }) => draft.texts);
      const groups = new Set(texts.map(({ id }) => id.replace(/-\d+(-\d+)$/, "$1")));
      return [part, groups.size, tally(texts.map(({ label }) => label ?? ""))];
    });
    expect(counted).toEqual([
      ["dev", 2018, { True: 3551, False: 3431 }],
      ["test1", 1995, { True: 3558, False: 3409 }],
    ]);
  });

  it("are read to the letter", () => {
    expect(scenes["dev"]?.[0]?.draft).toEqual({
      sceneKey: "nlvr2:dev-850-0",
      split: "dev",
      pictures: [
        {
          key: "nlvr2:dev-850-0-img0",
          path: "nlvr2/images/dev/dev-850-0-img0.png",
          url: "https://i.kinja-img.com/gawker-media/image/upload/s--UyhVSznS--/18iy0hwo5wdrpjpg.jpg",
          flickrPhotoId: null,
          license: null,
          linkedKeys: [],
        },
        {
          key: "nlvr2:dev-850-0-img1",
          path: "nlvr2/images/dev/dev-850-0-img1.png",
          url: "https://cdn.pixabay.com/photo/2015/09/21/12/57/beer-bottles-949793_960_720.jpg",
          flickrPhotoId: null,
          license: null,
          linkedKeys: [],
        },
      ],
      texts: [
        {
          id: "dev-850-0-0",
          kind: "statement",
          text: "The right image shows a curving walkway of dark glass circles embedded in dirt and flanked by foliage.",
          label: "False",
          answers: [],
          choices: [],
          box: null,
          context: null,
        },
        expect.objectContaining({ id: "dev-850-0-1" }),
      ],
    });
  });
});

const statement = {
  sentence: "There are two dogs.",
  left_url: "https://farm4.staticflickr.com/3044/2637959357_dd64a03efa_m.jpg",
  right_url: "https://example.org/b.jpg",
  label: "True",
  identifier: "train-3-0-0",
  directory: 44,
};

function readFiles(files: Files, choice?: Partial<SourceOptions>): Promise<Outcome> {
  return outcomeOf(nlvr2, files, { splits: everything, ...choice });
}

function refusalOf(files: Files, choice?: Partial<SourceOptions>): Promise<unknown> {
  return faultOf(nlvr2, files, { splits: everything, ...choice });
}

describe("NLVR2", () => {
  it("has one scene for a pair, with all of its statements", async () => {
    const { scenes } = await readFiles({
      "nlvr2/train.json": jsonLines(
        statement,
        { ...statement, identifier: "train-3-1-0" },
        { ...statement, identifier: "train-3-0-1", sentence: "One dog runs.", label: "False" },
      ),
    });
    expect(scenes.map(({ draft }) => [draft.sceneKey, draft.texts.map(({ id }) => id)])).toEqual([
      ["nlvr2:train-3-0", ["train-3-0-0", "train-3-0-1"]],
      ["nlvr2:train-3-1", ["train-3-1-0"]],
    ]);
    expect(scenes[0]?.draft.pictures.map((picture) => picture.flickrPhotoId)).toEqual([
      "2637959357",
      null,
    ]);
  });

  it("finds pictures in every layout in use, whatever their extension", async () => {
    await using folder = await folderWith({
      "nlvr2/train.json": jsonLines(
        ...[0, 1, 2, 3].map((pair) => ({ ...statement, identifier: `train-3-${pair}-0` })),
      ),
      "nlvr2/images/train/44/train-3-0-img0.png": await drawPicture(0),
      "nlvr2/images/train/44/train-3-0-img1.png": await drawPicture(1),
      "nlvr2/images/train-3-1-img0.png": await drawPicture(2),
      "nlvr2/train/train-3-1-img1.jpg": await drawPicture(3),
      "nlvr2/images/train/7/train-3-2-img0.png": await drawPicture(4),
      "nlvr2/train/7/train-3-2-img1.png": await drawPicture(5),
      "nlvr2/images/train/44/train-3-3-img0.png": await drawPicture(6),
    });
    using plan = await planOf(nlvr2, folder.path, { splits: everything, annotationsOnly: false });
    const scenes = await allScenes(plan);
    expect(scenes.flatMap(({ draft }) => draft.pictures.map(({ path }) => path))).toEqual([
      "nlvr2/images/train/44/train-3-0-img0.png",
      "nlvr2/images/train/44/train-3-0-img1.png",
      "nlvr2/images/train-3-1-img0.png",
      "nlvr2/train/train-3-1-img1.jpg",
      "nlvr2/images/train/7/train-3-2-img0.png",
      "nlvr2/train/7/train-3-2-img1.png",
    ]);
    expect(await ledgerLines(plan)).toEqual(["line 4 train-3-3-0 missing no-picture"]);
    expect(plan.missing.examples).toEqual(["nlvr2/images/train/44/train-3-3-img1.png"]);
  });

  it("has every bad line in the ledger, with its number", async () => {
    const { identifier: _, ...withoutIdentifier } = statement;
    const bad = [
      withoutIdentifier,
      { ...statement, identifier: 3 },
      { ...statement, identifier: "train-3-0" },
      { ...statement, identifier: "train-3-../0-0" },
      { ...statement, identifier: "dev-3-0-0" },
      { ...statement, identifier: "train-3-1-0", sentence: null },
      { ...statement, identifier: "train-3-1-0", sentence: " \n" },
      { ...statement, identifier: "train-3-1-0", label: true },
      { ...statement, identifier: "train-3-1-0", label: "true" },
      [statement],
      "train-3-1-0",
      statement,
      { ...statement, label: "False" },
      { ...statement, right_url: "https://example.org/c.jpg" },
    ];
    const { scenes, ledger } = await readFiles({
      "nlvr2/train.json": `${jsonLines(statement, ...bad)}{"sentence": "half\n{"label": NaN}\n`,
    });
    expect(scenes).toHaveLength(1);
    expect(ledger).toEqual([
      "line 2  quarantined ANN_SHAPE",
      "line 3  quarantined ANN_SHAPE",
      "line 4  quarantined ANN_SHAPE",
      "line 5  quarantined ANN_SHAPE",
      "line 6 dev-3-0-0 quarantined ANN_CONFLICT",
      "line 7 train-3-1-0 quarantined ANN_SHAPE",
      "line 8 train-3-1-0 quarantined CAP_EMPTY",
      "line 9 train-3-1-0 quarantined ANN_SHAPE",
      "line 10 train-3-1-0 quarantined ANN_SHAPE",
      "line 11  quarantined ANN_SHAPE",
      "line 12  quarantined ANN_SHAPE",
      "line 13 train-3-0-0 excluded duplicate-of",
      "line 14 train-3-0-0 quarantined ANN_CONFLICT",
      "line 15 train-3-0-0 quarantined ANN_CONFLICT",
      "line 16  quarantined ANN_SYNTAX",
      "line 17  quarantined ANN_SYNTAX",
    ]);
  });

  it("reads a file with a byte order mark, Windows line ends and no last one", async () => {
    const lines = `\u{feff}${JSON.stringify(statement)}\r\n\r\n${JSON.stringify({ ...statement, identifier: "train-3-1-0" })}`;
    const { scenes, plan } = await readFiles({ "nlvr2/train.json": lines });
    expect(scenes).toHaveLength(2);
    expect(plan.counts).toEqual([expect.objectContaining({ read: 2, written: 2 })]);
  });

  it("keeps pictures whose addresses are no text, without them", async () => {
    const addresses = { left_url: null, right_url: 7 };
    const { scenes } = await readFiles({
      "nlvr2/train.json": jsonLines({ ...statement, ...addresses, directory: "x" }),
    });
    expect(scenes[0]?.draft.pictures.map(({ url, path }) => [url, path])).toEqual([
      [null, "nlvr2/images/train/train-3-0-img0.png"],
      [null, "nlvr2/images/train/train-3-0-img1.png"],
    ]);
  });

  it("is refused when a file is UTF-16 or empty, or none is there", async () => {
    const utf16 = Buffer.from(`\u{feff}${jsonLines(statement)}`, "utf16le");
    for (const [files, words] of [
      [{ "nlvr2/dev.json": utf16 }, "nlvr2/dev.json: is UTF-16"],
      [{ "nlvr2/dev.json": "" }, "nlvr2/dev.json: it has no records"],
      [{}, "has no file of NLVR2: looked for nlvr2/train.json, nlvr2/dev.json"],
    ] as const) {
      const error = await refusalOf(files);
      expect(error).toBeInstanceOf(SourceError);
      expect(String(error)).toContain(words);
    }
  });

  it("says which of the files that the recipe wants is not there", async () => {
    const { plan } = await readFiles(
      { "nlvr2/train.json": jsonLines(statement) },
      { splits: eachPart("train", "dev") },
    );
    expect([plan.partial, plan.unlisted.absentFiles]).toEqual([true, ["nlvr2/dev.json"]]);
    const wrongPart = await refusalOf({}, { splits: eachPart("train", "val") });
    expect(wrongPart).toBeInstanceOf(ConfigError);
  });
});
