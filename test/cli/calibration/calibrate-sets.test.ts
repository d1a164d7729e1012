import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { CalibrationCounts } from "../../../src/audit/calibration/calibration.ts";
import { calibratePictures } from "../../../src/cli/calibration/calibrate-pictures.ts";
import type { DrawnPictures } from "../../../src/cli/calibration/own-pictures.ts";
import { ShardError } from "../../../src/core/errors.ts";
import { imageKey } from "../../../src/core/keys.ts";
import { silentProgress } from "../../../src/core/progress.ts";
import { storePicture } from "../../../src/ingest/pictures/store-picture.ts";
import { readRecipe } from "../../../src/ingest/recipe.ts";
import { transforms } from "../../../src/pixels/planting/transforms.ts";
import { readIndex } from "../../../src/shards/shard-set-index.ts";
import { SplitWriter } from "../../../src/shards/split-writer.ts";
import { commitSplit } from "../../loader/shard-set-fixture.ts";
import { realData, realPhotographs } from "../../real-data.ts";
import { SetServer } from "../../shards/remote/set-server.ts";

const context = { progress: silentProgress, signal: new AbortController().signal };
const suite = transforms.filter(({ name }) => name === "JPEG 30" || name === "mirrored");
const NUM_PHOTOGRAPHS = 3;
let folder = "";
let set = "";
let whole: ReturnType<typeof calibrated>;

// Scenes of two pictures, as NLVR2's are; one lies on its side, one is there twice.
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "crossweave-calibrate-sets-"));
  const own = join(folder, "own");
  set = join(folder, "sets/one");
  await mkdir(own);
  const [turned = "", ...photographs] = (await realPhotographs()).slice(0, NUM_PHOTOGRAPHS);
  const sideways = sharp(realData("images/coco", turned))
    .rotate(90)
    .withMetadata({ orientation: 8 });
  await sideways.jpeg().toFile(join(own, "0.jpg"));
  for (const [at, name] of photographs.entries()) {
    await cp(realData("images/coco", name), join(own, `${at + 1}.jpg`));
  }
  await cp(join(own, "0.jpg"), join(own, "again.jpg"));
  const { pictures: policy } = await readRecipe("coco");
  const stored = async (name: string): Promise<Awaited<ReturnType<typeof storePicture>>> => {
    const key = imageKey("coco", name);
    const reference = {
      key,
      path: name,
      url: null,
      flickrPhotoId: null,
      license: null,
      linkedKeys: [],
    };
    return storePicture(reference, { sourceFolder: own, policy });
  };
  await using writer = await SplitWriter.create({ folder: set, split: "train", role: "train" });
  for (const names of [
    ["0.jpg", "1.jpg"],
    ["2.jpg", "again.jpg"],
  ]) {
    const pictures = await Promise.all(names.map(stored));
    await writer.append({ sceneKey: names.join("+"), pictures, texts: [], regions: null });
  }
  await commitSplit(set, await writer.finish(), "one");
  whole = calibrated(set);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function calibrated(
  ...sources: readonly string[]
): Promise<{ readonly counts: CalibrationCounts; readonly drawn: DrawnPictures }> {
  return calibratePictures({ sources, numPictures: 50, seed: 3, choice: {}, suite }, context);
}

describe("a calibration on a shard set", () => {
  it("finds all copies of its pictures, each picture once, also of scenes with two and of one on its side", async () => {
    const { counts, drawn } = await whole;
    const all = { tried: NUM_PHOTOGRAPHS, found: NUM_PHOTOGRAPHS, verified: NUM_PHOTOGRAPHS };
    expect(counts.transforms).toEqual(suite.map(({ name }) => ({ name, ...all })));
    expect(counts.pictures).toMatchObject({ offered: 4, drawn: NUM_PHOTOGRAPHS });
    expect(drawn.unreadable).toEqual([]);
    expect(drawn.repeated).toEqual([expect.stringMatching(/again\.jpg.* is |is .*again\.jpg/)]);
    expect(counts.different.verified).toBe(0);
  });

  it("measures of its pictures what it measures of the files that they came from", async () => {
    const [ofSet, ofFolder] = [await whole, await calibrated(join(folder, "own"))];
    expect(ofFolder.counts.different).toEqual(ofSet.counts.different);
    expect(ofFolder.counts.transforms).toEqual(ofSet.counts.transforms);
    expect(ofFolder.counts.distances).toEqual(ofSet.counts.distances);
  });

  it("is on a server what it is in a folder, and asks for the pictures that it draws alone", async () => {
    await using server = await SetServer.serve(set);
    const { counts } = await calibrated(server.url);
    expect(counts).toEqual((await whole).counts);
    const numAsked = server.asked.length;
    await calibratePictures(
      { sources: [server.url], numPictures: 2, seed: 3, choice: {}, suite: suite.slice(0, 1) },
      context,
    );
    expect(server.asked.length - numAsked).toBeLessThan(numAsked);
  });

  it("says of pictures that several sources have whose they are", async () => {
    const { counts, drawn } = await calibrated(set, join(folder, "own"));
    expect(counts.pictures).toMatchObject({ offered: 8, drawn: NUM_PHOTOGRAPHS });
    expect(drawn.repeated).toHaveLength(5);
    expect(drawn.repeated.join()).toMatch(/1:train\/\d\/coco:/);
    expect(drawn.repeated.join()).toMatch(/2:\d\.jpg/);
  });

  it("stops where the bytes of a picture are not those of its row, and where a server has none", async () => {
    const damaged = join(folder, "damaged");
    await cp(set, damaged, { recursive: true });
    const [split] = (await readIndex(damaged)).splits;
    const [shard] = split?.shards ?? [];
    const [batch] = shard?.batches ?? [];
    const path = join(damaged, shard?.file ?? "");
    const bytes = await readFile(path);
    const at = (batch?.offset ?? 0) + (batch?.sizeBytes ?? 0) - 500;
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    await writeFile(path, bytes);
    await expect(calibrated(damaged)).rejects.toThrow(ShardError);
    await using server = await SetServer.serve(set, ({ file }) =>
      file.endsWith(".arrow") ? { status: 404 } : undefined,
    );
    await expect(calibrated(server.url)).rejects.toMatchObject({ exitCode: 21 });
  });
});
