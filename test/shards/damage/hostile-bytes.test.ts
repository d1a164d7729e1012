import { appendFile, truncate } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ShardError } from "../../../src/core/errors.ts";
import { parseBatch } from "../../../src/shards/arrow/file-reader.ts";
import { ShardSetReader } from "../../../src/shards/shard-set-reader.ts";
import { RunningProgram } from "../../cli/running-program.ts";
import {
  batchOf,
  FIRST,
  flipBit,
  hostileSet,
  placesOfFaults,
  readTraining,
} from "./hostile-set.ts";
import { reindexed } from "./reindexed.ts";

const launcher = join(import.meta.dirname, "../../../bin/crossweave.mjs");
const hostile = hostileSet();

describe("case 36: one flipped bit", () => {
  it("is named with batch and row, and all other records stay usable", async () => {
    const { offset, headSizeBytes } = batchOf(hostile, 1);
    await flipBit(hostile, FIRST, offset + headSizeBytes + 2 * 500 + 17);
    expect((await placesOfFaults(hostile))[0]).toMatch(
      /^train\/00000\.arrow\/1\/1 the bytes of coco:12/,
    );
    const { numRead, faults } = await readTraining(hostile);
    expect([numRead, faults.length]).toEqual([29, 1]);
    expect(faults[0]?.message).toContain("batch 1, row 1");
  });

  it("ends the command with 21", async () => {
    await flipBit(hostile, FIRST, batchOf(hostile, 0).offset + 400);
    const { exitCode, stdout } = await new RunningProgram(launcher, ["validate", hostile.set])
      .ended;
    expect(exitCode).toBe(21);
    expect(stdout).toContain("train/00000.arrow, batch 0: its small columns have the digest");
  });
});

/** Changes the body of the first batch, told where its buffers lie in the file. */
async function changeFirstBatch(
  change: (bytes: Buffer, buffers: readonly { offset: number; sizeBytes: number }[]) => void,
): Promise<void> {
  const { offset, headSizeBytes } = batchOf(hostile, 0);
  await reindexed(hostile.set, FIRST, (bytes) => {
    const batch = parseBatch(bytes.subarray(offset, offset + headSizeBytes));
    const body = offset + batch.metadataSizeBytes;
    const buffers = batch.buffers.map((buffer) => ({ ...buffer, offset: body + buffer.offset }));
    change(bytes, buffers);
  });
}

// Buffers in the order of the schema: scene_key has validity, offsets and bytes, then texts has validity and offsets.
const KEY_OFFSETS = 1;
const KEY_BYTES = 2;
const LIST_OFFSETS = 4;

