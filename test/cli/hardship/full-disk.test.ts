import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readIndex } from "../../../src/shards/shard-set-index.ts";
import { SmallDisk } from "./small-disk.ts";
import { drawTinyWorld, outcomeOf, run, trainArguments, type TinyWorld } from "./tiny-world.ts";

let world: TinyWorld;
/** A run of twelve steps that nothing disturbed. */
let trained = "";
beforeAll(async () => {
  world = await drawTinyWorld();
  trained = join(world.folder, "trained");
  const { exitCode, stderr } = await run(trainArguments(world, trained));
  if (exitCode !== 0) throw new Error(stderr);
});
afterAll(() => world[Symbol.asyncDispose]());

/** The names of all files on a disk, without the folders of unfinished work. */
async function namesOn(disk: SmallDisk): Promise<string[]> {
  const entries = await readdir(disk.inside(), { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && !entry.parentPath.includes(".unfinished"))
    .map(({ name }) => name);
}

const fullDisk = {
  exitCode: 24,
  stdout: "",
  stderr: expect.stringMatching(/error: .*(full|no space)[^]*remedy {2}free some space/),
};

describe("on a full disk", () => {
  it("case 54: prepare loses nothing and goes on", async () => {
    await using disk = await SmallDisk.mount("size=200k");
    const set = join(disk.path, "set");
    const prepare = ["prepare", "coco-fit", "--source", world.world, "--out", set];
    expect(await disk.run(prepare)).toEqual(fullDisk);
    expect(await namesOn(disk)).toEqual([]);
    await disk.remount("size=30m");
    expect((await disk.run(prepare)).exitCode).toBe(0);
    const { digest } = await readIndex(disk.inside("set"));
    expect(digest).toBe((await readIndex(world.fit)).digest);
  });

  it("train leaves no half checkpoint and goes on to the same end", async () => {
    await using disk = await SmallDisk.mount("size=620k"); // the first checkpoint, not the second
    const train = trainArguments(world, join(disk.path, "run"));
    expect(await disk.run(train)).toEqual(fullDisk);
    expect(await readdir(disk.inside("run", "checkpoints"))).toEqual(["step-00000005"]);
    await disk.remount("size=30m");
    expect((await disk.run(train)).exitCode).toBe(0);
    expect(await outcomeOf(disk.inside("run"))).toEqual(await outcomeOf(trained));
  });

  it("eval leaves no half page and writes it once there is space", async () => {
    await using disk = await SmallDisk.mount("size=40k");
    const out = join(disk.path, "results");
    const flags = ["--checkpoint", trained, "--data", world.leaking, "--split", "val"];
    const evaluate = ["eval", "retrieval", ...flags, "--out", out];
    expect(await disk.run(evaluate)).toEqual(fullDisk);
    expect(await namesOn(disk)).toEqual(["results.json"]);
    await disk.remount("size=30m");
    expect((await disk.run(evaluate)).exitCode).toBe(0);
    expect((await namesOn(disk)).toSorted()).toEqual(["report.html", "results.json"]);
  });

  it("demo stops while it draws, with exit code 24", async () => {
    await using disk = await SmallDisk.mount("size=100k");
    expect(await disk.run(["demo", "--out", join(disk.path, "demo")])).toEqual(fullDisk);
  });

  it("audit writes no half list of exclusions", async () => {
    await using disk = await SmallDisk.mount("size=64k,nr_inodes=3");
    const list = join(disk.path, "exclusions.json");
    const audit = ["audit", world.leaking, "--exclusions", list];
    // The first list, as JSON and as an Arrow file, takes the two inodes that are left.
    const first = ["audit", world.leaking, "--exclusions", join(disk.path, "first.json")];
    expect((await disk.run(first)).exitCode).toBe(20);
    expect(await disk.run(audit)).toEqual(fullDisk);
    expect((await namesOn(disk)).toSorted()).toEqual(["first.arrow", "first.json"]);
    await disk.remount("size=1m,nr_inodes=10");
    expect((await disk.run(audit)).exitCode).toBe(20);
    const lists = ["first.json", "exclusions.json"].map((name) => readFile(disk.inside(name)));
    const [written, again] = await Promise.all(lists);
    expect(again).toEqual(written);
  });
});

describe("in a read-only folder", () => {
  it("case 54: every command that writes says so and ends with exit code 25", async () => {
    await using disk = await SmallDisk.mount("ro");
    const out = join(disk.path, "out");
    const flags = ["--checkpoint", trained, "--data", world.leaking, "--split", "val"];
    const calls = [
      ["prepare", "coco-fit", "--source", world.world, "--out", out],
      trainArguments(world, out),
      trainArguments(world, disk.path),
      ["eval", "retrieval", ...flags, "--out", disk.path],
      ["audit", world.leaking, "--exclusions", join(disk.path, "exclusions.json")],
      ["demo", "--out", out],
    ];
    for (const call of calls) {
      const { exitCode, stdout, stderr } = await disk.run(call);
      expect([call[0], exitCode, stdout]).toEqual([call[0], 25, ""]);
      expect(stderr).toMatch(/error: .*read-only/);
      expect(stderr).toContain(`  file    ${disk.path}`);
    }
  });
});
