import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { open, rm } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { IncompleteError, ShardError } from "../../../src/core/errors.ts";
import type { ByteRange } from "../../../src/shards/arrow/batch-body.ts";
import { FileStorage, type ShardStorage } from "../../../src/shards/file-storage.ts";
import { ListedSet, listingOf } from "../../../src/shards/reading/listed-set.ts";
import { MemoryStorage } from "../../../src/shards/reading/memory-storage.ts";
import { loadHead } from "../../../src/shards/shard-file.ts";
import { planHead, planValues } from "../../../src/shards/reading/plan-rows.ts";
import { ShardSetReader } from "../../../src/shards/shard-set-reader.ts";
import { withRegions } from "../scenes.ts";
import { filesOf, madeUpScenes, temporaryFolder, writeShardSet } from "../small-set.ts";

const scenes = madeUpScenes(30).map(withRegions);
const splits = [{ split: "train", scenes }];

/** A storage that notes what is read of it. */
function counted(inner: ShardStorage, reads: ByteRange[]): ShardStorage {
  return {
    async open(file) {
      const source = await inner.open(file);
      return {
        sizeBytes: source.sizeBytes,
        read(range, into) {
          reads.push(range);
          return source.read(range, into);
        },
      };
    },
    [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose](),
  };
}

async function flipByte(path: string, position: number): Promise<void> {
  await using file = await open(path, "r+");
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, position);
  await file.write(Buffer.of((buffer[0] ?? 0) ^ 1), 0, 1, position);
}

describe("a picture that was read and verified before", () => {
  it("is not delivered once its bytes have changed, and is when they are back", async () => {
    await using folder = await temporaryFolder();
    const index = await writeShardSet(folder.path, [{ split: "train", scenes: madeUpScenes(5) }]);
    const batch = index.splits[0]?.shards[0]?.batches[0];
    const position = (batch?.offset ?? 0) + (batch?.headSizeBytes ?? 0) + 2 * 500 + 7;
    const path = join(folder.path, "train/00000.arrow");
    await using reader = await ShardSetReader.open(folder.path);
    const split = reader.split("train");
    const before = await split.pictureBytes(2, 0);
    expect(await split.pictureBytes(2, 0)).toEqual(before);
    await flipByte(path, position);
    await expect(split.pictureBytes(2, 0)).rejects.toThrow(ShardError);
    expect(await split.pictureBytes(1, 0)).toHaveLength(500);
    await flipByte(path, position);
    expect(await split.pictureBytes(2, 0)).toEqual(before);
  });

  it("is waited for while its shard is opened, and then given or refused at once", async () => {
    await using folder = await temporaryFolder();
    const index = await writeShardSet(folder.path, [{ split: "train", scenes: madeUpScenes(5) }]);
    const batch = index.splits[0]?.shards[0]?.batches[0];
    await using reader = await ShardSetReader.open(folder.path);
    const split = reader.split("train");
    const [head, bytes] = [split.headSoon(2), split.pictureBytesSoon(2, 0)];
    expect(head).toBeInstanceOf(Promise);
    expect(bytes).toBeInstanceOf(Promise);
    expect([await head, await bytes]).toEqual([split.headSoon(2), split.pictureBytesSoon(2, 0)]);
    const position = (batch?.offset ?? 0) + (batch?.headSizeBytes ?? 0) + 2 * 500 + 7;
    await flipByte(join(folder.path, "train/00000.arrow"), position);
    expect(() => split.pictureBytesSoon(2, 0)).toThrow(ShardError);
    expect(split.pictureBytesSoon(1, 0)).toHaveLength(500);
  });

  it("is told from its neighbour though an empty one lies at the same place", async () => {
    await using folder = await temporaryFolder();
    const [first, second] = madeUpScenes(2);
    if (first === undefined || second === undefined) throw new TypeError("there are no scenes");
    const [empty] = madeUpScenes(1).flatMap(({ pictures }) => pictures);
    if (empty === undefined) throw new TypeError("there is no picture");
    const bytes = new Uint8Array(0);
    const sha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    const blank = { ...first, sceneKey: "blank", pictures: [{ ...empty, bytes, sha256 }] };
    await writeShardSet(folder.path, [{ split: "train", scenes: [blank, second] }]);
    await using reader = await ShardSetReader.open(folder.path);
    const split = reader.split("train");
    for (const _ of [1, 2, 3]) {
      expect(await split.pictureBytes(0, 0)).toHaveLength(0);
      expect(Buffer.from(await split.pictureBytes(1, 0))).toEqual(
        Buffer.from(second.pictures[0]?.bytes ?? []),
      );
    }
  });
});

