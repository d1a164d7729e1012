import { existsSync } from "node:fs";
import { open, readFile, rename, rm, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ShardError, SourceError } from "../../src/core/errors.ts";
import type { PictureRegions, Scene } from "../../src/core/records.ts";
import { RandomStream } from "../../src/core/random.ts";
import { readLedger } from "../../src/shards/ledger.ts";
import { INDEX_FILE } from "../../src/shards/shard-set-index.ts";
import { ShardSetReader } from "../../src/shards/shard-set-reader.ts";
import { validateShardSet } from "../../src/shards/validation/validate-shard-set.ts";
import { withRegions } from "./scenes.ts";
import {
  filesOf,
  ledgerEntries,
  madeUpScenes,
  temporaryFolder,
  writeShardSet,
} from "./small-set.ts";

const scenes = madeUpScenes(24).map(withRegions);
const splits = { train: scenes.slice(0, 17), val: scenes.slice(17) };

/** Kept through all tests: each damages a copy of one file and puts it back. */
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let files: Map<string, Buffer>;

beforeAll(async () => {
  folder = await temporaryFolder();
  await writeShardSet(folder.path, [
    { split: "train", scenes: splits.train },
    { split: "val", role: "eval", scenes: splits.val },
  ]);
  files = await filesOf(folder.path);
});

afterAll(async () => {
  await folder[Symbol.asyncDispose]();
});

type Damage = (file: string, random: RandomStream) => Promise<void>;

async function flipBit(file: string, random: RandomStream): Promise<void> {
  const path = join(folder.path, file);
  await using handle = await open(path, "r+");
  const position = random.nextInt((await handle.stat()).size);
  const byte = Buffer.alloc(1);
  await handle.read(byte, 0, 1, position);
  byte.writeUInt8(byte.readUInt8() ^ (1 << random.nextInt(8)));
  await handle.write(byte, 0, 1, position);
}

async function cutTail(file: string, random: RandomStream): Promise<void> {
  const path = join(folder.path, file);
  await truncate(path, random.nextInt((await stat(path)).size));
}

async function zeroPage(file: string, random: RandomStream): Promise<void> {
  const path = join(folder.path, file);
  await using handle = await open(path, "r+");
  const { size } = await handle.stat();
  const position = Math.floor(random.nextInt(size) / 512) * 512;
  await handle.write(Buffer.alloc(Math.min(512, size - position)), 0, undefined, position);
}

async function appendBytes(file: string, random: RandomStream): Promise<void> {
  await writeFile(join(folder.path, file), Buffer.alloc(1 + random.nextInt(70)), { flag: "a" });
}

async function swapWithOther(file: string): Promise<void> {
  const other = file === "val/00000.arrow" ? "train/00000.arrow" : "val/00000.arrow";
  await rename(join(folder.path, file), join(folder.path, "swap"));
  await rename(join(folder.path, other), join(folder.path, file));
  await rename(join(folder.path, "swap"), join(folder.path, other));
}

async function remove(file: string): Promise<void> {
  await rm(join(folder.path, file));
}

async function restore(): Promise<void> {
  for (const [file, bytes] of files) await writeFile(join(folder.path, file), bytes);
}

/** What reading the whole set gave: faults with their place, and data that is not what was written. */
interface Reading {
  numFaults: number;
  numWrong: number;
}

async function readAll(): Promise<Reading> {
  const reading = { numFaults: 0, numWrong: 0 };
  const attempt = async (isRight: () => Promise<boolean>): Promise<void> => {
    try {
      if (!(await isRight())) reading.numWrong += 1;
    } catch (error) {
      const isFault = error instanceof ShardError || error instanceof SourceError;
      if (!isFault || error.file === undefined || error.remedy === undefined) throw error;
      reading.numFaults += 1;
    }
  };
  await attempt(async () => {
    await using reader = await ShardSetReader.open(folder.path);
    for (const [name, written] of Object.entries(splits)) {
      const split = reader.split(name);
      for (const [sceneIndex, scene] of written.entries()) {
        await attempt(async () => isDeepStrictEqual(await split.head(sceneIndex), headOf(scene)));
        for (const [pictureIndex, { bytes }] of scene.pictures.entries()) {
          await attempt(async () =>
            Buffer.from(bytes).equals(await split.pictureBytes(sceneIndex, pictureIndex)),
          );
          await attempt(async () => {
            const regions = await split.regions(sceneIndex, pictureIndex);
            return isSame(regions, scene.regions?.[pictureIndex] ?? null);
          });
        }
      }
    }
    return true;
  });
  await attempt(async () =>
    isDeepStrictEqual(await Array.fromAsync(readLedger(folder.path)), ledgerEntries),
  );
  return reading;
}

function hexOf(regions: PictureRegions): unknown {
  return {
    ...regions,
    features: Buffer.from(regions.features).toString("hex"),
    classProbabilities: Buffer.from(regions.classProbabilities).toString("hex"),
  };
}

function isSame(found: PictureRegions | null, written: PictureRegions | null): boolean {
  if (found === null || written === null) return found === written;
  return isDeepStrictEqual(hexOf(found), hexOf(written));
}

function headOf({ sceneKey, pictures, texts }: Scene): unknown {
  const infos = pictures.map((picture) =>
    Object.fromEntries(Object.entries(picture).filter(([name]) => name !== "bytes")),
  );
  return { sceneKey, texts, pictures: infos };
}

describe("an undamaged set", () => {
  it("is valid, with every byte and row counted", async () => {
    const report = await validateShardSet(folder.path);
    const numBytes = [...files]
      .filter(([file]) => file.endsWith(".arrow"))
      .reduce((sum, [, bytes]) => sum + bytes.length, 0);
    expect(report).toMatchObject({
      isValid: true,
      numFaults: 0,
      checked: { sizeBytes: numBytes, numFiles: 4, numScenes: 24, numLedgerRows: 2 },
    });
    expect(await readAll()).toEqual({ numFaults: 0, numWrong: 0 });
  });
});

async function isChanged(file: string): Promise<boolean> {
  const path = join(folder.path, file);
  return !existsSync(path) || files.get(file)?.equals(await readFile(path)) !== true;
}

/** The files that validation finds fault with. */
async function faultyFiles(): Promise<readonly string[]> {
  try {
    const report = await validateShardSet(folder.path);
    return report.faults.map((fault) => fault.file);
  } catch (error) {
    // A folder without an index is no set.
    if (error instanceof SourceError) return [INDEX_FILE];
    throw error;
  }
}

describe("damage", () => {
  it.each<[string, number, Damage]>([
    ["flipped bit", 160, flipBit],
    ["cut tail", 40, cutTail],
    ["zeroed page", 40, zeroPage],
    ["appended bytes", 12, appendBytes],
    ["swapped files", 3, swapWithOther],
    ["missing file", 6, remove],
  ])("is found and located, and never delivered: %s", async (kind, numRuns, damage) => {
    const names = [...files.keys()].filter((name) => kind !== "swapped files" || isShard(name));
    for (let run = 0; run < numRuns; run += 1) {
      const file = names[run % names.length] ?? "";
      await damage(file, new RandomStream(7, kind.length, run));
      const found = (await isChanged(file)) ? await faultyFiles() : [file];
      expect(found, `run ${run}`).toContain(file);
      expect(await readAll()).toMatchObject({ numWrong: 0 });
      await restore();
    }
  });
});

function isShard(file: string): boolean {
  return file.includes("/");
}
