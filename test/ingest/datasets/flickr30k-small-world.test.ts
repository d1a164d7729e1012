import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { flickr30k } from "../../../src/ingest/datasets/flickr30k.ts";
import { nlvr2 } from "../../../src/ingest/datasets/nlvr2.ts";
import { snliVe } from "../../../src/ingest/datasets/snli-ve.ts";
import { storePicture } from "../../../src/ingest/pictures/store-picture.ts";
import type { PlannedScene, Source } from "../../../src/ingest/source.ts";
import { DrawnWorld, type Leak, readJson, readTruth } from "../small-world/files.ts";
import type { TruePicture } from "../small-world/truth.ts";
import { allScenes, eachPart, ledgerLines, planOf } from "./flickr30k-folder.ts";

type Counts = Readonly<Record<string, Readonly<Record<string, number>>>>;

let world: DrawnWorld;
let truth: Map<string, TruePicture>;
let leaks: readonly Leak[];
let summary: { readonly pictures: Counts; readonly texts: Counts };
const scenes = new Map<string, readonly PlannedScene[]>();
const ledgers: string[] = [];

const cases: readonly (readonly [Source, readonly string[]])[] = [
  [flickr30k, ["train", "val", "test"]],
  [snliVe, ["train", "dev", "test"]],
  [nlvr2, ["train", "dev", "test1"]],
];

beforeAll(async () => {
  world = await DrawnWorld.draw(11, 0.1);
  truth = await readTruth(world.folder);
  ({ leaks } = await readJson<{ leaks: Leak[] }>(world.folder, "planted-leaks.json"));
  summary = await readJson<typeof summary>(world.folder, "small-world.json");
  for (const [source, parts] of cases) {
    const choice = { splits: eachPart(...parts), annotationsOnly: false };
    using plan = await planOf(source, world.folder, choice);
    scenes.set(source.dataset, await allScenes(plan));
    ledgers.push(...(await ledgerLines(plan)));
  }
});
afterAll(() => world[Symbol.asyncDispose]());

function ofSplit(dataset: string, split: string): readonly PlannedScene[] {
  return (scenes.get(dataset) ?? []).filter(({ draft }) => draft.split === split);
}

function picturesOf(dataset: string, split: string): PlannedScene["draft"]["pictures"] {
  return ofSplit(dataset, split).flatMap(({ draft }) => draft.pictures);
}

function ofKind(kind: string, dataset: string): readonly Leak[] {
  return leaks.filter((leak) => leak.kind === kind && leak.eval.dataset === dataset);
}

describe("The small world's Flickr30K, SNLI-VE and NLVR2", () => {
  it("are read whole: every picture and every text of every part", () => {
    expect(ledgers).toEqual([]);
    for (const [{ dataset }, parts] of cases) {
      for (const part of parts) {
        const ofPart = ofSplit(dataset, part);
        const numTexts = ofPart.reduce((sum, { draft }) => sum + draft.texts.length, 0);
        expect([dataset, part, numTexts]).toEqual([dataset, part, summary.texts[dataset]?.[part]]);
        if (dataset === "snli-ve") continue; // its pictures are Flickr30K's
        expect(picturesOf(dataset, part)).toHaveLength(summary.pictures[dataset]?.[part] ?? -1);
      }
    }
  });

  it("have the pictures where the truth says, in the parts it says", () => {
    const all = Array.from(scenes).flatMap(([dataset, ofDataset]) =>
      ofDataset.flatMap(({ draft: { split, pictures } }) =>
        // SNLI-VE's pictures are in parts of its own; the truth tells Flickr30K's.
        pictures.map(({ key, path }) => ({
          key,
          path,
          split: dataset === "snli-ve" ? null : split,
        })),
      ),
    );
    for (const { key, path, split } of all) {
      const expected = truth.get(key);
      expect([key, path, split ?? expected?.split]).toEqual([key, expected?.path, expected?.split]);
    }
  });

  it("have NLVR2's pictures stored for what they are, whatever their names say", async () => {
    const pictures = picturesOf("nlvr2", "dev");
    const policy = { shorterSide: 4096, jpegQuality: 90, maxPixels: 1e7 };
    const stored = await Promise.all(
      pictures.map((picture) => storePicture(picture, { sourceFolder: world.folder, policy })),
    );
    const firstBytes = await Promise.all(
      pictures.map(async ({ path }) =>
        (await readFile(join(world.folder, path))).toString("hex", 0, 2),
      ),
    );
    const isJpeg = firstBytes.map((bytes) => bytes === "ffd8");
    expect(pictures.every(({ path }) => path.endsWith(".png"))).toBe(true);
    expect(new Set(isJpeg)).toEqual(new Set([true, false]));
    expect(stored.map(({ sha256, sourceSha256 }) => sha256 === sourceSha256)).toEqual(isJpeg);
  });

  it("have every planted picture of SNLI-VE on both sides", () => {
    const planted = ofKind("same-key", "snli-ve");
    expect(planted.length).toBeGreaterThan(0);
    for (const { train, eval: evaluation } of planted) {
      for (const { dataset, split, key } of [train, evaluation]) {
        expect(picturesOf(dataset, split).map((picture) => picture.key)).toContain(key);
      }
    }
  });

  it("have every planted text with its label on both sides", () => {
    const planted = ofKind("text-with-label", "snli-ve");
    expect(planted.length).toBeGreaterThan(0);
    for (const { train, eval: evaluation } of planted) {
      const [a, b] = [train, evaluation].map(({ dataset, split, textId }) =>
        ofSplit(dataset, split)
          .flatMap(({ draft }) => draft.texts)
          .find(({ id }) => id === textId),
      );
      expect(a).toBeDefined();
      expect(a).toEqual(b);
      expect(a?.context).toMatch(/\.$/);
    }
  });

  it("have the Flickr photo of every planted picture of NLVR2", () => {
    const planted = leaks.filter(
      ({ kind, train }) => kind === "same-flickr-photo" && train.dataset === "nlvr2",
    );
    expect(planted.length).toBeGreaterThan(0);
    for (const { train, eval: evaluation } of planted) {
      const find = ({ dataset, split, key }: typeof train): string | null | undefined =>
        picturesOf(dataset, split).find((picture) => picture.key === key)?.flickrPhotoId;
      expect(find(train)).toBe(find(evaluation));
      expect(evaluation.key).toBe(`flickr30k:${find(train)}`);
    }
  });
});
