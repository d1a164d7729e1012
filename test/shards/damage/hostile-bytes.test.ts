import { appendFile, truncate } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ShardError } from "../../../src/core/errors.ts";
import { parseBatch } from "../../../src/shards/arrow/file-reader.ts";
import { commitIndex } from "../../../src/shards/shard-set-index.ts";
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
// The last buffers are those of picture_bytes: offsets of 64 bits, then values.
const BINARY_OFFSETS = -2;

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
    [
      "a negative offset of a picture",
      BINARY_OFFSETS,
      (bytes, at) => bytes.writeBigInt64LE(-500n, at),
    ],
    [
      "a decreasing offset of a picture",
      BINARY_OFFSETS,
      (bytes, at) => bytes.writeBigInt64LE(400n, at + 16),
    ],
    [
      "a picture past the end",
      BINARY_OFFSETS,
      (bytes, at) => bytes.writeBigInt64LE(2n ** 52n, at + 40),
    ],
    [
      "a picture that ends where no number does",
      BINARY_OFFSETS,
      (bytes, at) => bytes.writeBigInt64LE(2n ** 62n + 1n, at + 40),
    ],
    ["bytes that are no UTF-8", KEY_BYTES, (bytes, at) => bytes.writeUInt8(0xff, at)],
  ])("are named with their batch and not delivered: %s", async (_, buffer, change) => {
    await changeFirstBatch((bytes, buffers) => change(bytes, buffers.at(buffer)?.offset ?? 0));
    const places = await placesOfFaults(hostile);
    expect(places.length).toBeGreaterThan(0);
    for (const place of places) expect(place).toMatch(/^train\/00000\.arrow\/0\//);
    expect(places[0]).toMatch(/offsets|UTF-8/);
    const { numRead, faults } = await readTraining(hostile);
    expect(numRead + faults.length).toBe(30);
    expect(faults.length).toBeGreaterThan(0);
  });

  it.each<[string, { node: number; numRows: bigint }, RegExp]>([
    [
      "a column has fewer rows than the batch",
      { node: 0, numRows: 4n },
      /a column has 4 rows, expected 5/,
    ],
    [
      "a column has more rows than the batch",
      { node: 0, numRows: 2n ** 40n },
      /a column has \d+ rows, expected 5/,
    ],
    ["a column has a negative number of rows", { node: 0, numRows: -1n }, /a column has -1 rows/],
    [
      "a member of a struct has fewer rows than it",
      { node: 3, numRows: 9n },
      /a column has 9 rows, expected 10/,
    ],
    [
      "a member of a struct has more rows than it",
      { node: 4, numRows: 11n },
      /a column has 11 rows, expected 10/,
    ],
    [
      "a struct has fewer rows than its members",
      { node: 2, numRows: 9n },
      /a column has 10 rows, expected 9/,
    ],
  ])("are named when %s", async (_, { node, numRows }, message) => {
    const { offset } = batchOf(hostile, 0);
    await reindexed(hostile.set, FIRST, (bytes) => {
      // The first "field nodes", each with its rows and nulls: five scenes, five lists, their ten texts.
      const nodes = Buffer.alloc(48);
      for (const [at, rows] of [5n, 5n, 10n].entries()) nodes.writeBigInt64LE(rows, at * 16);
      bytes.writeBigInt64LE(numRows, bytes.indexOf(nodes, offset) + node * 16);
    });
    expect((await placesOfFaults(hostile))[0]).toMatch(/^train\/00000\.arrow\/0\/null /);
    expect((await placesOfFaults(hostile))[0]).toMatch(message);
    expect((await readTraining(hostile)).faults).toHaveLength(5);
  });
});

describe("case 37: a batch that says it has more rows than its buffers hold", () => {
  it("is named though metadata and index agree", async () => {
    const { offset, headSizeBytes } = batchOf(hostile, 0);
    const { digest: _digest, ...content } = await reindexed(hostile.set, FIRST, (bytes) => {
      const batch = parseBatch(bytes.subarray(offset, offset + headSizeBytes));
      // The batch's own count and those of its five columns: no other number in there is five.
      for (let at = offset + 8; at < offset + batch.metadataSizeBytes; at += 8) {
        if (bytes.readBigInt64LE(at) === 5n) bytes.writeBigInt64LE(500n, at);
      }
      expect(parseBatch(bytes.subarray(offset, offset + headSizeBytes)).numRows).toBe(500);
    });
    const splits = content.splits.map((split) => {
      const [first, ...others] = split.shards;
      const [batch, ...rest] = first?.batches ?? [];
      if (split.name !== "train" || first === undefined || batch === undefined) return split;
      const batches = [{ ...batch, numScenes: 500 }, ...rest];
      const shard = { ...first, batches, numScenes: first.numScenes + 495 };
      return { ...split, shards: [shard, ...others], numScenes: split.numScenes + 495 };
    });
    await commitIndex(hostile.set, { ...content, splits });
    expect(await placesOfFaults(hostile)).toEqual([
      expect.stringMatching(
        /^train\/00000\.arrow\/0\/null a buffer of \d+ bytes, its rows need 2004/,
      ),
    ]);
    const { numRead, faults } = await readTraining(hostile);
    expect([numRead, faults.length]).toEqual([25, 500]);
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

  it("gives what it gave before when it grows, and is refused by whoever opens it then", async () => {
    await using reader = await ShardSetReader.open(hostile.set);
    const split = reader.split("train");
    const before = Buffer.from(await split.pictureBytes(0, 0));
    await appendFile(join(hostile.set, FIRST), "more");
    expect(Buffer.from(await split.pictureBytes(0, 0))).toEqual(before);
    expect(await split.pictureBytes(9, 0)).toHaveLength(500);
    expect((await readTraining(hostile)).faults).toHaveLength(10);
  });

  it("gives errors and never zeros when the small columns are cut off", async () => {
    await using reader = await ShardSetReader.open(hostile.set);
    const split = reader.split("train");
    await split.head(0);
    await truncate(join(hostile.set, FIRST), batchOf(hostile, 1).offset + 64);
    await expect(split.head(9)).rejects.toThrow(/batch 1: 64 of \d+ bytes .* the file is cut/);
  });

  it("is refused when it is longer than the index says", async () => {
    await appendFile(join(hostile.set, FIRST), "more");
    const { numRead, faults } = await readTraining(hostile);
    expect([numRead, faults.length]).toEqual([20, 10]);
    expect((await placesOfFaults(hostile))[0]).toMatch(/bytes, the index says/);
  });
});
