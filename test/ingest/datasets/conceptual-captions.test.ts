import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { SourceError } from "../../../src/core/errors.ts";
import { conceptualCaptions } from "../../../src/ingest/datasets/conceptual-captions.ts";
import type { SourceOptions, SourcePlan } from "../../../src/ingest/source.ts";
import { drawPicture, everything } from "../coco-folder.ts";
import {
  allScenes,
  eachPart,
  folderWith,
  planOf,
  realFile,
  type SourceFolder,
} from "./flickr30k-folder.ts";
import {
  fetchedName,
  IMAGE_LABELS,
  realConceptualCaptions,
  TRAINING,
  VALIDATION,
} from "./web-and-film-folders.ts";

const bothParts = eachPart("training", "validation");

function planned({ path }: SourceFolder, choice: Partial<SourceOptions> = {}): Promise<SourcePlan> {
  return planOf(conceptualCaptions, path, { splits: bothParts, ...choice });
}

/** The rows of the ledger as "place reason: evidence". */
async function faultsOf(training: string | Uint8Array): Promise<string[]> {
  await using folder = await folderWith({ [TRAINING]: training });
  using plan = await planned(folder);
  const ledger = await Array.fromAsync(plan.ledger());
  expect(plan.counts.map(({ read, written }) => read - written)).toEqual([ledger.length]);
  return ledger.map(({ record, reason, evidence }) => `${record} ${reason}: ${evidence}`);
}

describe("The real lines of Conceptual Captions", () => {
  it("are 10,000 of the validation and 5 of the training, a scene each, 33 of them from Flickr", async () => {
    await using folder = await folderWith(await realConceptualCaptions());
    using plan = await planned(folder);
    expect(plan.counts.map(({ file, read, written }) => [file, read, written])).toEqual([
      [VALIDATION, 10_000, 10_000],
      [TRAINING, 5, 5],
    ]);
    expect(plan.splits.map(({ numScenes, numTexts }) => [numScenes, numTexts])).toEqual([
      [5, 5],
      [10_000, 10_000],
    ]);
    const pictures = (await allScenes(plan)).flatMap(({ draft }) => draft.pictures);
    const ofFlickr = pictures.filter(({ flickrPhotoId }) => flickrPhotoId !== null);
    expect(pictures.filter(({ url }) => url?.includes("flickr")).length).toBe(33);
    expect(ofFlickr.length).toBe(33);
    expect(ofFlickr[0]).toMatchObject({
      url: "https://c1.staticflickr.com/5/4083/5014630468_dfb5f186f4_b.jpg",
      flickrPhotoId: "5014630468",
    });
  });

  it("keep their captions as published, and keys by the sha256 of their URLs", async () => {
    await using folder = await folderWith(await realConceptualCaptions());
    using plan = await planned(folder);
    const [scene] = await allScenes(plan);
    const url =
      "http://lh6.ggpht.com/-IvRtNLNcG8o/TpFyrudaT6I/AAAAAAAAM6o/_11MuAAKalQ/IMG_3422.JPG?imgmax=800";
    const digest = createHash("sha256").update(url).digest("hex");
    expect(scene?.draft).toEqual({
      sceneKey: `cc3m:${digest}`,
      split: "training",
      pictures: [
        {
          key: `cc3m:${digest}`,
          path: `cc3m/pictures/${digest.slice(0, 2)}/${digest}`,
          url,
          flickrPhotoId: null,
          license: null,
          linkedKeys: [],
        },
      ],
      texts: [
        {
          id: "training-1",
          kind: "caption",
          text: "a very typical bus station",
          label: null,
          answers: [],
          choices: [],
          box: null,
          context: null,
        },
      ],
    });
  });

  it("with labels by a machine are left unread, with a word: six lines of five columns", async () => {
    const name = "Image_Labels_Subset_Train_GCC-Labels-training.first6.tsv";
    const real = await realConceptualCaptions();
    const labels = await realFile("conceptual_captions", name);
    const lines = labels.toString().trimEnd().split("\n");
    expect(lines.map((line) => line.split("\t").length)).toEqual([5, 5, 5, 5, 5, 5]);
    await using folder = await folderWith({ ...real, [IMAGE_LABELS]: labels });
    const said: string[] = [];
    const progress = { report: () => {}, say: (message: string) => said.push(message) };
    using plan = await planned(folder, { progress });
    expect(plan.files.map(({ file }) => file)).toEqual([VALIDATION, TRAINING]);
    expect(said).toEqual([
      `${IMAGE_LABELS} is left unread: it repeats captions and adds labels by a machine`,
    ]);
  });

  it("are read gzipped, as they lie in the real data", async () => {
    const { [VALIDATION]: validation = "" } = await realConceptualCaptions();
    await using folder = await folderWith({ [`${VALIDATION}.gz`]: gzipSync(validation) });
    using plan = await planned(folder);
    expect(plan.counts[0]).toMatchObject({ file: `${VALIDATION}.gz`, written: 10_000 });
    expect([plan.partial, plan.unlisted.absentFiles]).toEqual([true, [TRAINING]]);
  });
});

