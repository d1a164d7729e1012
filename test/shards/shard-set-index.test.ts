import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { canonicalJson, type JsonValue, sha256 } from "../../src/core/digest.ts";
import { ShardError, SourceError } from "../../src/core/errors.ts";
import { commitIndex, INDEX_FILE, readIndex } from "../../src/shards/shard-set-index.ts";
import { ShardSetReader } from "../../src/shards/shard-set-reader.ts";
import { SplitWriter } from "../../src/shards/split-writer.ts";
import { madeUpScenes, smallLayout, temporaryFolder, writeShardSet } from "./small-set.ts";

const splits = [{ split: "train", scenes: madeUpScenes(12) }];
const jsonObject = z.record(
  z.string(),
  z.custom<JsonValue>((value) => value !== undefined),
);

/** Changes the index as somebody does who knows how its digest is made. */
async function forgeIndex(
  folder: string,
  change: (text: string) => string,
): Promise<Record<string, JsonValue>> {
  const path = join(folder, INDEX_FILE);
  const changed: unknown = JSON.parse(change(await readFile(path, "utf8")));
  const { digest: _digest, ...content } = jsonObject.parse(changed);
  const forged = { ...content, digest: sha256(canonicalJson(content)) };
  await writeFile(path, `${JSON.stringify(forged, null, 1)}\n`);
  return forged;
}

describe("the index", () => {
  it("is read back as it was committed, and names the set by its digest", async () => {
    await using folder = await temporaryFolder();
    const index = await writeShardSet(folder.path, splits);
    expect(await readIndex(folder.path)).toEqual(index);
    const { digest, ...content } = index;
    const plain = jsonObject.parse(JSON.parse(JSON.stringify(content)));
    expect(digest).toBe(sha256(canonicalJson(plain)));
  });

  it("is the last file to appear, and no marks of the preparation stay", async () => {
    await using folder = await temporaryFolder();
    const plan = { folder: folder.path, split: "train", role: "train" as const };
    await using writer = await SplitWriter.create({ ...plan, layout: smallLayout });
    for (const scene of madeUpScenes(12)) await writer.append(scene);
    await writer.finish();
    expect(existsSync(join(folder.path, INDEX_FILE))).toBe(false);
    await expect(ShardSetReader.open(folder.path)).rejects.toThrow(SourceError);
    await using done = await temporaryFolder();
    await writeShardSet(done.path, splits);
    expect((await readdir(done.path)).toSorted()).toEqual([
      "croissant.json",
      "index.json",
      "ledger.arrow",
      "train",
    ]);
  });

  it("replaces an older one as a whole", async () => {
    await using folder = await temporaryFolder();
    const { digest, ...content } = await writeShardSet(folder.path, splits);
    const renamed = await commitIndex(folder.path, { ...content, name: "renamed" });
    expect(renamed.digest).not.toBe(digest);
    expect(await readIndex(folder.path)).toEqual(renamed);
  });

  it.each([
    ["no folder", "missing"],
    ["an empty folder", "."],
    ["a file", "file"],
  ])("is missing with a remedy when there is %s", async (_, name) => {
    await using folder = await temporaryFolder();
    await writeFile(join(folder.path, "file"), "");
    const read = readIndex(join(folder.path, name));
    await expect(read).rejects.toThrow(SourceError);
    await expect(read).rejects.toMatchObject({ remedy: expect.stringContaining("prepare") });
  });

  it.each([
    ["an empty file", ""],
    ["half of a JSON document", '{"format": "crossweave-shards", "ver'],
    ["another document", "[1, 2]"],
    ["an object without a digest", "{}"],
    ["an object with a digest of another kind", '{"digest": {"a": 1}}'],
  ])("is damaged when it is %s", async (_, text) => {
    await using folder = await temporaryFolder();
    await writeFile(join(folder.path, INDEX_FILE), text);
    await expect(readIndex(folder.path)).rejects.toThrow(ShardError);
  });

  it.each([
    ["a count", (text: string) => text.replace('"numScenes": 12', '"numScenes": 13')],
    ["a role", (text: string) => text.replace('"role": "train"', '"role": "eval"')],
    ["a new member", (text: string) => text.replace('"name"', '"extra": 1, "name"')],
  ])("does not pass with a change of %s", async (_, change) => {
    await using folder = await temporaryFolder();
    await writeShardSet(folder.path, splits);
    const path = join(folder.path, INDEX_FILE);
    await writeFile(path, change(await readFile(path, "utf8")));
    await expect(readIndex(folder.path)).rejects.toThrow(/digest/);
  });

  it.each([
    ["a file outside of the set", '"train/00000.arrow"', '"../other/00000.arrow"'],
    ["an absolute path", '"train/00000.arrow"', '"/etc/00000.arrow"'],
    ["a split named as a folder above", '"name": "train"', '"name": ".."'],
    ["a negative size", '"offset": ', '"offset": -'],
    ["another version", '"version": 1', '"version": 2'],
  ])("does not pass with %s even when its digest is right", async (_, found, replacement) => {
    await using folder = await temporaryFolder();
    await writeShardSet(folder.path, splits);
    await forgeIndex(folder.path, (text) => text.replace(found, replacement));
    await expect(readIndex(folder.path)).rejects.toThrow(ShardError);
  });

  it("survives a recipe with members in any order and unusual names", async () => {
    await using folder = await temporaryFolder();
    const { digest: _digest, ...content } = await writeShardSet(folder.path, splits);
    const recipe = { z: [1, { b: null, a: "\u{1f415}" }], __proto__: 1, "": true };
    const index = await commitIndex(folder.path, { ...content, recipe });
    expect(await readIndex(folder.path)).toEqual(index);
  });

  it("is not committed into a folder that is not there", async () => {
    await using folder = await temporaryFolder();
    const { digest: _digest, ...content } = await writeShardSet(folder.path, splits);
    await mkdir(join(folder.path, "other"));
    await expect(commitIndex(join(folder.path, "gone"), content)).rejects.toThrow(/ENOENT/);
  });
});
