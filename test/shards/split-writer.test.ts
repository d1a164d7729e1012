import { execFileSync, spawnSync } from "node:child_process";
import { createReadStream, existsSync } from "node:fs";
import { mkdir, open, readdir, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { ConfigError, IncompleteError, RefusedError, SourceError } from "../../src/core/errors.ts";
import { imageKey } from "../../src/core/keys.ts";
import type { Scene } from "../../src/core/records.ts";
import { SplitWriter } from "../../src/shards/split-writer.ts";
import { defaultShardLayout } from "../../src/shards/unfinished-split.ts";
import { madeUpPicture, madeUpScene } from "./scenes.ts";
import { filesOf, madeUpScenes, smallLayout, temporaryFolder, writeShardSet } from "./small-set.ts";

const scenes = madeUpScenes(40);

function optionsFor(folder: string): Parameters<typeof SplitWriter.create>[0] {
  return { folder, split: "train", role: "train", layout: smallLayout, planDigest: "plan" };
}

/** Writes scenes up to `numScenes` in a process that then kills itself. */
function writeAndDie(folder: string, numScenes: number): void {
  const script = join(import.meta.dirname, "fixtures/killed-writer.ts");
  const child = spawnSync(process.execPath, [script, folder, String(numScenes)]);
  expect([child.signal, child.stderr.toString()]).toEqual(["SIGKILL", ""]);
}

async function writeAll(folder: string, all: readonly Scene[] = scenes): Promise<number> {
  await using writer = await SplitWriter.create(optionsFor(folder));
  const { numScenesDone } = writer;
  for (const scene of all.slice(numScenesDone)) await writer.append(scene);
  await writer.finish();
  return numScenesDone;
}

describe("SplitWriter", () => {
  it("writes the same bytes for the same scenes", async () => {
    await using one = await temporaryFolder();
    await using two = await temporaryFolder();
    for (const { path } of [one, two]) await writeShardSet(path, [{ split: "train", scenes }]);
    expect(await filesOf(one.path)).toEqual(await filesOf(two.path));
  });

  it("ends with the same bytes wherever it was killed, and skips what was complete", async () => {
    await using whole = await temporaryFolder();
    await writeAll(whole.path);
    const expected = await filesOf(whole.path);
    for (const numScenes of [3, 17, 26, 40]) {
      await using folder = await temporaryFolder();
      writeAndDie(folder.path, numScenes);
      const numScenesDone = await writeAll(folder.path);
      expect(numScenesDone).toBeLessThanOrEqual(numScenes);
      expect(await filesOf(folder.path)).toEqual(expected);
    }
  });

  it("takes over finished shards after several kills", async () => {
    await using folder = await temporaryFolder();
    writeAndDie(folder.path, 20);
    writeAndDie(folder.path, 36);
    expect(await writeAll(folder.path)).toBe(30);
  });

  it.each([
    ["shorter", (path: string) => truncate(path, 1000)],
    ["of the same size but with other bytes", flipByte],
    ["gone", (path: string) => rm(path)],
  ])("writes a finished shard again when it is %s", async (_, damage) => {
    await using whole = await temporaryFolder();
    await writeAll(whole.path);
    await using folder = await temporaryFolder();
    writeAndDie(folder.path, 40);
    await damage(join(folder.path, "train/00001.arrow"));
    expect(await writeAll(folder.path)).toBe(10);
    expect(await filesOf(folder.path)).toEqual(await filesOf(whole.path));
  });

  it("removes the shard in progress on disposal and keeps the finished ones", async () => {
    await using folder = await temporaryFolder();
    {
      await using writer = await SplitWriter.create(optionsFor(folder.path));
      for (const scene of scenes.slice(0, 27)) await writer.append(scene);
    }
    expect((await readdir(join(folder.path, "train"))).toSorted()).toEqual([
      "00000.arrow",
      "00001.arrow",
    ]);
  });

  it("says that the disk is full, leaves no half shard, and goes on afterwards", async () => {
    await using folder = await temporaryFolder();
    const part = join(folder.path, "train/00001.arrow.part");
    {
      await using writer = await SplitWriter.create(optionsFor(folder.path));
      await symlink("/dev/full", part);
      const append = async (): Promise<void> => {
        for (const scene of scenes) await writer.append(scene);
      };
      await expect(append()).rejects.toThrow(IncompleteError);
    }
    expect(await readdir(join(folder.path, "train"))).toEqual(["00000.arrow"]);
    expect(await writeAll(folder.path)).toBe(10);
  });

  it("waits for a slow disk, and keeps no more than two batches in memory for it", async () => {
    await using folder = await temporaryFolder();
    const [pictureBytes, batchBytes, numScenes] = [100_000, 500_000, 60];
    const layout = { ...smallLayout, targetBatchBytes: batchBytes, targetShardBytes: 1e9 };
    const pipe = join(folder.path, "train/00000.arrow.part");
    let [numGiven, numTaken] = [0, 0];
    const write = async (): Promise<void> => {
      await using writer = await SplitWriter.create({ ...optionsFor(folder.path), layout });
      // A pipe takes 64 KB and then no more than is read of it.
      execFileSync("mkfifo", [pipe]);
      for (let index = 0; index < numScenes; index += 1) {
        await writer.append(madeUpScene(index * 6, pictureBytes));
        numGiven += pictureBytes;
      }
    };
    const writing = write();
    await vi.waitUntil(() => existsSync(pipe));
    for await (const chunk of createReadStream(pipe)) {
      numTaken += chunk.length;
      expect(numGiven - numTaken).toBeLessThan(2 * batchBytes);
    }
    await writing;
    expect(numTaken).toBeGreaterThan((numScenes - 10) * pictureBytes);
  });

  it.each(["..", "../other", "a/b", "", ".unfinished"])(
    "refuses the split name %j",
    async (split) => {
      await using folder = await temporaryFolder();
      const create = SplitWriter.create({ ...optionsFor(folder.path), split });
      await expect(create).rejects.toThrow(ConfigError);
    },
  );

  it("refuses a folder that holds a finished set", async () => {
    await using folder = await temporaryFolder();
    await writeShardSet(folder.path, [{ split: "train", scenes: scenes.slice(0, 3) }]);
    await expect(SplitWriter.create(optionsFor(folder.path))).rejects.toThrow(RefusedError);
  });

  it.each([
    ["another plan", { planDigest: "other" }],
    ["another layout", { layout: { ...smallLayout, maxScenesPerBatch: 4 } }],
    ["another role", { role: "eval" as const }],
  ])("refuses to mix with shards of %s", async (_, other) => {
    await using folder = await temporaryFolder();
    writeAndDie(folder.path, 20);
    const create = SplitWriter.create({ ...optionsFor(folder.path), ...other });
    await expect(create).rejects.toThrow(/--fresh|another recipe/);
  });

  it("refuses a folder with Arrow files that it did not write, and leaves them", async () => {
    await using folder = await temporaryFolder();
    await mkdir(join(folder.path, "train"));
    const path = join(folder.path, "train/00007.arrow");
    await writeFile(path, "mine");
    await expect(SplitWriter.create(optionsFor(folder.path))).rejects.toThrow(RefusedError);
    expect(existsSync(path)).toBe(true);
  });

  it("keeps batches and shards within the layout", async () => {
    await using folder = await temporaryFolder();
    const index = await writeShardSet(folder.path, [{ split: "train", scenes }]);
    for (const shard of index.splits.flatMap((split) => split.shards)) {
      expect(shard.sizeBytes).toBeLessThan(smallLayout.targetShardBytes + 8192);
      for (const batch of shard.batches) {
        expect(batch.numScenes).toBeLessThanOrEqual(smallLayout.maxScenesPerBatch);
        expect(batch.offset % 64).toBe(0);
      }
    }
  });

  it("cuts batches below 64 MB whatever the layout says", async () => {
    await using folder = await temporaryFolder();
    const layout = { ...defaultShardLayout, targetBatchBytes: 2 ** 40, targetShardBytes: 2 ** 40 };
    const large = [0, 1, 2].map((index) => madeUpScene(index, 25 * 2 ** 20));
    const index = await writeShardSet(folder.path, [{ split: "train", scenes: large }], layout);
    const batches = index.splits.flatMap((split) => split.shards.flatMap((each) => each.batches));
    expect(batches.map((batch) => batch.numScenes)).toEqual([2, 1]);
    expect(Math.max(...batches.map((batch) => batch.sizeBytes))).toBeLessThan(64_000_000);
  });

  it("refuses a scene that no batch can hold", async () => {
    await using folder = await temporaryFolder();
    await using writer = await SplitWriter.create(optionsFor(folder.path));
    const bytes = new Uint8Array(64 * 2 ** 20);
    const scene = { ...madeUpScene(1), pictures: [{ ...madeUpPicture(1), bytes }] };
    await expect(writer.append(scene)).rejects.toThrow(SourceError);
  });

  it("refuses a picture that is linked to more keys than the audit can count with", async () => {
    await using folder = await temporaryFolder();
    await using writer = await SplitWriter.create(optionsFor(folder.path));
    const linkedKeys = Array.from({ length: 9 }, (_, id) => imageKey("vg", id));
    const picture = { ...madeUpPicture(1), linkedKeys };
    await writer.append({ ...madeUpScene(1), pictures: [picture] });
    await expect(writer.finish()).rejects.toThrow("a list of 9 items, at most 8 are allowed");
  });

  it("refuses text that is not well-formed Unicode", async () => {
    await using folder = await temporaryFolder();
    await using writer = await SplitWriter.create(optionsFor(folder.path));
    await writer.append({ ...madeUpScene(1), sceneKey: "half \ud83d" });
    await expect(writer.finish()).rejects.toThrow(/surrogate/);
  });
});

async function flipByte(path: string): Promise<void> {
  await using file = await open(path, "r+");
  await file.write(Buffer.from([0x5a]), 0, 1, 5000);
}
