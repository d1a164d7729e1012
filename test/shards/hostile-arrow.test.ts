import { join } from "node:path";
import { readFile } from "node:fs/promises";
import { tableFromArrays, tableToIPC } from "apache-arrow";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RandomStream } from "../../src/core/random.ts";
import { columnDifference } from "../../src/shards/arrow/column-type.ts";
import { type ByteSource, parseBatch, readFooter } from "../../src/shards/arrow/file-reader.ts";
import { ArrowFormatError } from "../../src/shards/arrow/format-error.ts";
import { sceneFields, sceneRows } from "../../src/shards/scene-columns.ts";
import type { BatchEntry } from "../../src/shards/shard-set-index.ts";
import { withRegions } from "./scenes.ts";
import { madeUpScenes, temporaryFolder, writeShardSet } from "./small-set.ts";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let file: Buffer;
let batch: BatchEntry;

beforeAll(async () => {
  folder = await temporaryFolder();
  const index = await writeShardSet(folder.path, [
    { split: "train", scenes: madeUpScenes(10).map(withRegions) },
  ]);
  const [shard] = index.splits.flatMap((split) => split.shards);
  const [first] = shard?.batches ?? [];
  if (first === undefined) throw new TypeError("the set has no batch");
  batch = first;
  file = await readFile(join(folder.path, "train/00000.arrow"));
});

afterAll(() => folder[Symbol.asyncDispose]());

function inMemory(bytes: Uint8Array): ByteSource {
  return {
    sizeBytes: bytes.byteLength,
    read: async ({ offset, sizeBytes }) => bytes.subarray(offset, offset + sizeBytes),
  };
}

const hostileWords = [0, 1, 7, 0x7f, 0x80, 0xff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];

/** Bytes with a few of them replaced, mostly by whole 32-bit words that a reader may trip over. */
function mutated(bytes: Uint8Array, random: RandomStream): Buffer {
  const copy = Buffer.from(bytes);
  for (let count = 1 + random.nextInt(3); count > 0; count -= 1) {
    const position = random.nextInt(Math.floor(copy.length / 4)) * 4;
    const word = random.nextBoolean(0.7)
      ? (hostileWords[random.nextInt(hostileWords.length)] ?? 0)
      : random.nextUint32();
    copy.writeUInt32LE(word, position);
  }
  return copy;
}

/** The name of the error that a function ends with; "none" when it returns. */
async function outcomeOf(read: () => unknown): Promise<string> {
  try {
    await read();
    return "none";
  } catch (error) {
    return error instanceof Error ? error.name : typeof error;
  }
}

function readHead(bytes: Uint8Array): void {
  const rows = sceneRows(parseBatch(bytes));
  for (let row = 0; row < Math.min(rows.numRows, 100); row += 1) {
    rows.head(row);
    rows.regions(row);
    for (let index = 0; index < rows.numStoredPictures(row); index += 1) {
      rows.pictureRange(row, index);
    }
  }
}

describe("Arrow bytes that lie", () => {
  it("end in a format error or in values, never in another error, in a batch", async () => {
    const head = file.subarray(batch.offset, batch.offset + batch.headSizeBytes);
    const outcomes = new Set<string>();
    for (let run = 0; run < 4000; run += 1) {
      const bytes = mutated(head, new RandomStream(1, run));
      outcomes.add(await outcomeOf(() => readHead(bytes)));
    }
    expect([...outcomes].toSorted()).toEqual(["ArrowFormatError", "none"]);
  });

  it("end in a format error or in values, never in another error, in a footer", async () => {
    const start = file.length - 10 - file.readInt32LE(file.length - 10);
    const outcomes = new Set<string>();
    for (let run = 0; run < 4000; run += 1) {
      const footer = mutated(file.subarray(start), new RandomStream(2, run));
      const source = inMemory(Buffer.concat([file.subarray(0, start), footer]));
      outcomes.add(await outcomeOf(() => readFooter(source)));
    }
    expect([...outcomes].toSorted()).toEqual(["ArrowFormatError", "none"]);
  });

  it("end in a format error wherever the file is cut", async () => {
    for (let size = 0; size < file.length; size += 211) {
      const outcome = await outcomeOf(() => readFooter(inMemory(file.subarray(0, size))));
      expect(outcome).toBe("ArrowFormatError");
    }
    // What is cut off at the end may be padding alone, less than 64 bytes of it.
    for (let size = 0; size <= batch.headSizeBytes - 64; size += 61) {
      const head = file.subarray(batch.offset, batch.offset + size);
      expect(await outcomeOf(() => readHead(head))).toBe("ArrowFormatError");
    }
  });

  it.each([
    ["negative", -1],
    ["zero", 0],
    ["larger than the file", 2 ** 31 - 1],
  ])("end in a format error when the footer's size is %s", async (_, sizeBytes) => {
    const copy = Buffer.from(file);
    copy.writeInt32LE(sizeBytes, copy.length - 10);
    await expect(readFooter(inMemory(copy))).rejects.toThrow(ArrowFormatError);
  });
});

