import { copyFile, mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { LedgerEntry } from "../../../src/core/records.ts";
import { silentProgress } from "../../../src/core/progress.ts";
import { readDatasetManifest } from "../../../src/ingest/dataset-manifest.ts";
import { cocoIdOfName } from "../../../src/ingest/datasets/coco-pictures.ts";
import { type LeakPolicy, readLeakPolicy } from "../../../src/ingest/exclusion/leak-policy.ts";
import { exclusionRules, type PolicyRules } from "../../../src/ingest/exclusion/policy-rules.ts";
import { ProtectedTokens } from "../../../src/ingest/exclusion/protected-tokens.ts";
import { listPictures } from "../../../src/ingest/list-pictures.ts";
import { readPublishedSplit } from "../../../src/ingest/published-split.ts";
import type { ListedPicture, SourcePlan } from "../../../src/ingest/source.ts";
import { sourceOf } from "../../../src/ingest/sources.ts";
import { linkRealData } from "../../linked-real-data.ts";
import { realData } from "../../real-data.ts";
import { planOptions } from "../plan-options.ts";

// The real files whose overlaps shared/data/overlap counts.
const compared = ["coco/", "karpathy/", "flickr30k/", "nlvr2/"];

let folder = "";
let eightThousand = "";
let rules: PolicyRules;
let coco: SourcePlan;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "crossweave-overlap-"));
  await linkRealData(folder, compared);
  eightThousand = join(folder, "flickr8k");
  await copyTo(
    eightThousand,
    "flickr8k/Flickr8k.token.txt.gz",
    "flickr30k/results_20130124.token.gz",
  );
  rules = await rulesOf(folder);
  coco = await trainedOn("coco", rules);
});

afterAll(async () => {
  coco[Symbol.dispose]();
  await rm(folder, { recursive: true, force: true });
});

async function copyTo(target: string, from: string, to: string): Promise<void> {
  const path = join(target, to);
  await mkdir(dirname(path), { recursive: true });
  await copyFile(realData(from), path);
}

/** The one rule of UNITER's policy that overlap/ has counted: no picture of Flickr30K. */
async function rulesOf(source: string): Promise<PolicyRules> {
  const uniter = await readLeakPolicy("uniter");
  const protects = uniter.protects.filter(({ dataset }) => dataset === "flickr30k");
  const policy: LeakPolicy = { ...uniter, protects };
  const options = { folder: source, listPictures, allowMissing: false, progress: silentProgress };
  return exclusionRules(policy, options);
}

/** A dataset with all of its parts in splits that are trained on. */
async function trainedOn(dataset: string, exclusions: PolicyRules): Promise<SourcePlan> {
  const { splits } = await readDatasetManifest(dataset);
  return sourceOf(dataset).plan({
    ...planOptions(folder),
    splits: splits[0]?.parts.map(({ name }) => ({ name, role: "train", parts: [name] })) ?? [],
    exclusions,
    annotationsOnly: true,
  });
}

async function excludedOf(plan: SourcePlan, kind: string): Promise<LedgerEntry[]> {
  const entries = await Array.fromAsync(plan.ledger());
  return entries.filter((entry) => entry.kind === kind && entry.reason === "same-flickr-photo");
}

async function rowsOf(path: string): Promise<string[][]> {
  const text = await readFile(realData(path), "utf8");
  return text
    .trim()
    .split(/\r?\n/)
    .map((line) => line.split("\t"));
}

type Counts = Readonly<Record<string, number>>;

interface ExpectedCounts {
  readonly coco: Readonly<Record<string, { readonly karpathy_split: Counts }>>;
  readonly coco_and_flickr30k_by_photo_id: Readonly<Record<string, Counts | number>>;
  readonly coco_and_flickr30k_by_md5: Readonly<Record<string, Counts | number>>;
  readonly coco_and_flickr8k_by_photo_id: readonly number[];
}

async function expectedCounts(): Promise<ExpectedCounts> {
  return JSON.parse(await readFile(realData("overlap/expected_counts.json"), "utf8"));
}

