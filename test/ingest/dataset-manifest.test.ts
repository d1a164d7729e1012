import { describe, expect, it } from "vitest";
import {
  compareIds,
  type DatasetManifest,
  digestOfIds,
  type ExpectedPart,
  manifestNames,
  readDatasetManifest,
} from "../../src/ingest/dataset-manifest.ts";
import { fetchableDatasets, readDownloads } from "../../src/ingest/fetch/download-manifest.ts";
import { readRecipe } from "../../src/ingest/recipe.ts";
import { sources } from "../../src/ingest/sources.ts";

function sum(numbers: readonly (number | undefined)[]): number {
  return numbers.reduce<number>((total, number) => total + (number ?? Number.NaN), 0);
}

async function manifests(): Promise<DatasetManifest[]> {
  return Promise.all((await manifestNames()).map(readDatasetManifest));
}

/** Those of datasets that somebody offers; the user's own have no release. */
async function publishedManifests(): Promise<DatasetManifest[]> {
  return (await manifests()).filter(({ releases }) => releases.length > 0);
}

/** Of a split, its first when it is not named, one number of each part. */
async function partsOf(
  dataset: string,
  number: "scenes" | "texts",
  name?: string,
): Promise<ExpectedPart["scenes"][]> {
  const { splits } = await readDatasetManifest(dataset);
  const split = splits.find((one) => one.name === (name ?? one.name));
  return split?.parts.map((part) => part[number]) ?? [];
}

/** The large numbers of a recipe's summary that its dataset's manifest does not have. */
async function unknownNumbers(recipe: string, dataset: string): Promise<string[]> {
  const { summary } = await readRecipe(recipe);
  const numbers = [...(await partsOf(dataset, "texts")), ...(await partsOf(dataset, "scenes"))];
  const known = new Set(numbers.map((number) => (number ?? 0).toLocaleString("en")));
  return (summary.match(/\d{1,3}(?:,\d{3})+/g) ?? []).filter((number) => !known.has(number));
}

describe("The manifests", () => {
  it("are there for every dataset that can be prepared, under its own name", async () => {
    const names = await manifestNames();
    expect(names).toEqual(sources.map(({ dataset }) => dataset).toSorted());
    expect((await manifests()).map(({ dataset }) => dataset)).toEqual(names);
  });

  it("are of published datasets but for the user's own", async () => {
    const published = new Set((await publishedManifests()).map(({ dataset }) => dataset));
    expect((await manifestNames()).filter((name) => !published.has(name))).toEqual(["captions"]);
  });

  it("have beside them how each published dataset is fetched", async () => {
    const published = await publishedManifests();
    expect(await fetchableDatasets()).toEqual(published.map(({ dataset }) => dataset));
    for (const { dataset, releases } of published) {
      const { downloads, byHand } = await readDownloads(dataset);
      const folders = downloads.flatMap(({ unpack }) => (unpack === undefined ? [] : [unpack.to]));
      const got = new Set([
        ...downloads.map(({ to }) => to),
        ...byHand.flatMap(({ files }) => files),
      ]);
      // One release at least can be had whole: what is not got as it is is in an archive.
      const isGot = ({ path }: { readonly path: string }): boolean =>
        ["", ".gz", ".zip"].some((suffix) => got.has(`${path}${suffix}`)) ||
        folders.some((folder) => path.startsWith(`${folder}/`));
      const whole = releases.filter(({ files }) => files.every(isGot));
      expect([dataset, whole.length > 0]).toEqual([dataset, true]);
    }
  });

  it("name paths below the source folder, each with where it is offered", async () => {
    for (const { dataset, releases, pictures, splits } of await publishedManifests()) {
      const paths = [
        ...releases.flatMap(({ files }) => files.map(({ path }) => path)),
        ...pictures.map(({ folder }) => folder),
        ...splits.flatMap(({ json = "a", parts }) => [
          json,
          ...parts.map(({ list = "a" }) => list),
        ]),
      ];
      for (const path of paths) {
        const isBelow = /^[\w+()-][\w+().-]*(?:\/[\w+()-][\w+().-]*)*$/.test(path);
        expect([dataset, path, isBelow]).toEqual([dataset, path, true]);
      }
      expect([dataset, releases.length > 0, pictures.length > 0]).toEqual([dataset, true, true]);
      expect([dataset, splits.length > 0]).toEqual([dataset, true]);
    }
  });

  it("have parts of distinct names, and of splits from lists where these are offered", async () => {
    for (const { dataset, splits } of await manifests()) {
      for (const { name, json, parts, offeredAt } of splits) {
        const names = parts.map((part) => part.name);
        expect([dataset, name, new Set(names).size]).toEqual([dataset, name, names.length]);
        const isListed = json !== undefined || parts.some(({ list }) => list !== undefined);
        expect([dataset, name, isListed && offeredAt === undefined]).toEqual([
          dataset,
          name,
          false,
        ]);
      }
    }
  });

  it("digest ids of kinds that they count", async () => {
    for (const { dataset, releases } of await manifests()) {
      for (const { path, records = {}, idsSha256 = {} } of releases.flatMap(({ files }) => files)) {
        const uncounted = Object.keys(idsSha256).filter((kind) => records[kind] === undefined);
        expect([dataset, path, uncounted]).toEqual([dataset, path, []]);
      }
    }
  });
});