describe("the footer parser", () => {
  it("reads the footer of a file that apache-arrow wrote", async () => {
    const table = tableFromArrays({ a: Int32Array.of(1, 2), c: Float64Array.of(1, 2) });
    const footer = await readFooter(inMemory(tableToIPC(table, "file")));
    expect(footer.batches).toHaveLength(1);
    expect(footer.columns.map(({ name, type }) => [name, type])).toEqual([
      ["a", { kind: "int32" }],
      ["c", { kind: "other", typeName: "float" }],
    ]);
  });

  it("refuses a file with dictionaries", async () => {
    const bytes = tableToIPC(tableFromArrays({ words: ["x", "y"] }), "file");
    await expect(readFooter(inMemory(bytes))).rejects.toThrow(/dictionaries/);
  });

  it("refuses a schema that repeats one part without end", async () => {
    const source = inMemory(fileOfFooter(schemaBomb()));
    await expect(readFooter(source)).rejects.toThrow(/too many columns/);
  });

  it.each<[string, number, number]>([
    ["one long word", 2, 200_000],
    ["words without end", 100_000, 20],
    ["a long word over and over", 20_000, 200_000],
  ])("refuses metadata of %s", async (_, numEntries, keyBytes) => {
    const source = inMemory(fileOfFooter(metadataBomb(numEntries, keyBytes)));
    const before = process.memoryUsage.rss();
    await expect(readFooter(source)).rejects.toThrow(ArrowFormatError);
    expect(process.memoryUsage.rss() - before).toBeLessThan(100 * 2 ** 20);
  });

  it("reads schema, batches and metadata of a shard", async () => {
    const footer = await readFooter(inMemory(file));
    const columns = sceneFields.map((field) => field.column);
    expect(columnDifference(footer.columns, columns)).toBeUndefined();
    expect(footer.metadata.get("crossweave.split")).toBe("train");
    expect(footer.batches.map((block) => block.offset)).toContain(batch.offset);
  });

  it("names the first column that differs", async () => {
    const { columns } = await readFooter(inMemory(file));
    const renamed = columns.map((column) =>
      column.name === "texts" ? { name: "text", nullable: false, type: column.type } : column,
    );
    expect(columnDifference(renamed, columns)).toMatch(
      /^column 1 is "text: list<.*expected "texts: /,
    );
    expect(columnDifference(columns.slice(0, 4), columns)).toMatch(/^column 4 is "nothing"/);
  });
});

/**
 * A footer of a few kilobytes whose schema has 40 ** 10 columns. FlatBuffers: a table starts with the
 * way back to its vtable; here each has one more word, the way forward to its only member.
 */
function schemaBomb(): Uint8Array {
  const [numLevels, numChildren] = [10, 40];
  const levelBytes = 12 + numChildren * 4;
  const bytes = Buffer.alloc(56 + numLevels * levelBytes + 4);
  bytes.writeUInt32LE(32, 0);
  for (const [position, vtable] of [
    [4, [8, 8, 0, 4]], // footer and schema: slot 1 at byte 4
    [12, [16, 8, 0, 0, 0, 0, 0, 4]], // field: slot 5, its children, at byte 4
    [28, [4, 4]], // a field without anything
  ] as const) {
    for (const [slot, value] of vtable.entries()) bytes.writeUInt16LE(value, position + slot * 2);
  }
  const words = [32 - 4, 4, 40 - 4, 4, 1, 4];
  for (const [index, word] of words.entries()) bytes.writeUInt32LE(word, 32 + index * 4);
  for (let level = 0; level < numLevels; level += 1) {
    const start = 56 + level * levelBytes;
    bytes.writeUInt32LE(start - 12, start);
    bytes.writeUInt32LE(4, start + 4);
    bytes.writeUInt32LE(numChildren, start + 8);
    for (let place = 12; place < levelBytes; place += 4) {
      bytes.writeUInt32LE(levelBytes - place, start + place);
    }
  }
  const last = bytes.length - 4;
  bytes.writeUInt32LE(last - 28, last);
  return bytes;
}

/** A footer whose schema has so many times the same entry of metadata, the key of which has so many bytes. */
function metadataBomb(numEntries: number, keyBytes: number): Uint8Array {
  const entry = 52 + numEntries * 4;
  const bytes = Buffer.alloc(entry + 12 + keyBytes, "k");
  bytes.fill(0, 0, entry + 12);
  bytes.writeUInt32LE(32, 0);
  for (const [position, vtable] of [
    [4, [8, 8, 0, 4]], // footer: slot 1, its schema, at byte 4
    [12, [10, 8, 0, 0, 4]], // schema: slot 2, its metadata, at byte 4
    [24, [6, 8, 4]], // entry: slot 0, its key, at byte 4
  ] as const) {
    for (const [slot, value] of vtable.entries()) bytes.writeUInt16LE(value, position + slot * 2);
  }
  const words = [32 - 4, 4, 40 - 12, 4, numEntries];
  for (const [index, word] of words.entries()) bytes.writeUInt32LE(word, 32 + index * 4);
  for (let place = 52; place < entry; place += 4) bytes.writeUInt32LE(entry - place, place);
  for (const [index, word] of [entry - 24, 4, keyBytes].entries()) {
    bytes.writeUInt32LE(word, entry + index * 4);
  }
  return bytes;
}

function fileOfFooter(footer: Uint8Array): Buffer {
  const tail = Buffer.alloc(4);
  tail.writeInt32LE(footer.byteLength);
  return Buffer.concat([Buffer.from("ARROW1\0\0"), footer, tail, Buffer.from("ARROW1")]);
}
