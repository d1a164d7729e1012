import { watch } from "node:fs";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SmallDisk } from "./small-disk.ts";
import { drawTinyWorld, run, start, type TinyWorld } from "./tiny-world.ts";

let world: TinyWorld;
let cache = "";
/** What an audit that nothing disturbed writes, by the name of the file. */
let whole: ReadonlyMap<string, string>;
beforeAll(async () => {
  world = await drawTinyWorld();
  cache = join(world.folder, "cache");
  const out = join(world.folder, "undisturbed");
  await run(auditInto(out), { CROSSWEAVE_CACHE: cache });
  whole = await contentIn(out);
});
afterAll(() => world[Symbol.asyncDispose]());

/** An audit that writes all that it can of sets that leak. */
function auditInto(out: string): string[] {
  const flags = { report: "a.html", sarif: "a.sarif", junit: "a.xml", exclusions: "a.json" };
  const files = Object.entries(flags).flatMap(([flag, name]) => [`--${flag}`, join(out, name)]);
  return ["audit", world.leaking, "--no-near", "--no-texts", ...files];
}

async function contentIn(folder: string): Promise<Map<string, string>> {
  const content = new Map<string, string>();
  for (const name of await readdir(folder)) {
    if (!name.endsWith(".part")) content.set(name, await readFile(join(folder, name), "latin1"));
  }
  return content;
}

describe("the results of an audit", () => {
  // The first to appear is the Arrow file's; each is made, renamed, and its folder flushed.
  it.each([
    ["SIGKILL", 1],
    ["SIGKILL", 4],
    ["SIGTERM", 3],
  ] as const)("are whole or absent after %s at event %i of their folder", async (signal, nth) => {
    const out = join(world.folder, `${signal}-${nth}`);
    await mkdir(out);
    const program = start(auditInto(out), { CROSSWEAVE_CACHE: cache });
    let numEvents = 0;
    using _ = watching(out, () => {
      numEvents += 1;
      if (numEvents === nth) program.child.kill(signal);
    });
    const { exitCode, stderr } = await program.ended;
    expect(exitCode).toBeOneOf(signal === "SIGKILL" ? [null, 20] : [130, 20]);
    expect(stderr).not.toContain("error");
    expect([...whole]).toEqual(expect.arrayContaining([...(await contentIn(out))]));
  });

  it("are all there after the next run", async () => {
    expect([...whole.keys()]).toEqual(["a.arrow", "a.html", "a.json", "a.sarif", "a.xml"]);
    const out = join(world.folder, "SIGKILL-1");
    expect((await run(auditInto(out), { CROSSWEAVE_CACHE: cache })).exitCode).toBe(20);
    expect(await contentIn(out)).toEqual(whole);
  });

  it("leave nothing of a write for which the disk is too full, and the next run goes on", async () => {
    await using disk = await SmallDisk.mount("size=4k");
    await writeFile(disk.inside("filler"), Buffer.alloc(4096));
    const exporting = ["hashes", "export", world.leaking, "--no-near", "--out"];
    const calls = [auditInto(disk.path), [...exporting, join(disk.path, "a.hashes")]];
    for (const call of calls) {
      expect(await disk.run(call)).toEqual({
        exitCode: 24,
        stdout: "",
        stderr: expect.stringContaining(`error: ${disk.path}: no space is left on the disk`),
      });
      expect(await readdir(disk.inside())).toEqual(["filler"]);
    }
    await rm(disk.inside("filler"));
    await disk.remount("size=1m");
    expect((await disk.run(auditInto(disk.path))).exitCode).toBe(20);
    expect(await contentIn(disk.inside())).toEqual(whole);
  });

  it("are refused by a disk that is read-only, which is named", async () => {
    await using disk = await SmallDisk.mount("size=4k,ro");
    const ended = await disk.run(auditInto(disk.path));
    expect(ended).toMatchObject({
      exitCode: 25,
      stderr: expect.stringContaining(`error: ${disk.path}: the file system is read-only (EROFS)`),
    });
  });
});

function watching(folder: string, onEvent: () => void): Disposable {
  const watcher = watch(folder, onEvent);
  return { [Symbol.dispose]: () => watcher.close() };
}