/** COCO's Karpathy part of each picture id. */
async function karpathyParts(): Promise<ReadonlyMap<string, { readonly part: string }>> {
  const [split] = (await readDatasetManifest("coco")).splits;
  if (split === undefined) throw new Error("COCO has a split");
  const options = { sourceFolder: folder, split, idOfName: cocoIdOfName };
  return (await readPublishedSplit(options)).partOf;
}

function countedBy<T>(items: readonly T[], nameOf: (item: T) => string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const item of items) counts[nameOf(item)] = (counts[nameOf(item)] ?? 0) + 1;
  return counts;
}

/** How many of these pictures have each address that one of the others has. */
function addressesIn(
  pictures: readonly ListedPicture[] = [],
  others: readonly ListedPicture[] = [],
): Record<string, number> {
  const tokens = new ProtectedTokens(["same-key", "same-url"]);
  for (const other of others) tokens.protect(other, "the other part");
  const found = pictures.flatMap((picture) => tokens.match(picture) ?? []);
  expect(found.every(({ rule }) => rule === "same-url")).toBe(true);
  return countedBy(found, ({ evidence }) => evidence.split(" is nlvr2:")[0] ?? "");
}

describe("Of the real files", () => {
  it("all 31,783 pictures of Flickr30K are protected, though only lists of them are there", () => {
    expect(rules).toMatchObject({ numProtected: 31_783, absent: [] });
  });

  it("four caption files list 9,260 pictures of COCO, 617 of them in two of the files", async () => {
    const listed = Array.from(coco.pictures()).filter(({ isUnlisted }) => !isUnlisted);
    expect(listed).toHaveLength(9260);
    expect(listed.every(({ flickrPhotoId }) => flickrPhotoId !== null)).toBe(true);
    const [subset, , , , whole] = coco.counts;
    expect(subset).toMatchObject({ kind: "image", read: 4800 });
    expect(coco.counts.map(({ kind, read }) => [kind, read])).toEqual([
      ["image", 4800],
      ["caption", 24_019],
      ["image", 80],
      ["caption", 400],
      ["image", 5000],
      ["caption", 25_014],
    ]);
    expect(whole?.file).toBe("coco/annotations/captions_val2017.json.gz");
    const entries = await Array.fromAsync(coco.ledger());
    const doubles = entries.filter(
      ({ file, kind, reason }) =>
        file === whole?.file && kind === "image" && reason === "duplicate-of",
    );
    const inSubset = doubles.filter(({ evidence }) => evidence.includes("val2014"));
    expect(inSubset).toHaveLength(617);
  });

  it("nine pictures of COCO are Flickr30K's by their Flickr photo, each with its place", async () => {
    const excluded = await excludedOf(coco, "image");
    const [, ...rows] = await rowsOf("overlap/coco_flickr30k_url_overlap.tsv");
    expect(new Set(excluded.map(({ id }) => id))).toEqual(new Set(rows.map(([id]) => id)));
    expect(excluded).toHaveLength(9);
    const parts = await karpathyParts();
    for (const [id = "", photo = "", part, flickrPart, , url = ""] of rows) {
      const entry = excluded.find((one) => one.id === id);
      expect(parts.get(id)?.part).toBe(part);
      expect(url).toContain(`/${photo}_`);
      expect(entry?.evidence).toMatch(
        new RegExp(
          `^Flickr photo ${photo} is flickr30k:${photo} in the ${flickrPart} part of flickr30k, Karpathy split \\(karpathy/flickr30k_${flickrPart}\\.txt line \\d+\\)$`,
        ),
      );
    }
    const counts = { images: 9, by_flickr30k_karpathy_split: { train: 9 } };
    expect({
      ...counts,
      by_coco_karpathy_split: countedBy(excluded, ({ id }) => parts.get(id)?.part ?? "none"),
    }).toEqual((await expectedCounts()).coco_and_flickr30k_by_photo_id);
    // Their captions go with them.
    const captions = await excludedOf(coco, "caption");
    expect(captions).toHaveLength(45);
  });

  it("one of the nine is Flickr8k's as well", async () => {
    const flickr8k = await rulesOf(eightThousand);
    expect(flickr8k.numProtected).toBe(8092);
    using plan = await trainedOn("coco", flickr8k);
    const excluded = await excludedOf(plan, "image");
    expect(excluded.map(({ id }) => Number(id))).toEqual(
      (await expectedCounts()).coco_and_flickr8k_by_photo_id,
    );
  });

  it("one pair of NLVR2, with two statements, has a photo of Flickr30K's train", async () => {
    using plan = await trainedOn("nlvr2", rules);
    const excluded = await excludedOf(plan, "statement");
    const [, ...rows] = await rowsOf("overlap/nlvr2_flickr30k_url_overlap.tsv");
    expect(excluded.map(({ id }) => id)).toEqual(rows.map(([, id]) => id));
    for (const { evidence } of excluded) expect(evidence).toContain("the train part of flickr30k");
  });

  it("62 pairs of NLVR2's dev and test1 have one address, 66 when it is spelled alike", async () => {
    const options = { folder, progress: silentProgress };
    const pictures = await Array.fromAsync(listPictures("nlvr2", options));
    const [dev, test1] = ["dev", "test1"].map((part) =>
      pictures.filter((picture) => picture.part === part),
    );
    const urls = countedBy(test1 ?? [], ({ url }) => url ?? "");
    const exact = dev?.map(({ url }) => urls[url ?? ""] ?? 0) ?? [];
    expect(exact.reduce((sum, count) => sum + count, 0)).toBe(62);
    const inBoth = [addressesIn(dev, test1), addressesIn(test1, dev)] as const;
    const numPairs = Object.entries(inBoth[0]).map(([address, count]) => {
      return count * (inBoth[1][address] ?? Number.NaN);
    });
    expect(numPairs.reduce((sum, count) => sum + count, 0)).toBe(66);
  });

  it("22 pictures of COCO have the bytes of one of Flickr30K, which no annotation tells", async () => {
    const names = (await rowsOf("overlap/coco_flickr30k_md5_duplicates.txt")).flat();
    const ids = names.map((name) => cocoIdOfName(name) ?? "");
    const parts = await karpathyParts();
    expect({
      images: ids.length,
      by_coco_karpathy_split: countedBy(ids, (id) => parts.get(id)?.part ?? "none"),
    }).toEqual((await expectedCounts()).coco_and_flickr30k_by_md5);
    const excluded = new Set((await excludedOf(coco, "image")).map(({ id }) => id));
    expect(ids.filter((id) => excluded.has(id))).toEqual([]);
  });

  it("captions_val2017 and the subset of val2014 fall into Karpathy's parts as counted", async () => {
    const parts = await karpathyParts();
    const partsIn = (ids: readonly string[]): Counts =>
      countedBy(ids, (id) => parts.get(id)?.part ?? "none");
    const listed = Array.from(coco.pictures()).filter(({ isUnlisted }) => !isUnlisted);
    const subset = listed.filter(({ evidence }) => evidence.includes("val2014"));
    const { coco: counted } = await expectedCounts();
    expect(partsIn(subset.map(({ key }) => key.slice("coco:".length)))).toEqual(
      counted["captions_val2014.subset4800"]?.karpathy_split,
    );
    const file = "coco/annotations/captions_val2017.json.gz";
    const ledger = await Array.fromAsync(coco.ledger());
    const doubles = ledger.filter((entry) => entry.file === file && entry.kind === "image");
    const others = listed.filter(({ evidence }) => evidence.startsWith(`${file}#`));
    const ids = [...doubles.map(({ id }) => id), ...others.map(({ key }) => key.slice(5))];
    expect(new Set(ids).size).toBe(5000);
    expect(partsIn([...new Set(ids)])).toEqual(counted["captions_val2017"]?.karpathy_split);
  });
});
