import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { sha256 } from "../../../src/core/digest.ts";
import { ShardError } from "../../../src/core/errors.ts";
import { isProvenIndex, rememberProvenIndex } from "../../../src/shards/opening/proven-indexes.ts";
import { INDEX_FILE } from "../../../src/shards/shard-set-index.ts";
import { ShardSetReader } from "../../../src/shards/shard-set-reader.ts";
import { madeUpScenes, temporaryFolder, writeShardSet } from "../small-set.ts";

const formerCache = process.env["CROSSWEAVE_CACHE"];
let made: Awaited<ReturnType<typeof temporaryFolder>>;
let list: string;
let set: string;

beforeEach(async () => {
  made = await temporaryFolder();
  const cache = join(made.path, "cache");
  process.env["CROSSWEAVE_CACHE"] = cache;
  list = join(cache, "proven-indexes.txt");
  set = join(made.path, "set");
  await writeShardSet(set, [{ split: "train", scenes: madeUpScenes(12) }]);
});

afterEach(async () => {
  if (formerCache === undefined) delete process.env["CROSSWEAVE_CACHE"];
  else process.env["CROSSWEAVE_CACHE"] = formerCache;
  await made[Symbol.asyncDispose]();
});

async function open(): Promise<void> {
  await using _ = await ShardSetReader.open(set);
}

async function digestOfIndex(): Promise<string> {
  return sha256(await readFile(join(set, INDEX_FILE)));
}

/** Changes one number of the index and gives the digest of the changed bytes. */
async function changeIndex(): Promise<string> {
  const text = await readFile(join(set, INDEX_FILE), "utf8");
  await writeFile(join(set, INDEX_FILE), text.replace('"numTexts": ', '"numTexts": 1'));
  return digestOfIndex();
}

describe("indexes that were proven before", () => {
  it("are known by their bytes once a set was opened", async () => {
    expect(isProvenIndex(await digestOfIndex())).toBe(false);
    await open();
    expect(isProvenIndex(await digestOfIndex())).toBe(true);
    await open();
    const [, ...digests] = (await readFile(list, "utf8")).trimEnd().split("\n");
    expect(digests).toEqual([await digestOfIndex()]);
  });

  it("are not checked again: only their bytes are compared", async () => {
    rememberProvenIndex(await changeIndex());
    await expect(open()).resolves.toBeUndefined();
  });

  it("are found to be changed by any byte that is another one", async () => {
    await open();
    const bytes = await readFile(join(set, INDEX_FILE));
    for (let position = 0; position < bytes.length; position += 97) {
      const changed = Buffer.from(bytes);
      changed[position] = (bytes[position] ?? 0) ^ 1;
      await writeFile(join(set, INDEX_FILE), changed);
      await expect(open(), `byte ${position}`).rejects.toThrow(ShardError);
    }
    await writeFile(join(set, INDEX_FILE), bytes);
    await open();
  });

  it("are not those that were refused", async () => {
    const digest = await changeIndex();
    await expect(open()).rejects.toThrow("the index was changed");
    expect(isProvenIndex(digest)).toBe(false);
    await expect(open()).rejects.toThrow("the index was changed");
  });
});

describe("the list of proven indexes", () => {
  it("counts for nothing when another version wrote it, and is written anew", async () => {
    const digest = await changeIndex();
    await mkdir(join(list, ".."), { recursive: true });
    await writeFile(list, `crossweave proven indexes 0\n${digest}\n`);
    await expect(open()).rejects.toThrow("the index was changed");
    rememberProvenIndex("a".repeat(64));
    expect(isProvenIndex(digest)).toBe(false);
    expect(isProvenIndex("a".repeat(64))).toBe(true);
  });

  it.each([
    ["empty", () => ""],
    ["cut in a line", (text: string) => text.slice(0, -20)],
    ["cut in its title", (text: string) => text.slice(10)],
    ["flipped in a bit", (text: string) => text.replace(/[0-9a-f]\n$/, "z\n")],
    ["other bytes", () => "\0\u{ff}\n\n\n"],
  ])("proves nothing where it is damaged: %s", async (_, damage) => {
    await open();
    const digest = await digestOfIndex();
    await writeFile(list, damage(await readFile(list, "utf8")), "latin1");
    expect(isProvenIndex(digest)).toBe(false);
    await open();
    expect(isProvenIndex(digest)).toBe(true);
  });

  it("is done without where the cache folder cannot be made", async () => {
    await writeFile(join(made.path, "file"), "");
    process.env["CROSSWEAVE_CACHE"] = join(made.path, "file");
    await open();
    expect(isProvenIndex(await digestOfIndex())).toBe(false);
    await open();
  });

  it("keeps the thousand indexes proven last", () => {
    const digests = Array.from({ length: 1002 }, (_, index) => sha256(String(index)));
    for (const digest of digests) rememberProvenIndex(digest);
    expect(digests.map(isProvenIndex).lastIndexOf(false)).toBe(1);
  });
});
