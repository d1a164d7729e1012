import { mkdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { sha256 } from "../../src/core/digest.ts";
import { SourceError } from "../../src/core/errors.ts";
import type { ProgressReading } from "../../src/core/progress.ts";
import type { PictureRegions, Scene, StoredPicture } from "../../src/core/records.ts";
import { decodedSize } from "../../src/ingest/pictures/decoded-size.ts";
import { commitIndex, type ShardSetIndex } from "../../src/shards/shard-set-index.ts";
import { validateShardSet } from "../../src/shards/validation/validate-shard-set.ts";
import { madeUpPicture, madeUpRegions, madeUpScene, madeUpText } from "./scenes.ts";
import { madeUpScenes, recordCounts, temporaryFolder, writeShardSet } from "./small-set.ts";

const scenes = madeUpScenes(12);

async function faultsOfScenes(written: readonly Scene[]): Promise<string[]> {
  await using folder = await temporaryFolder();
  await writeShardSet(folder.path, [{ split: "train", scenes: written }]);
  const { faults } = await validateShardSet(folder.path);
  return faults.map(({ batch, row, message }) => `${batch}/${row} ${message}`);
}

/** Commits an index with right digests but other content than was written. */
async function faultsOfIndex(
  change: (index: Omit<ShardSetIndex, "digest">) => Omit<ShardSetIndex, "digest">,
): Promise<string[]> {
  await using folder = await temporaryFolder();
  const { digest: _digest, ...content } = await writeShardSet(folder.path, [
    { split: "train", scenes },
  ]);
  await commitIndex(folder.path, change(content));
  const { faults } = await validateShardSet(folder.path);
  return faults.map(({ file, message }) => `${file}: ${message}`);
}

function withPicture(facts: Partial<StoredPicture>): Scene {
  return { ...madeUpScene(1), pictures: [{ ...madeUpPicture(2), ...facts }] };
}

describe("validation", () => {
  it("says what it checked and reports its progress", async () => {
    await using folder = await temporaryFolder();
    await writeShardSet(folder.path, [{ split: "train", scenes }]);
    const readings: ProgressReading[] = [];
    const progress = {
      report: (reading: ProgressReading) => readings.push(reading),
      say: () => {},
    };
    const report = await validateShardSet(folder.path, { progress });
    expect(report).toMatchObject({ isValid: true, name: "made-up", numFaults: 0, faults: [] });
    const { numScenes, numTexts, numDecoded } = report.checked;
    expect([numScenes, numDecoded]).toEqual([12, 0]);
    expect(numTexts).toBe(scenes.flatMap((scene) => scene.texts).length);
    const last = readings.at(-1);
    expect(last?.done).toBe(last?.total);
  });

  it("rejects a folder that is no finished set", async () => {
    await using folder = await temporaryFolder();
    await expect(validateShardSet(folder.path)).rejects.toThrow(SourceError);
  });

  it("stops when it is told to", async () => {
    await using folder = await temporaryFolder();
    await writeShardSet(folder.path, [{ split: "train", scenes }]);
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(validateShardSet(folder.path, { signal })).rejects.toThrow("enough");
  });

  it("lists some of many faults and counts them all", async () => {
    await using folder = await temporaryFolder();
    await writeShardSet(folder.path, [{ split: "train", scenes }]);
    for (let index = 0; index < 7; index += 1) await writeFile(join(folder.path, `x${index}`), "");
    const report = await validateShardSet(folder.path, { maxListedFaults: 3 });
    expect([report.numFaults, report.faults.length, report.isValid]).toEqual([7, 3, false]);
  });

  it("finds files that the index does not list, also in folders of their own", async () => {
    await using folder = await temporaryFolder();
    await writeShardSet(folder.path, [{ split: "train", scenes }]);
    await mkdir(join(folder.path, "deep/er"), { recursive: true });
    await writeFile(join(folder.path, "deep/er/00000.arrow"), "");
    await writeFile(join(folder.path, "train/00002.arrow.part"), "");
    const { faults } = await validateShardSet(folder.path);
    expect(faults.map((fault) => fault.file).toSorted()).toEqual([
      "deep/er/00000.arrow",
      "train/00002.arrow.part",
    ]);
  });

  it("accepts a split that is a link to another disk", async () => {
    await using folder = await temporaryFolder();
    await using disk = await temporaryFolder();
    await writeShardSet(folder.path, [{ split: "train", scenes }]);
    await rename(join(folder.path, "train"), join(disk.path, "train"));
    await symlink(join(disk.path, "train"), join(folder.path, "train"));
    expect(await validateShardSet(folder.path)).toMatchObject({ isValid: true, faults: [] });
  });

  it("wants croissant.json and index.json as they were written", async () => {
    await using folder = await temporaryFolder();
    await writeShardSet(folder.path, [{ split: "train", scenes }]);
    const index = join(folder.path, "index.json");
    await writeFile(index, JSON.stringify(JSON.parse(await readFile(index, "utf8"))));
    await rm(join(folder.path, "croissant.json"));
    const { faults } = await validateShardSet(folder.path);
    expect(faults.map((fault) => fault.file)).toEqual(["index.json", "croissant.json"]);
  });
});

describe("validation of rows", () => {
  it.each<[string, Partial<StoredPicture>, RegExp]>([
    [
      "bytes of another digest",
      { sha256: sha256("x") },
      /^0\/1 the bytes of coco:2 have the sha256/,
    ],
    ["a digest that is none", { pixelSha256: "abc" }, /pixel_sha256 of coco:2 is no digest/],
    ["no size", { width: 0 }, /coco:2 measures 0x480/],
    ["an orientation of 9", { orientation: 9 }, /orientation 9/],
    ["no path", { path: "" }, /has no path/],
    ["a link to itself", { linkedKeys: ["vg:1", "coco:2"] }, /coco:2 is linked to one key twice/],
  ])("finds a picture with %s", async (_, facts, message) => {
    const faults = await faultsOfScenes([madeUpScene(0), withPicture(facts)]);
    expect(faults).toEqual([expect.stringMatching(message)]);
  });

  it("finds empty texts, scenes without pictures or key, and keys that come twice", async () => {
    const [text, box] = [madeUpText(3), { x: Number.NaN, y: 0, width: 1, height: 1 }];
    const faults = await faultsOfScenes([
      { ...madeUpScene(0), texts: [{ ...text, text: " \n" }] },
      { ...madeUpScene(1), texts: [{ ...text, id: "" }] },
      { ...madeUpScene(2), texts: [{ ...text, box }] },
      {
        ...madeUpScene(3),
        texts: [{ ...text, answers: [{ answer: "yes", count: 0 }], context: "" }],
      },
      { ...madeUpScene(4), pictures: [] },
      { ...madeUpScene(5), sceneKey: "" },
      { ...madeUpScene(6), sceneKey: "scene-1" },
    ]);
    expect(faults).toEqual([
      expect.stringMatching(/^0\/0 text 3 is empty/),
      expect.stringMatching(/^0\/1 the text .* has no id/),
      expect.stringMatching(/^0\/2 text 3 has the box NaN/),
      expect.stringMatching(/^0\/3 the context of text 3 is empty/),
      expect.stringMatching(/^0\/3 text 3: the answer "yes" was given 0 times/),
      expect.stringMatching(/^0\/4 scene scene-4 has no picture/),
      expect.stringMatching(/^1\/0 the scene has no key/),
      expect.stringMatching(/^1\/1 the scene scene-1 is in the split twice/),
    ]);
  });

  it("decodes pictures when it is given a decoder", async () => {
    const made = sharp({ create: { width: 48, height: 32, channels: 3, background: "red" } });
    const bytes = await made.jpeg().toBuffer();
    const jpegOf = (id: number, cut: number, width = 48): Scene => {
      const part = bytes.subarray(0, bytes.length - cut);
      const facts = { bytes: part, sha256: sha256(part), width, height: 32 };
      return { ...madeUpScene(id), pictures: [{ ...madeUpPicture(id), ...facts }] };
    };
    await using folder = await temporaryFolder();
    const written = [jpegOf(0, 0), jpegOf(1, 60), jpegOf(2, 0, 64)];
    await writeShardSet(folder.path, [{ split: "train", scenes: written }]);
    const report = await validateShardSet(folder.path, { decode: decodedSize });
    expect(report.checked.numDecoded).toBe(2);
    expect(report.faults.map(({ row, message }) => `${row} ${message}`).toSorted()).toEqual([
      expect.stringMatching(/^1 coco:1 cannot be decoded: /),
      "2 coco:2 decodes to 48x32, the row says 64x32",
    ]);
  });
});

describe("validation of regions", () => {
  const given = madeUpRegions(5);

  it.each<[string, Partial<PictureRegions>, RegExp]>([
    ["a box too few", { boxes: given.boxes.slice(1) }, /1 boxes, but 2 confidences/],
    ["a feature too few", { features: given.features.subarray(2) }, /22 bytes of features, 2/],
    [
      "a probability too many",
      { classProbabilities: new Uint8Array(14) },
      /14 bytes of class probabilities, 2 regions have 12/,
    ],
    ["no features", { numFeatures: 0 }, /0 features and 3 classes for each region/],
    [
      "features of another size",
      { numFeatures: 4, features: new Uint8Array(16) },
      /4 features and 3 classes, others of the set have 6 features and 3 classes/,
    ],
    [
      "a feature that is no number",
      { features: given.features.map((byte, index) => (index === 7 ? 0x7e : byte)) },
      /features that are not finite/,
    ],
    [
      "a box outside of the picture",
      { boxes: given.boxes.map((box) => Object.assign({}, box, { x: 41 })) },
      /the box 41, 0.5, 600, 400 does not lie in 640x480 pixels/,
    ],
    [
      "a box that is none",
      { boxes: given.boxes.map((box) => Object.assign({}, box, { y: Number.NaN })) },
      /the box 0, NaN, 600, 400/,
    ],
    ["a confidence above 1", { confidences: [0.5, 1.5] }, /a confidence of 1.5/],
  ])("finds %s", async (_, change, message) => {
    const [first, second] = [madeUpScene(0), madeUpScene(1)];
    const faults = await faultsOfScenes([
      { ...first, regions: [given] },
      { ...second, regions: [{ ...given, ...change }] },
    ]);
    expect(faults).toEqual([expect.stringMatching(/^0\/1 the regions of coco:2: /)]);
    expect(faults[0]).toMatch(message);
  });

  it("finds regions of more or fewer pictures than there are", async () => {
    const faults = await faultsOfScenes([{ ...madeUpScene(0), regions: [given, null] }]);
    expect(faults).toEqual(["0/0 1 pictures, but the regions of 2"]);
  });

  it("accepts pictures without regions among others, and regions without probabilities", async () => {
    const plain = { ...given, numClasses: 0, classProbabilities: new Uint8Array(0) };
    const faults = await faultsOfScenes([
      { ...madeUpScene(0), regions: [plain] },
      { ...madeUpScene(5), regions: [null, { ...plain, confidences: null }] },
      madeUpScene(2),
    ]);
    expect(faults).toEqual([]);
  });
});

describe("validation of counts", () => {
  it("finds records that are not accounted for", async () => {
    const faults = await faultsOfIndex((index) => ({
      ...index,
      counts: recordCounts.map((count) => ({ ...count, written: count.written - 1 })),
    }));
    expect(faults).toEqual([
      expect.stringMatching(/^index.json: image records of .*: 31 were read, but 30 are/),
      expect.stringMatching(/^index.json: caption records of .*: 11 were read, but 10 are/),
    ]);
  });

  it("finds a ledger that does not list what the index counts", async () => {
    const faults = await faultsOfIndex((index) => ({ ...index, counts: recordCounts.slice(0, 1) }));
    expect(faults).toEqual([expect.stringMatching(/lists 1 rows of excluded caption records of/)]);
  });

  it.each(["numScenes", "numPictures", "numTexts"] as const)(
    "finds a split with another %s",
    async (count) => {
      const faults = await faultsOfIndex((index) => ({
        ...index,
        splits: index.splits.map((split) => Object.assign({}, split, { [count]: 1 })),
      }));
      expect(faults).toEqual([
        expect.stringMatching(`split train: ${count} is 1, its shards hold`),
      ]);
    },
  );

  it("finds shards that are listed twice or out of order", async () => {
    const reversed = await faultsOfIndex((index) => ({
      ...index,
      splits: index.splits.map((split) =>
        Object.assign({}, split, { shards: split.shards.toReversed() }),
      ),
    }));
    expect(reversed[0]).toMatch(/it lists train\/00001.arrow where train\/00000.arrow belongs/);
    const repeated = await faultsOfIndex((index) => ({
      ...index,
      splits: [...index.splits, ...index.splits],
    }));
    expect(repeated).toEqual([expect.stringMatching(/two splits of the same name/)]);
  });

  it("finds a batch that the index places over another one", async () => {
    const faults = await faultsOfIndex((index) => ({
      ...index,
      splits: index.splits.map((split) =>
        Object.assign({}, split, {
          shards: split.shards.map((shard) =>
            Object.assign({}, shard, { batches: shard.batches.toReversed() }),
          ),
        }),
      ),
    }));
    expect(faults).toContainEqual(expect.stringMatching(/00000.arrow: .*lists other batches/));
    expect(faults).toContainEqual(expect.stringMatching(/over another batch/));
  });
});
