import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ShardError, StateError } from "../../../src/core/errors.ts";
import { bindProof, readBoundProof } from "../../../src/shards/audited/bound-proof.ts";
import { INDEX_FILE, readIndex } from "../../../src/shards/shard-set-index.ts";
import { ShardSetReader } from "../../../src/shards/shard-set-reader.ts";
import { validateShardSet } from "../../../src/shards/validation/validate-shard-set.ts";
import { proofOf } from "../made-up-proof.ts";
import { madeUpScenes, temporaryFolder, writeShardSet } from "../small-set.ts";

const splits = [{ split: "train", scenes: madeUpScenes(12) }];

describe("a proof in a set's folder", () => {
  it("is named by the index and changes neither the set's digest nor any other file", async () => {
    await using folder = await temporaryFolder();
    const before = await writeShardSet(folder.path, splits);
    const files = await readdir(folder.path);
    const text = proofOf(before.digest);
    const bound = await bindProof(folder.path, text);
    expect(bound).toEqual({ ...before, proof: bound.proof });
    expect(await readIndex(folder.path)).toEqual(bound);
    expect(await readBoundProof(folder.path, bound)).toBe(text);
    expect((await readdir(folder.path)).toSorted()).toEqual([...files, "proof.json"].toSorted());
    expect(await validateShardSet(folder.path)).toMatchObject({ faults: [], isValid: true });
    await using reader = await ShardSetReader.open(folder.path);
    expect(reader.index.proof).toEqual(bound.proof);
  });

  it("takes the place of an earlier one", async () => {
    await using folder = await temporaryFolder();
    const { digest } = await writeShardSet(folder.path, splits);
    await bindProof(folder.path, proofOf(digest));
    await bindProof(folder.path, proofOf(digest, "two"));
    expect(await validateShardSet(folder.path)).toMatchObject({ faults: [] });
  });

  it("must be of this set", async () => {
    await using folder = await temporaryFolder();
    await writeShardSet(folder.path, splits);
    const index = await readFile(join(folder.path, INDEX_FILE), "utf8");
    await expect(bindProof(folder.path, proofOf("0".repeat(64)))).rejects.toThrow(StateError);
    expect(await readFile(join(folder.path, INDEX_FILE), "utf8")).toBe(index);
  });

  it.each([
    ["missing", (path: string) => rm(path), /file is missing/],
    ["changed", (path: string) => writeFile(path, "{}"), /it has the sha256/],
  ])("stops readers and is a fault when it is %s", async (_, damage, message) => {
    await using folder = await temporaryFolder();
    const { digest } = await writeShardSet(folder.path, splits);
    await bindProof(folder.path, proofOf(digest));
    await damage(join(folder.path, "proof.json"));
    await expect(ShardSetReader.open(folder.path)).rejects.toThrow(ShardError);
    await expect(ShardSetReader.open(folder.path)).rejects.toThrow(message);
    const { faultyFiles } = await validateShardSet(folder.path);
    expect(faultyFiles).toEqual(["proof.json"]);
  });

  it("stops readers when it is a proof of another set, put there with its digest", async () => {
    await using folder = await temporaryFolder();
    await using other = await temporaryFolder();
    const here = await bindProof(
      folder.path,
      proofOf((await writeShardSet(folder.path, splits)).digest),
    );
    const there = await writeShardSet(other.path, [{ split: "train", scenes: madeUpScenes(5) }]);
    const { proof: foreign } = await bindProof(other.path, proofOf(there.digest));
    const index = await readFile(join(folder.path, INDEX_FILE), "utf8");
    const swapped = index.replace(here.proof?.sha256 ?? "", foreign?.sha256 ?? "");
    await writeFile(join(folder.path, INDEX_FILE), swapped);
    await writeFile(join(folder.path, "proof.json"), proofOf(there.digest));
    await expect(ShardSetReader.open(folder.path)).rejects.toThrow(/no proof of this set/);
  });

  it("is refused by an index that names another file for it", async () => {
    await using folder = await temporaryFolder();
    const { digest } = await writeShardSet(folder.path, splits);
    await bindProof(folder.path, proofOf(digest));
    const path = join(folder.path, INDEX_FILE);
    const text = await readFile(path, "utf8");
    await writeFile(path, text.replace('"file": "proof.json"', '"file": "../proof.json"'));
    await expect(readIndex(folder.path)).rejects.toThrow(ShardError);
  });
});
