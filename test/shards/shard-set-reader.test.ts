import { once } from "node:events";
import { copyFile, open, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { describe, expect, it } from "vitest";
import { ConfigError, ShardError } from "../../src/core/errors.ts";
import { RandomStream } from "../../src/core/random.ts";
import type { ByteRange } from "../../src/shards/arrow/batch-body.ts";
import { FileStorage, type ShardStorage } from "../../src/shards/file-storage.ts";
import { ShardSetReader } from "../../src/shards/shard-set-reader.ts";
import { withRegions } from "./scenes.ts";
import { madeUpScenes, temporaryFolder, writeShardSet } from "./small-set.ts";

const scenes = madeUpScenes(60);
const splits = [{ split: "train", scenes }];

describe("ShardSetReader", () => {
  it("gives the same whatever the order of access and however little it may keep", async () => {
    await using folder = await temporaryFolder();
    await writeShardSet(folder.path, splits);
    const storage = new FileStorage(folder.path, { maxOpenFiles: 2 });
    await using reader = await ShardSetReader.open(folder.path, { storage, cachedHeadBytes: 1 });
    const split = reader.split("train");
    const random = new RandomStream(3);
    const reads = Array.from({ length: 200 }, async () => {
      const sceneIndex = random.nextInt(scenes.length);
      const [head, bytes] = await Promise.all([
        split.head(sceneIndex),
        split.pictureBytes(sceneIndex, 0),
      ]);
      return [head.sceneKey, head.texts, bytes.length, sceneIndex] as const;
    });
    for (const [sceneKey, texts, numBytes, sceneIndex] of await Promise.all(reads)) {
      expect(sceneKey).toBe(scenes[sceneIndex]?.sceneKey);
      expect(texts).toEqual(scenes[sceneIndex]?.texts);
      expect(numBytes).toBe(500);
    }
  });

  it("names the splits there are when another is asked for", async () => {
    await using folder = await temporaryFolder();
    await writeShardSet(folder.path, splits);
    await using reader = await ShardSetReader.open(folder.path);
    expect(() => reader.split("test")).toThrow(ConfigError);
    expect(() => reader.split("test")).toThrow(/it has train/);
  });

  it.each([-1, 60, 0.5, Number.NaN, Infinity])("has no scene %s", async (sceneIndex) => {
    await using folder = await temporaryFolder();
    await writeShardSet(folder.path, splits);
    await using reader = await ShardSetReader.open(folder.path);
    await expect(reader.split("train").head(sceneIndex)).rejects.toThrow(RangeError);
    await expect(reader.split("train").pictureBytes(0, 1)).rejects.toThrow(RangeError);
  });

  it("names file, batch and row of damaged picture bytes, and reads the others", async () => {
    await using folder = await temporaryFolder();
    const index = await writeShardSet(folder.path, splits);
    const batch = index.splits[0]?.shards[1]?.batches[1];
    const position = (batch?.offset ?? 0) + (batch?.headSizeBytes ?? 0) + 2 * 500 + 7;
    await overwrite(join(folder.path, "train/00001.arrow"), position);
    await using reader = await ShardSetReader.open(folder.path);
    const split = reader.split("train");
    const damaged = split.pictureBytes(17, 0);
    await expect(damaged).rejects.toThrow(ShardError);
    await expect(damaged).rejects.toMatchObject({
      file: join(folder.path, "train/00001.arrow"),
      record: "batch 1, row 2",
      message: expect.stringContaining("coco:34"),
      remedy: expect.stringContaining("validate"),
    });
    expect(await split.pictureBytes(16, 0)).toHaveLength(500);
    expect(await split.pictureBytes(18, 0)).toHaveLength(500);
  });

  it("names file, batch and row of damaged features, and reads what is beside them", async () => {
    await using folder = await temporaryFolder();
    const [scene, other] = [scenes[0], scenes[1]].map(
      (each, index) => each && withRegions(each, index),
    );
    if (scene === undefined || other === undefined) throw new TypeError("there are no scenes");
    const index = await writeShardSet(folder.path, [{ split: "train", scenes: [scene, other] }]);
    const batch = index.splits[0]?.shards[0]?.batches[0];
    // The features come first behind the small columns: those of scene 0 have 12 bytes.
    const position = (batch?.offset ?? 0) + (batch?.headSizeBytes ?? 0) + 12 + 5;
    await overwrite(join(folder.path, "train/00000.arrow"), position);
    await using reader = await ShardSetReader.open(folder.path);
    const split = reader.split("train");
    const damaged = split.regions(1, 0);
    await expect(damaged).rejects.toThrow(ShardError);
    await expect(damaged).rejects.toMatchObject({
      file: join(folder.path, "train/00000.arrow"),
      record: "batch 0, row 1",
      message: expect.stringContaining("the features of coco:2 have the digest"),
    });
    expect(await split.regions(0, 0)).toMatchObject({ numFeatures: 6, numClasses: 3 });
    expect(await split.pictureBytes(1, 0)).toHaveLength(500);
    await expect(split.regions(0, 1)).rejects.toThrow(RangeError);
  });

  it("reads features alone, and no other byte of a batch but its small columns", async () => {
    await using folder = await temporaryFolder();
    const index = await writeShardSet(folder.path, [
      { split: "train", scenes: scenes.slice(0, 5).map(withRegions) },
    ]);
    const reads: ByteRange[] = [];
    const files = new FileStorage(folder.path);
    const storage: ShardStorage = {
      async open(file) {
        const source = await files.open(file);
        const read = (range: ByteRange): Uint8Array | Promise<Uint8Array> => {
          reads.push(range);
          return source.read(range);
        };
        return { ...source, read };
      },
      [Symbol.asyncDispose]: () => files[Symbol.asyncDispose](),
    };
    await using reader = await ShardSetReader.open(folder.path, { storage });
    await reader.split("train").head(3);
    const before = reads.length;
    await reader.split("train").regions(3, 0);
    const batch = index.splits[0]?.shards[0]?.batches[0];
    const headEnd = (batch?.offset ?? 0) + (batch?.headSizeBytes ?? 0);
    expect(reads.slice(before).map(({ sizeBytes }) => sizeBytes)).toEqual([4 * 12, 4 * 6]);
    expect(reads.slice(before).every(({ offset }) => offset >= headEnd)).toBe(true);
  });

  it.each([
    ["shorter", (path: string) => truncate(path, 9000), /9000 bytes, the index says/],
    ["empty", (path: string) => truncate(path, 0), /0 bytes, the index says/],
    ["missing", (path: string) => rm(path), /missing/],
    ["longer", (path: string) => writeFile(path, "x", { flag: "a" }), /bytes, the index says/],
  ])("says that a shard is %s", async (_, damage, message) => {
    await using folder = await temporaryFolder();
    await writeShardSet(folder.path, splits);
    await damage(join(folder.path, "train/00002.arrow"));
    await using reader = await ShardSetReader.open(folder.path);
    const split = reader.split("train");
    await expect(split.head(25)).rejects.toThrow(message);
    await expect(split.head(25)).rejects.toThrow(ShardError);
    expect((await split.head(5)).sceneKey).toBe("scene-5");
  });

  it("never takes one shard for another", async () => {
    await using folder = await temporaryFolder();
    await writeShardSet(folder.path, splits);
    const [one, other] = ["train/00000.arrow", "train/00001.arrow"];
    await copyFile(join(folder.path, one), join(folder.path, other));
    await using reader = await ShardSetReader.open(folder.path);
    await expect(reader.split("train").head(12)).rejects.toThrow(ShardError);
  });

  it("reads again after a file has come back", async () => {
    await using folder = await temporaryFolder();
    await writeShardSet(folder.path, splits);
    const path = join(folder.path, "train/00000.arrow");
    await copyFile(path, `${path}.kept`);
    await rm(path);
    await using reader = await ShardSetReader.open(folder.path);
    await expect(reader.split("train").head(0)).rejects.toThrow(ShardError);
    await copyFile(`${path}.kept`, path);
    expect((await reader.split("train").head(0)).sceneKey).toBe("scene-0");
  });

  it("stops giving heads when it is told to", async () => {
    await using folder = await temporaryFolder();
    await writeShardSet(folder.path, splits);
    await using reader = await ShardSetReader.open(folder.path);
    const controller = new AbortController();
    const heads = reader.split("train").heads(controller.signal);
    await heads.next();
    controller.abort(new Error("enough"));
    await expect(heads.next()).rejects.toThrow("enough");
  });

  it("is not read after it was closed", async () => {
    await using folder = await temporaryFolder();
    await writeShardSet(folder.path, splits);
    const reader = await ShardSetReader.open(folder.path);
    const split = reader.split("train");
    await reader[Symbol.asyncDispose]();
    await expect(split.head(0)).rejects.toThrow(/closed/);
  });

  it("reads the same set from several threads", async () => {
    await using folder = await temporaryFolder();
    await writeShardSet(folder.path, splits);
    const threads = [0, 1, 2].map((seed) => readInThread(folder.path, seed));
    expect(await Promise.all(threads)).toEqual([0, 0, 0]);
  });
});

async function overwrite(path: string, position: number): Promise<void> {
  await using file = await open(path, "r+");
  const byte = Buffer.alloc(1);
  await file.read(byte, 0, 1, position);
  byte.writeUInt8(byte.readUInt8() ^ 0x10);
  await file.write(byte, 0, 1, position);
}

/** Ends with the exit code of the thread. */
async function readInThread(folder: string, seed: number): Promise<unknown> {
  const script = new URL("fixtures/reading-thread.ts", import.meta.url);
  const [exitCode] = await once(new Worker(script, { workerData: { folder, seed } }), "exit");
  return exitCode;
}
