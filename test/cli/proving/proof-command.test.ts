import { spawnSync } from "node:child_process";
import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readIndex } from "../../../src/shards/shard-set-index.ts";
import { madeUpScenes, temporaryFolder, writeShardSet } from "../../shards/small-set.ts";

const launcher = join(import.meta.dirname, "../../../bin/crossweave.mjs");
let temporary: Awaited<ReturnType<typeof temporaryFolder>> | undefined;
let folder = "";

beforeAll(async () => {
  temporary = await temporaryFolder();
  folder = temporary.path;
  const write = async (name: string, role: "train" | "eval", first: number): Promise<void> => {
    const scenes = madeUpScenes(12, first);
    await writeShardSet(join(folder, name), [{ split: role, role, scenes }]);
  };
  await write("trained", "train", 0);
  await write("evaluated", "eval", 900);
  await write("leaking", "eval", 11);
});
afterAll(async () => await temporary?.[Symbol.asyncDispose]());

interface Ran {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function crossweave(...args: readonly string[]): Ran {
  return spawnSync(process.execPath, [launcher, ...args], { cwd: folder, encoding: "utf8" });
}

function audit(...args: readonly string[]): Ran {
  return crossweave("audit", "--no-near", ...args);
}

describe("crossweave proof", () => {
  it("makes a key for its owner alone and never writes over one", async () => {
    expect(crossweave("proof", "keygen", "--out", "keys/audit").status).toBe(0);
    const privateKey = join(folder, "keys/audit");
    expect((await stat(privateKey)).mode & 0o777).toBe(0o600);
    const before = await readFile(privateKey, "utf8");
    const again = crossweave("proof", "keygen", "--out", "keys/audit");
    expect([again.status, again.stderr]).toEqual([
      25,
      expect.stringContaining("keys/audit exists; a key is never overwritten"),
    ]);
    expect(await readFile(privateKey, "utf8")).toBe(before);
  });

  it("is signed by an audit that finds nothing, named by the index, and verified", async () => {
    const digest = (await readIndex(join(folder, "trained"))).digest;
    const made = audit("trained", "evaluated", "--proof", "proof.json", "--key", "keys/audit");
    expect([made.status, made.stderr]).toEqual([0, expect.not.stringContaining("error")]);
    expect(made.stdout).toContain("named by the index of trained");
    const index = await readIndex(join(folder, "trained"));
    expect(index.digest).toBe(digest);
    expect(index.proof?.file).toBe("proof.json");
    expect((await readIndex(join(folder, "evaluated"))).proof).toBeUndefined();
    const verify = ["proof", "verify", "trained", "evaluated", "--proof", "proof.json"];
    const verified = crossweave(...verify, "--public-key", "keys/audit.pub", "--json");
    expect(verified.status).toBe(0);
    expect(JSON.parse(verified.stdout)).toMatchObject({
      verified: true,
      signed: true,
      claim: expect.stringMatching(
        /^no known identity link .* near-duplicates were not looked for/,
      ),
      sets: [{ role: "training" }, { role: "evaluation" }],
    });
  });

  it("ends with 22 and names a shard that was changed", async () => {
    const path = join(folder, "trained/train/00000.arrow");
    const bytes = await readFile(path);
    const changed = Buffer.from(bytes);
    changed.writeUInt8(255 - changed.readUInt8(4000), 4000);
    await writeFile(path, changed);
    const verify = ["proof", "verify", "trained", "--proof", "proof.json"];
    const { status, stderr } = crossweave(...verify, "--public-key", "keys/audit.pub");
    await writeFile(path, bytes);
    expect([status, stderr]).toEqual([22, expect.stringContaining("trained/train/00000.arrow:")]);
  });

  it("is not made of sets that leak", async () => {
    const leaking = audit("trained", "leaking", "--proof", "no.json", "--key", "keys/audit");
    expect(leaking.status).toBe(20);
    expect(leaking.stdout).toContain("no proof was written to no.json: these sets leak");
    await expect(stat(join(folder, "no.json"))).rejects.toThrow(/ENOENT/);
  });

  it("is unsigned only where that is said, and verification says so", () => {
    const sets = ["trained", "evaluated", "--proof", "plain.json"];
    const without = audit(...sets);
    expect([without.status, without.stderr]).toEqual([
      2,
      expect.stringContaining("a proof needs a key"),
    ]);
    const made = audit(...sets, "--unsigned", "--no-bind");
    expect([made.status, made.stdout]).toEqual([0, expect.stringContaining("not signed")]);
    const verify = ["proof", "verify", "evaluated", "--proof", "plain.json"];
    const signed = crossweave(...verify, "--public-key", "keys/audit.pub");
    expect([signed.status, signed.stderr]).toEqual([
      22,
      expect.stringContaining("carries no signature"),
    ]);
    const bound = crossweave("proof", "verify", "trained", "--proof", "plain.json", "--unsigned");
    expect([bound.status, bound.stderr]).toEqual([22, expect.stringContaining("another proof")]);
  });
});

describe("crossweave hashes export", () => {
  it("tells hashes alone, against which an audit names rows by their numbers", async () => {
    const out = ["--out", "leaking.hashes", "--no-near"];
    expect(crossweave("hashes", "export", "leaking", ...out).status).toBe(0);
    const text = await readFile(join(folder, "leaking.hashes"), "utf8");
    const [picture] = madeUpScenes(1, 11).flatMap(({ pictures }) => pictures);
    expect(text).not.toContain(picture?.key);
    expect(text).not.toContain(picture?.url);
    const found = audit("trained", "--against", "leaking.hashes", "--json");
    expect(found.status).toBe(20);
    const { verdict } = JSON.parse(found.stdout);
    expect(verdict.checked.against).toMatchObject([{ split: "hashes", pictures: 14 }]);
    expect(verdict.leaks[0].eval.picture).toMatch(/^hidden:[0-9a-f]{12}\/\d+$/);
    expect(verdict.leaks[0].train.picture).toBe(picture?.key);
    const clean = crossweave("hashes", "export", "evaluated", "--out", "e.hashes", "--no-near");
    expect(clean.status).toBe(0);
    expect(audit("trained", "--against", "e.hashes").status).toBe(0);
  });
});

describe("a file of another kind at the name of a result", () => {
  it("is refused before any set is opened", async () => {
    await writeFile(join(folder, "notes.txt"), "mine");
    const hashing = crossweave("hashes", "export", "nowhere", "--out", "notes.txt");
    const listing = audit("nowhere", "--exclusions", "notes.txt");
    for (const { status, stderr } of [hashing, listing]) {
      expect([status, stderr]).toEqual([25, expect.stringContaining("notes.txt exists and")]);
    }
    expect(await readFile(join(folder, "notes.txt"), "utf8")).toBe("mine");
  });
});

describe("crossweave manifest diff", () => {
  it("ends with 0 for two that differ, and with 22 where they must not", () => {
    expect(audit("trained", "leaking", "--exclusions", "leaking.json").status).toBe(20);
    expect(audit("trained", "evaluated", "--exclusions", "clean.json").status).toBe(0);
    const { status, stdout } = crossweave("manifest", "diff", "leaking.json", "clean.arrow");
    expect(status).toBe(0);
    expect(stdout).toMatch(/^0 pictures added, 2 removed, 0 for another reason, 0 as before\./);
    expect(stdout).toMatch(/evaluation made-up\/eval +[0-9a-f]{64}, 14 pictures +[0-9a-f]{64}/);
    const strict = crossweave("manifest", "diff", "leaking.json", "clean.json", "--require-same");
    expect(strict.status).toBe(22);
    const same = crossweave("manifest", "diff", "clean.json", "clean.arrow", "--require-same");
    expect(same.status).toBe(0);
    expect(crossweave("manifest", "diff", "clean.json", "proof.json").status).toBe(23);
  });
});