describe("case 37: columns that lie, under right digests", () => {
  it.each<[string, number, (bytes: Buffer, at: number) => void]>([
    ["a negative offset", KEY_OFFSETS, (bytes, at) => bytes.writeInt32LE(-4, at)],
    ["a decreasing offset", KEY_OFFSETS, (bytes, at) => bytes.writeInt32LE(1, at + 8)],
    ["an offset past the end", KEY_OFFSETS, (bytes, at) => bytes.writeInt32LE(2 ** 30, at + 4)],
    [
      "a list that begins before its items",
      LIST_OFFSETS,
      (bytes, at) => bytes.writeInt32LE(-1, at),
    ],
    [
      "a list that ends past its items",
      LIST_OFFSETS,
      (bytes, at) => bytes.writeInt32LE(999, at + 20),
    ],
    ["bytes that are no UTF-8", KEY_BYTES, (bytes, at) => bytes.writeUInt8(0xff, at)],
  ])("are named with their batch and not delivered: %s", async (_, buffer, change) => {
    await changeFirstBatch((bytes, buffers) => change(bytes, buffers[buffer]?.offset ?? 0));
    const places = await placesOfFaults(hostile);
    expect(places.length).toBeGreaterThan(0);
    for (const place of places) expect(place).toMatch(/^train\/00000\.arrow\/0\//);
    expect(places[0]).toMatch(/offsets|UTF-8/);
    const { numRead, faults } = await readTraining(hostile);
    expect(numRead + faults.length).toBe(30);
    expect(faults.length).toBeGreaterThan(0);
  });

  it.each<[string, bigint, RegExp]>([
    ["fewer rows than the batch", 4n, /a column has 4 rows, expected 5/],
    ["more rows than its buffers hold", 2n ** 40n, /a column has \d+ rows, expected 5/],
    ["a negative number of rows", -1n, /a column has -1 rows/],
  ])("are named when a column has %s", async (_, numRows, message) => {
    const { offset } = batchOf(hostile, 0);
    await reindexed(hostile.set, FIRST, (bytes) => {
      // The first "field nodes", each with its rows and nulls: five scenes, five lists, their ten texts.
      const nodes = Buffer.alloc(48);
      for (const [at, rows] of [5n, 5n, 10n].entries()) nodes.writeBigInt64LE(rows, at * 16);
      bytes.writeBigInt64LE(numRows, bytes.indexOf(nodes, offset));
    });
    expect((await placesOfFaults(hostile))[0]).toMatch(/^train\/00000\.arrow\/0\/null /);
    expect((await placesOfFaults(hostile))[0]).toMatch(message);
    expect((await readTraining(hostile)).faults).toHaveLength(5);
  });
});

describe("case 38: shards that are cut or have no end", () => {
  it.each<[string, (bytes: Buffer) => Buffer]>([
    ["an empty file", () => Buffer.alloc(0)],
    ["half of a file", (bytes) => bytes.subarray(0, bytes.length / 2)],
    ["no footer", (bytes) => bytes.subarray(0, bytes.length - 300)],
    [
      "a huge footer",
      (bytes) => {
        bytes.writeInt32LE(2 ** 31 - 1, bytes.length - 10);
        return bytes;
      },
    ],
    [
      "a negative footer",
      (bytes) => {
        bytes.writeInt32LE(-1, bytes.length - 10);
        return bytes;
      },
    ],
  ])("are faults and never a set of no rows, also under right digests: %s", async (_, change) => {
    await reindexed(hostile.set, FIRST, change);
    expect((await placesOfFaults(hostile))[0]).toMatch(/^train\/00000\.arrow\/null\/null /);
    const { numRead, faults } = await readTraining(hostile);
    expect([numRead, faults.length]).toEqual([20, 10]);
    for (const fault of faults) expect(fault.file).toContain(FIRST);
  });

  it("are faults when a batch's metadata has the length -1", async () => {
    const { offset } = batchOf(hostile, 0);
    await reindexed(hostile.set, FIRST, (bytes) => void bytes.writeInt32LE(-1, offset + 4));
    expect((await placesOfFaults(hostile))[0]).toMatch(
      /^train\/00000\.arrow\/0\/null no record batch/,
    );
    expect((await readTraining(hostile)).faults).toHaveLength(5);
  });
});

describe("case 44: a shard that changes its size while it is read", () => {
  it("gives errors and never zeros when it shrinks", async () => {
    await using reader = await ShardSetReader.open(hostile.set);
    const split = reader.split("train");
    await split.head(9);
    await truncate(
      join(hostile.set, FIRST),
      batchOf(hostile, 1).offset + batchOf(hostile, 1).headSizeBytes + 100,
    );
    const read = split.pictureBytes(9, 0);
    await expect(read).rejects.toThrow(ShardError);
    await expect(read).rejects.toThrow(/batch 1, row 4: 0 of 500 bytes .* the file is cut/);
    expect(await split.pictureBytes(0, 0)).toHaveLength(500);
  });

  it("is refused when it is longer than the index says", async () => {
    await appendFile(join(hostile.set, FIRST), "more");
    const { numRead, faults } = await readTraining(hostile);
    expect([numRead, faults.length]).toEqual([20, 10]);
    expect((await placesOfFaults(hostile))[0]).toMatch(/bytes, the index says/);
  });
});
