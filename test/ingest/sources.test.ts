import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ConfigError } from "../../src/core/errors.ts";
import { silentProgress } from "../../src/core/progress.ts";
import { captions } from "../../src/ingest/datasets/captions.ts";
import { coco } from "../../src/ingest/datasets/coco.ts";
import { conceptualCaptions } from "../../src/ingest/datasets/conceptual-captions.ts";
import { flickr30k } from "../../src/ingest/datasets/flickr30k.ts";
import { nlvr2 } from "../../src/ingest/datasets/nlvr2.ts";
import { refcoco, refcocog, refcocoPlus } from "../../src/ingest/datasets/refcoco.ts";
import { sbu } from "../../src/ingest/datasets/sbu.ts";
import { snliVe } from "../../src/ingest/datasets/snli-ve.ts";
import { vcr } from "../../src/ingest/datasets/vcr.ts";
import { visualGenome } from "../../src/ingest/datasets/visual-genome.ts";
import { vqa2 } from "../../src/ingest/datasets/vqa2.ts";
import { writeSmallWorld } from "../../src/ingest/small-world/small-world.ts";
import type { SourceSplit } from "../../src/ingest/source.ts";
import { sourceOf, sources } from "../../src/ingest/sources.ts";
import { checkExclusionContract } from "../contracts/exclusion-contract.ts";
import { checkSourceContract, type SourceCase } from "../contracts/source-contract.ts";
import { layOutRealCoco } from "../real-data.ts";
import { everything, karpathySplits } from "./coco-folder.ts";
import { layOutCaptions } from "./datasets/captions-folder.ts";
import {
  layOutESnliVe,
  layOutFlickr30k,
  layOutNlvr2,
  layOutSnliVe,
} from "./datasets/flickr30k-folder.ts";
import { layOutRefcoco } from "./datasets/refcoco-folder.ts";
import { layOutConceptualCaptions, layOutSbu, layOutVcr } from "./datasets/web-and-film-folders.ts";
import { butdSplits, layOutRealGenome } from "./datasets/visual-genome-folder.ts";
import { layOutRealVqa2 } from "./datasets/vqa2-folder.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "crossweave-sources-"));
  const { signal } = new AbortController();
  const options = { seed: 7, scale: 0.1, progress: silentProgress, signal };
  await writeSmallWorld(join(folder, SMALL_WORLD), options);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const SMALL_WORLD = "small-world";

interface Row extends Omit<SourceCase, "folder"> {
  readonly name: string;
  /** Fills a folder with the case's files; without it the case is read from the small world. */
  readonly layOut?: (folder: string) => Promise<void>;
}

/** One row for each way a dataset comes. */
const cases: readonly Row[] = [
  {
    name: "COCO by Karpathy's split",
    source: coco,
    splits: karpathySplits,
    layOut: layOutRealCoco,
  },
  { name: "COCO in one split", source: coco, splits: everything, layOut: layOutRealCoco },
  {
    name: "Flickr30K of the small world",
    source: flickr30k,
    splits: eachPart("train", "val", "test"),
  },
  { name: "Flickr30K in one split", source: flickr30k, splits: everything },
  {
    name: "Flickr8K's real captions by Flickr30K's Entities split",
    source: flickr30k,
    splits: eachPart("train", "val", "test"),
    layOut: layOutFlickr30k,
    choice: { annotationsOnly: true, publishedSplit: "Entities split" },
  },
  {
    name: "NLVR2's real dev and test1",
    source: nlvr2,
    splits: eachPart("dev", "test1"),
    layOut: layOutNlvr2,
    choice: { annotationsOnly: true },
  },
  { name: "NLVR2 of the small world", source: nlvr2, splits: eachPart("train", "dev", "test1") },
  { name: "NLVR2 in one split", source: nlvr2, splits: everything },
  {
    name: "Visual Genome by bottom-up attention's split",
    source: visualGenome,
    splits: butdSplits,
    layOut: layOutRealGenome,
    choice: { annotationsOnly: true },
  },
  { name: "Visual Genome in one split", source: visualGenome, splits: everything },
  {
    name: "Regions of Visual Genome alone",
    source: visualGenome,
    splits: everything,
    choice: { textKinds: ["region-description"] },
  },
  { name: "VQA v2 of the small world", source: vqa2, splits: eachPart("train", "val", "test") },
  {
    name: "VQA v2's test-dev",
    source: vqa2,
    splits: eachPart("test-dev"),
    choice: { publishedSplit: "test-dev" },
  },
  {
    name: "VQA v2's real files",
    source: vqa2,
    splits: eachPart("train", "val"),
    layOut: layOutRealVqa2,
    choice: { annotationsOnly: true },
  },
  {
    name: "SNLI-VE's real samples",
    source: snliVe,
    splits: eachPart("train", "dev"),
    layOut: layOutSnliVe,
    choice: { annotationsOnly: true },
  },
  {
    name: "e-SNLI-VE's real dev by the Entities split",
    source: snliVe,
    splits: eachPart("train", "val"),
    layOut: layOutESnliVe,
    choice: { annotationsOnly: true, publishedSplit: "Entities split" },
  },
  { name: "SNLI-VE in one split", source: snliVe, splits: everything },
  { name: "SNLI-VE of the small world", source: snliVe, splits: eachPart("train", "dev", "test") },
  {
    name: "Conceptual Captions' real lines",
    source: conceptualCaptions,
    splits: eachPart("training", "validation"),
    layOut: layOutConceptualCaptions,
  },
  {
    name: "Conceptual Captions in one split",
    source: conceptualCaptions,
    splits: everything,
    layOut: layOutConceptualCaptions,
  },
  { name: "SBU's real entries", source: sbu, splits: everything, layOut: layOutSbu },
  {
    name: "VCR's real records",
    source: vcr,
    splits: eachPart("train", "val", "test"),
    layOut: layOutVcr,
  },
  { name: "VCR in one split", source: vcr, splits: everything, layOut: layOutVcr },
  {
    name: "RefCOCO by its own parts",
    source: refcoco,
    splits: eachPart("train", "val", "testA", "testB"),
    layOut: (to) => layOutRefcoco(to, "refcoco/refcoco/refs(unc).p"),
  },
  {
    name: "RefCOCO+ in one split",
    source: refcocoPlus,
    splits: everything,
    layOut: (to) => layOutRefcoco(to, "refcoco/refcoco+/refs(unc).p"),
  },
  {
    name: "RefCOCOg by its own parts",
    source: refcocog,
    splits: eachPart("train", "val", "test"),
    layOut: (to) => layOutRefcoco(to, "refcoco/refcocog/refs(umd).p"),
  },
  {
    name: "Folders of one's own",
    source: captions,
    splits: eachPart("train", "val", "test"),
    layOut: layOutCaptions,
  },
  {
    name: "Folders of one's own in one split",
    source: captions,
    splits: everything,
    layOut: layOutCaptions,
  },
];