describe("reading", () => {
  it("puts bytes where the caller wants them when they fit", async () => {
    await using folder = await temporaryFolder();
    await writeShardSet(folder.path, splits);
    await using reader = await ShardSetReader.open(folder.path);
    const [memory, small] = [new Uint8Array(1000), new Uint8Array(10)];
    const bytes = await reader.split("train").pictureBytes(3, 0, memory);
    expect(bytes.buffer).toBe(memory.buffer);
    expect(bytes).toHaveLength(500);
    const other = await reader.split("train").pictureBytes(3, 0, small);
    expect(other.buffer).not.toBe(small.buffer);
    expect(Buffer.from(other)).toEqual(Buffer.from(bytes));
  });

  it("checks small columns again that come again after they made room for others", async () => {
    await using folder = await temporaryFolder();
    const index = await writeShardSet(folder.path, splits);
    const [first] = index.splits[0]?.shards[0]?.batches ?? [];
    await using reader = await ShardSetReader.open(folder.path, { cachedHeadBytes: 1 });
    const split = reader.split("train");
    const before = await split.head(0);
    await split.head(29);
    expect(await split.head(0)).toEqual(before);
    await split.head(29);
    await flipByte(join(folder.path, "train/00000.arrow"), (first?.offset ?? 0) + 700);
    await expect(split.head(0)).rejects.toThrow(/small columns have the digest/);
  });

  it("reads a set in another thread by its listing alone", async () => {
    await using folder = await temporaryFolder();
    const listing = listingOf(folder.path, await writeShardSet(folder.path, splits));
    await rm(join(folder.path, "index.json"));
    await using set = await ListedSet.open(structuredClone(listing));
    expect(await set.split("train").head(29)).toMatchObject({ sceneKey: scenes[29]?.sceneKey });
    expect(structuredClone(listing).splits[0]?.offsets.buffer).toBeInstanceOf(SharedArrayBuffer);
  });

  it("opens no file that nothing is wanted of, and each one with one read", async () => {
    await using folder = await temporaryFolder();
    const index = await writeShardSet(folder.path, splits);
    const reads: ByteRange[] = [];
    const storage = counted(new FileStorage(folder.path), reads);
    await using reader = await ShardSetReader.open(folder.path, { storage });
    expect(reads).toHaveLength(0);
    await reader.split("train").pictureBytes(0, 0);
    // The footer, the batch's small columns, the picture.
    expect(reads).toHaveLength(3);
    expect(reads[1]?.sizeBytes).toBe(index.splits[0]?.shards[0]?.batches[0]?.headSizeBytes);
    expect(reads[2]?.sizeBytes).toBe(500);
  });

  it("is the same from memory as from files", async () => {
    await using folder = await temporaryFolder();
    await writeShardSet(folder.path, splits);
    const storage = new MemoryStorage(await filesOf(folder.path));
    await using reader = await ShardSetReader.open(folder.path, { storage });
    const bytes = await reader.split("train").pictureBytes(29, 0);
    expect(Buffer.from(bytes)).toEqual(Buffer.from(scenes[29]?.pictures[0]?.bytes ?? []));
    expect(await reader.split("train").regions(29, 0)).toMatchObject({ numFeatures: 6 });
  });

  it("plans the ranges of wanted rows and columns from a batch's head alone", async () => {
    await using folder = await temporaryFolder();
    const index = await writeShardSet(folder.path, splits);
    const [shard] = index.splits[0]?.shards ?? [];
    const [entry] = shard?.batches ?? [];
    if (shard === undefined || entry === undefined) throw new TypeError("there is no batch");
    await using storage = new FileStorage(folder.path);
    const source = await storage.open(shard.file);
    const head = await loadHead(source, entry, { file: shard.file });
    const columns = ["picture_bytes", "features"] as const;
    const planned = planValues(head, { rows: [1, 4], columns });
    expect(planHead(entry)).toEqual({ offset: entry.offset, sizeBytes: entry.headSizeBytes });
    expect(planned.map(({ row, column, range }) => [row, column, range.sizeBytes])).toEqual([
      [1, "picture_bytes", 500],
      [1, "features", 24],
      [4, "picture_bytes", 500],
      [4, "features", 12],
    ]);
    const [picture] = planned;
    if (picture === undefined) throw new TypeError("nothing was planned");
    const bytes = await source.read(picture.range);
    expect(Buffer.from(bytes)).toEqual(Buffer.from(scenes[1]?.pictures[0]?.bytes ?? []));
  });
});

