import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";

import { type ArrowFooter, readFooter } from "../../../src/shards/arrow/file-reader.ts";
import { madeUpScenes, temporaryFolder, writeShardSet } from "../small-set.ts";

async function footerOf(file: string): Promise<ArrowFooter> {
  return footerIn(await readFile(file));
}

function footerIn(bytes: Uint8Array): Promise<ArrowFooter> {
  return readFooter({
    sizeBytes: bytes.byteLength,
    read: ({ offset, sizeBytes }) => bytes.subarray(offset, offset + sizeBytes),
  });
}

it("reads a footer for itself, though another one of its length was read before", async () => {
  await using folder = await temporaryFolder();
  const splits = ["train", "tests"].map((split) => ({ split, scenes: madeUpScenes(12) }));
  await writeShardSet(folder.path, splits);
  const [train, tests] = ["train", "tests"].map((split) => join(folder.path, split, "00000.arrow"));
  for (const _ of [1, 2]) {
    expect((await footerOf(train ?? "")).metadata.get("crossweave.split")).toBe("train");
    expect((await footerOf(tests ?? "")).metadata.get("crossweave.split")).toBe("tests");
  }
});

it("lists the batches of each of two shards that differ in nothing else", async () => {
  await using folder = await temporaryFolder();
  await writeShardSet(folder.path, [{ split: "train", scenes: madeUpScenes(12) }]);
  const bytes = await readFile(join(folder.path, "train/00000.arrow"));
  const before = await footerIn(bytes);
  const [block] = before.batches;
  const word = Buffer.alloc(8);
  word.writeBigInt64LE(BigInt(block?.bodySizeBytes ?? 0));
  const place = bytes.lastIndexOf(word);
  bytes.writeBigInt64LE(BigInt((block?.bodySizeBytes ?? 0) - 8), place);
  const after = await footerIn(bytes);
  expect(after.columns).toEqual(before.columns);
  expect(after.batches).not.toEqual(before.batches);
});
