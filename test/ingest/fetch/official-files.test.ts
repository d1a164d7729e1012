import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  type DatasetDownloads,
  fetchableDatasets,
  type OfficialDownload,
  readDownloads,
} from "../../../src/ingest/fetch/download-manifest.ts";
import {
  fetchOfficialFiles,
  filesByHand,
  type OfficialFile,
  plannedDownloads,
} from "../../../src/ingest/fetch/official-files.ts";
import { manifestNames } from "../../../src/ingest/dataset-manifest.ts";
import { captions } from "../../../src/ingest/datasets/captions.ts";
import { makeZip } from "../archives/hostile-zip.ts";
import { answers, sends } from "../network/hostile-server.ts";
import { FetchFixture } from "./fetch-fixture.ts";

const zip = makeZip([
  { name: "annotations/a.json", content: "[1]" },
  { name: "other.json", content: "[2]" },
]).all;

function datasetOf(...downloads: readonly OfficialDownload[]): DatasetDownloads {
  return { dataset: "test", folder: "test", downloads, byHand: [] };
}

function archive(fixture: FetchFixture, more: Partial<OfficialDownload> = {}): OfficialDownload {
  return {
    url: fixture.url("/a.zip"),
    to: "archives/a.zip",
    holds: "annotations",
    unpack: { to: "test" },
    ...more,
  };
}

function fetchAll(
  fixture: FetchFixture,
  datasets: readonly DatasetDownloads[],
  options: { readonly withPictures?: boolean; readonly removeArchives?: boolean } = {},
): Promise<readonly OfficialFile[]> {
  const { withPictures = false, removeArchives = false } = options;
  return fixture.run((context) =>
    fetchOfficialFiles(datasets, context, { withPictures, removeArchives }),
  );
}

async function namesOf(fixture: FetchFixture): Promise<string[]> {
  return Object.keys(await fixture.files()).map((name) => name.slice("downloads/".length));
}

