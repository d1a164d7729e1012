import { watch } from "node:fs";
import { cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { errnoOf } from "../../../src/core/errors.ts";
import { writeKeyPair } from "../../../src/cli/proving/proof-files.ts";
import { readBoundProof } from "../../../src/shards/audited/bound-proof.ts";
import { readIndex } from "../../../src/shards/shard-set-index.ts";
import { plain } from "../../ingest/pictures/made-pictures.ts";
import { madeUpScenes, temporaryFolder, writeShardSet } from "../../shards/small-set.ts";
import { SmallDisk } from "./small-disk.ts";
import { run, start } from "./tiny-world.ts";

let temporary: Awaited<ReturnType<typeof temporaryFolder>>;
let folder = "";
let key = "";
beforeAll(async () => {
  temporary = await temporaryFolder();
  folder = temporary.path;
  const evaluated = { split: "test", role: "eval", scenes: madeUpScenes(5, 900) } as const;
  await writeShardSet(join(folder, "evaluated"), [evaluated]);
  await writeShardSet(join(folder, "trained"), [{ split: "train", scenes: madeUpScenes(23) }]);
  key = (await writeKeyPair(join(folder, "key"))).privateKey;
  await mkdir(join(folder, "own"));
  for (const colour of ["#345678", "#abcdef"]) {
    const bytes = await plain(40, 30, colour).png().toBuffer();
    await writeFile(join(folder, "own", `${colour.slice(1)}.png`), bytes);
  }
});
afterAll(() => temporary[Symbol.asyncDispose]());

/** Commands that write one file, into `out`. */
const writing = {
  "audit --proof": (out: string) => proving(out, join(folder, "trained"), "--no-bind"),
  "hashes export": (out: string) => {
    return ["hashes", "export", join(folder, "evaluated"), "--no-near", "--out", join(out, "file")];
  },
  "calibrate --out": (out: string) => [
    "calibrate",
    join(folder, "own"),
    "--out",
    join(out, "file"),
  ],
} as const;

function proving(out: string, trained: string, ...more: readonly string[]): string[] {
  const sets = ["audit", trained, join(folder, "evaluated"), "--no-near"];
  return [...sets, "--proof", join(out, "file"), "--key", key, ...more];
}

/** Runs a command and kills it at the nth event of a folder. */
async function killedAt(nth: number, at: string, args: readonly string[]): Promise<void> {
  const program = start(args, { CROSSWEAVE_CACHE: join(folder, "cache") });
  let numEvents = 0;
  using watched = new DisposableStack();
  const watcher = watch(at, () => {
    numEvents += 1;
    if (numEvents === nth) program.child.kill("SIGKILL");
  });
  watched.defer(() => watcher.close());
  const { exitCode } = await program.ended;
  expect(exitCode).toBeOneOf([null, 0]); // it may have been done already
}

describe("what one command writes", () => {
  it.each(["audit --proof", "hashes export", "calibrate --out"] as const)(
    "of %s is whole or absent after SIGKILL, and the next run leaves nothing of it",
    async (command) => {
      const out = join(folder, command);
      await mkdir(out);
      await killedAt(1, out, writing[command](out));
      const left = (await readdir(out)).filter((name) => !name.endsWith(".part"));
      const before = await Promise.all(left.map((name) => readFile(join(out, name))));
      expect((await run(writing[command](out))).exitCode).toBe(0);
      expect(await readdir(out)).toEqual(["file"]);
      const whole = await readFile(join(out, "file"));
      expect(before).toEqual(left.map(() => whole));
    },
  );

  it("of audit --proof into a set is there or not after SIGKILL, and the set is whole", async () => {
    const [set, out] = [join(folder, "killed-set"), join(folder, "killed-proof")];
    await cp(join(folder, "trained"), set, { recursive: true });
    await mkdir(out);
    for (const nth of [1, 3]) {
      await killedAt(nth, set, proving(out, set));
      const index = await readIndex(set);
      const bound = await readBoundProof(set, index);
      expect(bound === undefined).toBe(index.proof === undefined);
    }
    expect((await run(proving(out, set))).exitCode).toBe(0);
    const verify = ["proof", "verify", set, "--proof", join(out, "file")];
    expect((await run([...verify, "--public-key", `${key}.pub`])).exitCode).toBe(0);
    expect((await readdir(set)).filter((name) => /part|unfinished/.test(name))).toEqual([]);
    expect(await readdir(out)).toEqual(["file"]);
  });
});

describe("audit --proof on a full disk", () => {
  const full = { exitCode: 24, stdout: "", stderr: expect.stringContaining("no space is left") };

  it("writes no half proof and binds none, and the next run goes on", async () => {
    await using disk = await SmallDisk.mount("size=4k");
    await writeFile(disk.inside("filler"), Buffer.alloc(4096));
    const set = join(folder, "full-set");
    await cp(join(folder, "trained"), set, { recursive: true });
    expect(await disk.run(proving(disk.path, set))).toEqual(full);
    expect(await readdir(disk.inside())).toEqual(["filler"]);
    expect((await readIndex(set)).proof).toBeUndefined();
    await rm(disk.inside("filler"));
    await disk.remount("size=1m");
    expect((await disk.run(proving(disk.path, set))).exitCode).toBe(0);
    expect((await readIndex(set)).proof?.file).toBe("proof.json");
  });

  it("leaves the set as it was where that has no room for the proof", async () => {
    await using disk = await SmallDisk.mount("size=512k");
    const [set, out] = [join(disk.path, "set"), join(folder, "elsewhere")];
    await cp(join(folder, "trained"), disk.inside("set"), { recursive: true });
    const before = await filesOf(disk.inside("set"));
    await fill(disk.inside("filler"));
    expect(await disk.run(proving(out, set))).toEqual(full);
    await rm(disk.inside("filler"));
    expect(await filesOf(disk.inside("set"))).toEqual(before);
    expect((await disk.run(proving(out, set))).exitCode).toBe(0);
    expect(await filesOf(disk.inside("set"))).toEqual([...before, "proof.json"].toSorted());
  });
});

/** The names in a set's folder, without the one where a write begins. */
async function filesOf(set: string): Promise<string[]> {
  const names = await readdir(set, { recursive: true });
  return names.filter((name) => !name.startsWith(".unfinished")).toSorted();
}

/** Writes a file until there is no room for more. */
async function fill(path: string): Promise<void> {
  for (;;) {
    try {
      await writeFile(path, Buffer.alloc(1024), { flag: "a" });
    } catch (error) {
      if (errnoOf(error) === "ENOSPC") return;
      throw error;
    }
  }
}