describe("The published counts", () => {
  it("of COCO: parts and releases hold the same images and captions", async () => {
    const manifest = await readDatasetManifest("coco");
    expect(await partsOf("coco", "scenes")).toEqual([82_783, 30_504, 5000, 5000]);
    expect(sum(await partsOf("coco", "scenes"))).toBe(123_287);
    expect(sum(await partsOf("coco", "texts"))).toBe(616_767);
    for (const { files } of manifest.releases) {
      expect(sum(files.map(({ records }) => records?.["image"]))).toBe(123_287);
      expect(sum(files.map(({ records }) => records?.["caption"]))).toBe(616_767);
    }
  });

  it("of Flickr30K and SNLI-VE", async () => {
    expect(await partsOf("flickr30k", "scenes", "Karpathy split")).toEqual([29_000, 1014, 1000]);
    expect(await partsOf("flickr30k", "scenes", "Entities split")).toEqual([29_783, 1000, 1000]);
    expect(sum(await partsOf("flickr30k", "texts", "Entities split"))).toBe(31_783 * 5);
    expect(await partsOf("snli-ve", "texts")).toEqual([529_527, 17_858, 17_901]);
    expect(await partsOf("snli-ve", "scenes")).toEqual([29_783, 1000, 1000]);
  });

  it("of VQA v2, NLVR2 and VCR", async () => {
    expect(await partsOf("vqa2", "texts", "official split")).toEqual([443_757, 214_354, 447_793]);
    expect(await partsOf("nlvr2", "texts")).toEqual([86_373, 6982, 6967, 6970]);
    const vcr = await readDatasetManifest("vcr");
    const questions = vcr.releases[0]?.files.map(({ records }) => records?.["question"]);
    expect(questions).toEqual([212_923, 26_534, 25_263]);
  });

  it("of Visual Genome and the referring expressions", async () => {
    expect(sum(await partsOf("visual-genome", "scenes"))).toBe(108_077);
    const { releases } = await readDatasetManifest("visual-genome");
    expect(releases[0]?.files[0]?.records).toEqual({ image: 108_077 });
    expect((await partsOf("refcoco", "scenes")).slice(1)).toEqual([1500, 750, 750]);
    expect((await partsOf("refcoco+", "scenes")).slice(1)).toEqual([1500, 750, 750]);
    expect((await partsOf("refcocog", "scenes")).slice(1)).toEqual([1300, 2600]);
  });

  it("are those that the summaries of the recipes name", async () => {
    expect(await unknownNumbers("finetune/flickr30k", "flickr30k")).toEqual([]);
    expect(await unknownNumbers("finetune/vqa2", "vqa2")).toEqual([]);
    expect(await unknownNumbers("finetune/nlvr2", "nlvr2")).toEqual([]);
    expect(await unknownNumbers("finetune/snli-ve", "snli-ve")).toEqual([]);
  });
});

it("orders ids by number, however long they are", () => {
  const ids = ["10", "9", "123456789012345678901", "100", "123456789012345678900", "9"];
  const ordered = ["9", "9", "10", "100", "123456789012345678900", "123456789012345678901"];
  expect(ids.toSorted(compareIds)).toEqual(ordered);
  expect(digestOfIds(ids.toReversed())).toBe(digestOfIds(ids));
});
