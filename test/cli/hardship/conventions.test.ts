import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, readdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { createCrossweave } from "../../../src/cli/crossweave.ts";
import { drawPicture, writeFileBelow } from "../../ingest/coco-folder.ts";
import { drawTinyWorld, main, run, trainArguments, type TinyWorld } from "./tiny-world.ts";

const names = createCrossweave().commands.map((command) => command.name());
const errorObject = z.strictObject({
  error: z.strictObject({
    code: z.string(),
    message: z.string(),
    file: z.nullable(z.string()),
    record: z.nullable(z.string()),
    remedy: z.nullable(z.string()),
  }),
});

let world: TinyWorld;
beforeAll(async () => {
  world = await drawTinyWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

/** A folder with the names that the examples use. */
async function exampleFolder(): Promise<string> {
  const folder = join(world.folder, "examples");
  await mkdir(folder, { recursive: true });
  if (!existsSync(join(folder, "downloads"))) await symlink(world.world, join(folder, "downloads"));
  for (const own of ["kitchen", "street"]) {
    const line = JSON.stringify({ picture: "1.jpg", text: `a picture of the ${own}` });
    await writeFileBelow(folder, `${own}/captions.jsonl`, line);
    await writeFileBelow(folder, `${own}/1.jpg`, await drawPicture(own.length));
  }
  return folder;
}

function examplesOf(name: string): string[][] {
  let help = "";
  const command = createCrossweave().commands.find((found) => found.name() === name);
  command?.configureOutput({ writeOut: (text) => (help += text) }).outputHelp();
  return [...help.matchAll(/^ {2}\$ crossweave (.*)$/gm)].map(([, words = ""]) => words.split(" "));
}

describe("every command", () => {
  it("has help that a reader may leave in the middle", async () => {
    const ends = names.map(async (name) => {
      const child = spawn(process.execPath, [main, name, "--help"]);
      child.stdout.destroy();
      let told = "";
      child.stderr.on("data", (chunk: Buffer) => (told += chunk.toString()));
      const [exitCode]: unknown[] = await once(child, "close");
      return [name, exitCode, told];
    });
    expect(await Promise.all(ends)).toEqual(names.map((name) => [name, 0, ""]));
  });

  it("takes --seed, --json and --no-color", () => {
    for (const command of createCrossweave().commands) {
      const flags = command.createHelp().visibleGlobalOptions(command);
      const longs = flags.map(({ long }) => long);
      expect(longs).toEqual(expect.arrayContaining(["--seed", "--json", "--no-color"]));
    }
  });

  it("that fails prints one error object on stdout with --json, and nothing else", async () => {
    const nowhere = join(world.folder, "nowhere");
    const calls = [
      ["setup", "--device", "tpu"],
      ["doctor", "--unknown"],
      ["fetch", "mnist", "--to", join(world.folder, "none")],
      ["prepare", "coco", "--source", nowhere, "--out", join(world.folder, "none")],
      ["validate", nowhere],
      ["audit", nowhere],
      ["why", "coco:1", nowhere],
      ["calibrate", nowhere],
      ["hashes", "export", nowhere, "--out", join(world.folder, "none")],
      ["manifest", "diff", nowhere, nowhere],
      ["proof", "verify", nowhere, "--proof", nowhere, "--unsigned"],
      ["bench-loader", nowhere],
      ["train", "demo", "--data", nowhere, "--out", join(world.folder, "none")],
      ["profile", "demo", "--data", nowhere],
      ["objectives", "demo", "--data", nowhere],
      ["verify", nowhere, "--data", nowhere],
      ["eval", "retrieval", "--checkpoint", nowhere, "--data", nowhere],
      ["weights", "inspect", nowhere],
      ["demo", "--out", world.folder],
    ];
    expect(calls.map(([name]) => name)).toEqual(names);
    for (const call of calls) {
      const { exitCode, stdout, stderr } = await run([...call, "--json"]);
      expect([call[0], exitCode]).toEqual([call[0], expect.toBeOneOf([2, 23, 25])]);
      const { error } = errorObject.parse(JSON.parse(stdout));
      expect(stderr).toContain(`error: ${error.message}`);
    }
  });

  it("that succeeds prints one document on stdout with --json, and speaks on stderr", async () => {
    const calls = [
      ["setup", "--dry-run"],
      ["doctor"],
      ["fetch", "coco", "--to", join(world.folder, "none"), "--dry-run"],
      ["prepare", "coco", "--source", world.world, "--out", world.leaking],
      ["validate", world.fit],
      ["audit", world.leaking],
      [...trainArguments(world, join(world.folder, "none")), "--dry-run"],
      ["demo", "--dry-run"],
    ];
    for (const call of calls) {
      const { exitCode, stdout, stderr } = await run([...call, "--json", "--seed", "3"]);
      expect([call[0], exitCode]).toEqual([call[0], call[0] === "audit" ? 20 : 0]);
      expect(JSON.parse(stdout)).toBeTypeOf("object");
      expect(stderr).toContain(`crossweave ${call[0]}: `);
    }
  });
});

describe("--dry-run", () => {
  // What is computed of a set's pictures is kept in the cache whatever the command writes.
  it("writes nothing, in no command that writes", async () => {
    const out = join(world.folder, "dry");
    const cache = join(world.folder, "dry-cache");
    const calls = [
      ["setup", "--dry-run"],
      ["fetch", "coco", "--to", out, "--dry-run"],
      ["prepare", "coco", "--source", world.world, "--out", out, "--dry-run"],
      ["demo", "--out", out, "--dry-run"],
    ];
    const readers = [
      ["audit", world.leaking, "--exclusions", join(out, "exclusions.json"), "--dry-run"],
      trainArguments(world, out, ["--dry-run"]),
    ];
    for (const call of calls) {
      const { exitCode } = await run(call, { CROSSWEAVE_CACHE: cache });
      expect([call[0], exitCode]).toEqual([call[0], 0]);
    }
    expect([existsSync(out), existsSync(cache)]).toEqual([false, false]);
    for (const call of readers) {
      const { exitCode } = await run(call, { CROSSWEAVE_CACHE: cache });
      expect([call[0], exitCode]).toEqual([call[0], call[0] === "audit" ? 20 : 0]);
    }
    expect(existsSync(out)).toBe(false);
  });
});

describe("the examples of the data commands", () => {
  it("run as they are printed, one after the other", async () => {
    const folder = await exampleFolder();
    const ends: unknown[] = [];
    const before: Readonly<Record<string, string[][]>> = {
      audit: [
        ["proof", "keygen", "--out", "keys/audit"],
        ["hashes", "export", "shards/coco", "--out", "hidden-test.hashes"],
      ],
    };
    for (const name of ["prepare", "validate", "audit"]) {
      for (const words of [...(before[name] ?? []), ...examplesOf(name)]) {
        const child = spawn(process.execPath, [main, ...words], { cwd: folder, stdio: "ignore" });
        const [exitCode]: unknown[] = await once(child, "close");
        ends.push([name, exitCode]);
      }
    }
    // The small world has leaks planted in it.
    expect(ends).toEqual([
      ["prepare", 0],
      ["prepare", 0],
      ["prepare", 0],
      ["validate", 0],
      ["validate", 0],
      ["validate", 0],
      ["audit", 0],
      ["audit", 0],
      ["audit", 20],
      ["audit", 20],
      ["audit", 20],
      ["audit", 20],
      ["audit", 20],
      ["audit", 20],
      ["audit", 20],
    ]);
    expect(await readdir(folder)).toEqual([
      "downloads",
      "exclusions.arrow",
      "exclusions.json",
      "hidden-test.hashes",
      "keys",
      "kitchen",
      "shards",
      "street",
      "uniter.arrow",
      "uniter.json",
    ]);
  });
});