describe("official files", () => {
  it("are fetched and unpacked, picture archives only when asked for", async () => {
    await using fixture = await FetchFixture.create({ "/a.zip": sends(zip), "/p.zip": sends(zip) });
    const pictures = archive(fixture, {
      url: fixture.url("/p.zip"),
      to: "archives/p.zip",
      holds: "pictures",
      unpack: { to: "pictures" },
    });
    const datasets = [datasetOf(archive(fixture), pictures)];
    const [file] = await fetchAll(fixture, datasets);
    expect(file).toMatchObject({
      to: "archives/a.zip",
      fetched: { outcome: "fetched", sizeBytes: zip.length },
      unpacked: { numFiles: 2, numWritten: 2, numLeftOut: 0 },
      failure: undefined,
    });
    expect(await namesOf(fixture)).toEqual([
      "archives/a.zip",
      "test/annotations/a.json",
      "test/other.json",
    ]);
    expect(await fetchAll(fixture, datasets, { withPictures: true })).toHaveLength(2);
    expect(await namesOf(fixture)).toContain("pictures/other.json");
  });

  it("are fetched once when two datasets have them, and unpacked for both", async () => {
    await using fixture = await FetchFixture.create({ "/a.zip": sends(zip) });
    const first = archive(fixture, { unpack: { to: "one", members: ["other.json"] } });
    const second = archive(fixture, { unpack: { to: "two", members: ["annotations/"] } });
    const [file, ...others] = await fetchAll(fixture, [datasetOf(first), datasetOf(second)]);
    expect(others).toEqual([]);
    expect(file?.unpacked).toMatchObject({ numFiles: 2 });
    expect(await namesOf(fixture)).toEqual([
      "archives/a.zip",
      "one/other.json",
      "two/annotations/a.json",
    ]);
    expect(fixture.server.requests).toHaveLength(1);
  });

  it("that a user has removed come back from the archive", async () => {
    await using fixture = await FetchFixture.create({ "/a.zip": sends(zip) });
    const datasets = [datasetOf(archive(fixture))];
    await fetchAll(fixture, datasets);
    await rm(join(fixture.folder, "test/other.json"));
    const [file] = await fetchAll(fixture, datasets);
    expect(file?.unpacked).toMatchObject({ numFiles: 2, numWritten: 1, sizeBytes: 6 });
    expect(fixture.server.requests).toHaveLength(1);
  });

  it("are known to be there when their archive was removed as wished", async () => {
    await using fixture = await FetchFixture.create({ "/a.zip": sends(zip) });
    const datasets = [datasetOf(archive(fixture))];
    await fetchAll(fixture, datasets, { removeArchives: true });
    expect(await namesOf(fixture)).toEqual(["test/annotations/a.json", "test/other.json"]);
    const [file] = await fetchAll(fixture, datasets, { removeArchives: true });
    expect(file).toMatchObject({ fetched: undefined, failure: undefined });
    expect(fixture.server.requests).toHaveLength(1);
  });

  it("that fail keep no others from being fetched", async () => {
    await using fixture = await FetchFixture.create({
      "/a.zip": sends(zip),
      "/b.zip": answers(404),
    });
    const gone = archive(fixture, { url: fixture.url("/b.zip"), to: "archives/b.zip" });
    const [failed, fetched] = await fetchAll(fixture, [datasetOf(gone, archive(fixture))]);
    expect(failed?.failure).toEqual({
      code: "NET_STATUS",
      message: "the server answered 404",
      isFinal: true,
    });
    expect(fetched?.unpacked).toMatchObject({ numFiles: 2 });
  });

  it("case 17: that are hostile archives leave nothing outside the folder", async () => {
    const hostile = makeZip([
      { name: "../../outside.json", content: "evil" },
      { name: "/outside.json", content: "evil" },
      { name: "link", content: "../..", mode: 0o120777 },
      { name: "link/outside.json", content: "evil" },
      { name: "bomb.json", content: Buffer.alloc(4 * 2 ** 20) },
      { name: "good.json", content: "[]" },
    ]).all;
    await using fixture = await FetchFixture.create({ "/a.zip": sends(hostile) });
    const [file] = await fetchAll(fixture, [datasetOf(archive(fixture))]);
    expect(file?.unpacked?.leftOut.map(({ member, code }) => [member, code])).toEqual([
      ["../../outside.json", "ARC_UNSAFE_PATH"],
      ["/outside.json", "ARC_UNSAFE_PATH"],
      ["link", "ARC_NOT_A_FILE"],
      ["bomb.json", "ARC_BOMB"],
    ]);
    expect(await namesOf(fixture)).toEqual([
      "archives/a.zip",
      "test/good.json",
      "test/link/outside.json",
    ]);
  });

  it("case 22: that can be read in two ways are not unpacked at all", async () => {
    const twoNames = makeZip([{ name: "a.json", localName: "b.json", content: "[]" }]).all;
    await using fixture = await FetchFixture.create({ "/a.zip": sends(twoNames) });
    const [file] = await fetchAll(fixture, [datasetOf(archive(fixture))]);
    expect(file?.failure).toMatchObject({ code: "ARC_AMBIGUOUS", isFinal: true });
    expect(await namesOf(fixture)).toEqual(["archives/a.zip"]);
  });

  it("case 23: that are cut on the server are fetched again by the next run", async () => {
    await using fixture = await FetchFixture.create({ "/a.zip": sends(zip.subarray(0, 60)) });
    const datasets = [datasetOf(archive(fixture))];
    const [cut] = await fetchAll(fixture, datasets);
    expect(cut?.failure).toMatchObject({ code: "ARC_TRUNCATED", isFinal: false });
    fixture.server.routes["/a.zip"] = sends(zip);
    const [file] = await fetchAll(fixture, datasets);
    expect(file).toMatchObject({ unpacked: { numFiles: 2 }, failure: undefined });
  });

  it("stop at an abort", async () => {
    await using fixture = await FetchFixture.create();
    const stop = new AbortController();
    fixture.server.routes["/a.zip"] = () => stop.abort(new Error("stop"));
    const run = fixture.run(
      (context) =>
        fetchOfficialFiles([datasetOf(archive(fixture))], context, {
          withPictures: false,
          removeArchives: false,
        }),
      { signal: stop.signal },
    );
    await expect(run).rejects.toThrow("stop");
  });
});

describe("the manifests of downloads", () => {
  it("are there for every published dataset, with paths that no two different files share", async () => {
    const published = (await manifestNames()).filter((name) => name !== captions.dataset);
    expect(await fetchableDatasets()).toEqual(published);
    const all = await Promise.all((await fetchableDatasets()).map((name) => readDownloads(name)));
    const planned = plannedDownloads(all, { withPictures: true }).flatMap(([first]) => first ?? []);
    const paths = planned.map(({ to }) => to.toLowerCase());
    expect(new Set(paths).size).toBe(paths.length);
    const unlike = plannedDownloads(all, { withPictures: true }).filter(
      (same) =>
        new Set(same.map(({ to, sizeBytes, sha256 }) => `${to} ${sizeBytes} ${sha256}`)).size > 1,
    );
    expect(unlike).toEqual([]);
  });

  it("name what only a person can get until it is there", async () => {
    await using fixture = await FetchFixture.create();
    const flickr30k = await readDownloads("flickr30k");
    const missing = (): readonly (readonly string[])[] =>
      filesByHand([flickr30k], fixture.root).map((hand) => hand.missing);
    expect(missing()).toEqual([
      ["flickr30k/flickr30k-images/", "flickr30k/results_20130124.token"],
    ]);
    const vcr = await readDownloads("vcr");
    expect(vcr.downloads).toEqual([]);
    expect(vcr.byHand[0]?.page).toBe("https://visualcommonsense.com/download/");
    await writeFile(join(fixture.root, "x"), "");
  });

  it("do not know datasets that nobody has published", async () => {
    await expect(readDownloads("cocoa")).rejects.toMatchObject({
      code: "CONFIG",
      message: expect.stringContaining("there are coco, conceptual-captions"),
    });
    await expect(readDownloads("../recipes/coco")).rejects.toMatchObject({ name: "ZodError" });
  });
});