/** A split for each part, the first of them to be trained on. */
function eachPart(...parts: readonly string[]): readonly SourceSplit[] {
  return parts.map((part, index) => {
    return { name: part, role: index === 0 ? "train" : "eval", parts: [part] };
  });
}

async function folderOf({ layOut, source }: Row): Promise<string> {
  if (layOut === undefined) return join(folder, SMALL_WORLD);
  const ofCase = await mkdtemp(join(folder, `${source.dataset}-`));
  await layOut(join(ofCase, "source"));
  return join(ofCase, "source");
}

describe("Every source", () => {
  it.each(cases)("keeps the contract: $name", async (row) => {
    const checked = checkSourceContract({ ...row, folder: await folderOf(row) });
    await expect(checked).resolves.toBeUndefined();
  });

  // Sources of which the small world has a row need not be planned five times from large files.
  const isLarge = /^(?:Flickr8K's|NLVR2's|e-SNLI-VE's) real|^Conceptual Captions' real/;
  const small = cases.filter(({ name }) => !isLarge.test(name));
  it.each(small)("trains on no protected picture: $name", async (row) => {
    const told = await checkExclusionContract({ ...row, folder: await folderOf(row) });
    expect(told).toContain("same-key");
  });

  it.each([
    ["COCO in one split", ["same-key", "same-flickr-photo"]],
    ["Visual Genome in one split", ["same-key", "linked-key", "same-flickr-photo"]],
    ["Flickr30K in one split", ["same-key", "same-flickr-photo"]],
    ["NLVR2 in one split", ["same-key", "same-flickr-photo", "same-url"]],
    ["SNLI-VE in one split", ["same-key", "same-flickr-photo"]],
    ["SBU's real entries", ["same-key", "same-flickr-photo"]],
    ["VQA v2 of the small world", ["same-key"]],
    [
      "Folders of one's own in one split",
      ["same-key", "linked-key", "same-flickr-photo", "same-url"],
    ],
  ])("tells what its publisher does of who a picture is: %s", async (name, identities) => {
    const row = cases.find((one) => one.name === name);
    if (row === undefined) throw new Error(`there is no row ${name}`);
    const told = await checkExclusionContract({ ...row, folder: await folderOf(row) });
    expect(told).toEqual(identities);
  });

  it("has a row in the contract test", () => {
    const tested = new Set(cases.map(({ source }) => source.dataset));
    expect(sources.map(({ dataset }) => dataset).filter((name) => !tested.has(name))).toEqual([]);
  });

  it("is found by its name", () => {
    expect(sourceOf("coco")).toBe(coco);
    expect(() => sourceOf("mnist")).toThrow(ConfigError);
  });
});