describe("Lines of Conceptual Captions", () => {
  it("of one URL are one scene with all its captions", async () => {
    const url = "http://example.org/a.jpg?size=2&name=x y";
    await using folder = await folderWith({
      [TRAINING]: `one\t${url}\ntwo\thttp://example.org/b\nthree\t${url}\none\t${url}\n`,
    });
    using plan = await planned(folder);
    const scenes = await allScenes(plan);
    expect(scenes.map(({ draft }) => draft.texts.map(({ id, text }) => `${id} ${text}`))).toEqual([
      ["training-1 one", "training-3 three", "training-4 one"],
      ["training-2 two"],
    ]);
  });

  it("of one URL with another query are two scenes", async () => {
    const url = "http://example.org/image?id=";
    await using folder = await folderWith({ [TRAINING]: `one\t${url}1\ntwo\t${url}2\n` });
    using plan = await planned(folder);
    expect(plan.splits[0]?.numScenes).toBe(2);
  });

  it("have no quoting: a quotation mark is a letter like any other", async () => {
    const captions = ['"a quotation', 'the " mark', '""', 'ends with "'];
    const lines = captions.map((caption, n) => `${caption}\thttp://example.org/${n}\n`);
    await using folder = await folderWith({ [TRAINING]: lines.join("") });
    using plan = await planned(folder);
    const scenes = await allScenes(plan);
    expect(scenes.map(({ draft }) => draft.texts[0]?.text)).toEqual(captions);
  });

  it("in both files are of the validation, unless both go to one split", async () => {
    const line = "one\thttp://example.org/1\n";
    await using folder = await folderWith({
      [TRAINING]: `another\thttp://example.org/1\n`,
      [VALIDATION]: line,
    });
    using plan = await planned(folder);
    expect(plan.splits.map(({ numScenes }) => numScenes)).toEqual([0, 1]);
    const [entry] = await Array.fromAsync(plan.ledger());
    expect(entry).toMatchObject({ file: TRAINING, reason: "ANN_CONFLICT" });
    expect(entry?.evidence).toContain("its picture is in two parts");
    using together = await planned(folder, { splits: everything });
    const [scene] = await allScenes(together);
    expect(scene?.draft.texts.map(({ text }) => text)).toEqual(["one", "another"]);
  });

  it.each([
    ["no tab", "just a caption", 'ANN_SHAPE: has no tab: "just a caption"'],
    ["nothing on it", "", 'ANN_SHAPE: has no tab: ""'],
    [
      "three columns",
      "a\thttp://b.org/c\td",
      "ANN_SHAPE: has 3 columns; expected a caption and a URL",
    ],
    ["five columns", "a\thttp://b.org/c\td\te\tf", "ANN_SHAPE: has 5 columns"],
    ["no URL", "a\t", 'ANN_SHAPE: its second column is ""; expected a URL'],
    ["another scheme", "a\tfile:///etc/passwd", "ANN_SHAPE: its second column is"],
    ["the columns changed", "http://b.org/c\ta", 'ANN_SHAPE: its second column is "a"'],
    ["no caption", "\thttp://b.org/c", "CAP_EMPTY: it has no visible character"],
    ["an invisible caption", "\u200b \u00a0\thttp://b.org/c", "CAP_EMPTY"],
    ["a long caption", `${"a ".repeat(5001)}\thttp://b.org/c`, "CAP_TOO_LONG: 10002 characters"],
  ])("with %s are quarantined", async (_, line, expected) => {
    const faults = await faultsOf(`good\thttp://b.org/1\n${line}\nalso good\thttp://b.org/2\n`);
    expect(faults).toEqual([expect.stringContaining(`line 2 ${expected}`)]);
  });

  it("that are not UTF-8 are quarantined", async () => {
    const bad = Buffer.from("caf\xe9\thttp://b.org/1\ngood\thttp://b.org/2\n", "latin1");
    expect(await faultsOf(bad)).toEqual(["line 1 ANN_SYNTAX: is not UTF-8"]);
  });

  it("stop a strict preparation when they are faulty", async () => {
    await using folder = await folderWith({ [TRAINING]: "good\thttp://b.org/1\nbad\n" });
    await expect(planned(folder, { strict: true })).rejects.toThrow(
      `${TRAINING} line 2: ANN_SHAPE`,
    );
  });

  it("find their pictures by the sha256 of the URL, in any of three places, with any ending", async () => {
    const urls = ["a", "b", "c", "d"].map((name) => `http://example.org/${name}`);
    const [first = "", second = "", third = ""] = urls.map(fetchedName);
    const picture = await drawPicture(1);
    await using folder = await folderWith({
      [TRAINING]: urls.map((url) => `caption\t${url}\n`).join(""),
      [`cc3m/pictures/${first}.png`]: picture,
      [`cc3m/training/${second.slice(3)}.jpg`]: picture,
      [`cc3m/validation/${third.slice(3)}.webp`]: picture,
    });
    using plan = await planned(folder, { annotationsOnly: false });
    const scenes = await allScenes(plan);
    expect(scenes.map(({ draft }) => draft.pictures[0]?.path)).toEqual([
      `cc3m/pictures/${first}.png`,
      `cc3m/training/${second.slice(3)}.jpg`,
      `cc3m/validation/${third.slice(3)}.webp`,
    ]);
    expect(plan.missing.numPictures).toBe(1);
  });

  it("are missed with where they are offered", async () => {
    await using folder = await folderWith({});
    await expect(planned(folder)).rejects.toThrow(SourceError);
    await expect(planned(folder)).rejects.toThrow("has no file of Conceptual Captions");
  });
});