/** The calls of the system, of which reads fail as `next` says. */
function failingCalls(next: () => string | undefined): {
  calls: ConstructorParameters<typeof FileStorage>[1];
  opened: string[];
} {
  const opened: string[] = [];
  const size = 8;
  return {
    opened,
    calls: {
      calls: {
        open: (path) => opened.push(path),
        sizeOf: () => size,
        read: (_, into) => {
          const code = next();
          if (code !== undefined) throw Object.assign(new Error(code), { code });
          into.fill(7);
          return into.byteLength;
        },
        close: () => {},
      },
    },
  };
}

describe("the bytes of a picture", () => {
  it("are the file's own where that is in memory: nothing is copied", async () => {
    await using folder = await temporaryFolder();
    await writeShardSet(folder.path, splits);
    const files = await filesOf(folder.path);
    const storage = new MemoryStorage(files);
    await using reader = await ShardSetReader.open(folder.path, { storage });
    const file = files.get("train/00000.arrow");
    const bytes = await reader.split("train").pictureBytes(3, 0);
    expect(bytes.buffer).toBe(file?.buffer);
    expect(file?.subarray(bytes.byteOffset - file.byteOffset).subarray(0, 500)).toEqual(bytes);
  });

  it("are the memory that the system read them into: one read, nothing is copied", async () => {
    await using folder = await temporaryFolder();
    await writeShardSet(folder.path, splits);
    const filled: Uint8Array[] = [];
    const calls = {
      open: (path: string) => openSync(path, "r"),
      sizeOf: (descriptor: number) => fstatSync(descriptor).size,
      read(descriptor: number, into: Uint8Array, position: number) {
        filled.push(into);
        return readSync(descriptor, into, 0, into.byteLength, position);
      },
      close: closeSync,
    };
    const storage = new FileStorage(folder.path, { calls });
    await using reader = await ShardSetReader.open(folder.path, { storage });
    const split = reader.split("train");
    await split.head(3);
    const numRead = filled.length;
    const bytes = await split.pictureBytes(3, 0);
    expect(filled.slice(numRead)).toEqual([bytes]);
    expect(filled.at(-1)).toBe(bytes);
    expect(bytes.buffer.byteLength).toBe(500);
  });
});

describe("case 46: a disk or a mount that fails", () => {
  it.each(["EIO", "ESTALE"])("is asked again on the file opened anew: %s", async (code) => {
    const failures = [code, code];
    const { calls, opened } = failingCalls(() => failures.shift());
    await using storage = new FileStorage("/set", calls);
    const source = await storage.open("train/00000.arrow");
    expect(await source.read({ offset: 0, sizeBytes: 4 })).toEqual(Buffer.alloc(4, 7));
    expect(opened).toHaveLength(3);
  });

  it("ends in an error that names the shard and says that the same command goes on", async () => {
    const { calls } = failingCalls(() => "EIO");
    await using storage = new FileStorage("/set", calls);
    const source = await storage.open("train/00000.arrow");
    const read = async (): Promise<unknown> => source.read({ offset: 0, sizeBytes: 4 });
    await expect(read()).rejects.toThrow(IncompleteError);
    await expect(read()).rejects.toMatchObject({
      exitCode: 24,
      file: "/set/train/00000.arrow",
      message: expect.stringContaining("3 reads failed with EIO"),
      remedy: expect.stringContaining("goes on from here"),
    });
  });

  it("is no damage: other errors are given as they are", async () => {
    const { calls } = failingCalls(() => "EACCES");
    await using storage = new FileStorage("/set", calls);
    const source = await storage.open("train/00000.arrow");
    const read = async (): Promise<unknown> => source.read({ offset: 0, sizeBytes: 4 });
    await expect(read()).rejects.toMatchObject({ code: "EACCES" });
  });
});
