import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { sha256 } from "../../src/core/digest.ts";
import type { Scene } from "../../src/core/records.ts";
import { madeUpPicture, madeUpScene } from "../shards/scenes.ts";
import { madeUpScenes, temporaryFolder, writeShardSet } from "../shards/small-set.ts";
import { type EndedProgram, RunningProgram } from "./running-program.ts";

const launcher = join(import.meta.dirname, "../../bin/crossweave.mjs");
let folder: Awaited<ReturnType<typeof temporaryFolder>>;

beforeAll(async () => {
  folder = await temporaryFolder();
  const scenes = await Promise.all([0, 1, 2, 3].map((id) => drawnScene(id)));
  await writeShardSet(join(folder.path, "good"), [{ split: "train", scenes }]);
  await writeShardSet(join(folder.path, "bad"), [{ split: "train", scenes: madeUpScenes(12) }]);
  await writeFile(join(folder.path, "bad/notes \u001B[2J.txt"), "");
});

afterAll(() => folder[Symbol.asyncDispose]());

async function drawnScene(id: number): Promise<Scene> {
  const background = { r: id * 50, g: 90, b: 200 - id * 40 };
  const drawn = sharp({ create: { width: 48, height: 32, channels: 3, background } });
  const bytes = await drawn.jpeg().toBuffer();
  const facts = { bytes, sha256: sha256(bytes), width: 48, height: 32 };
  return { ...madeUpScene(id), pictures: [{ ...madeUpPicture(id), ...facts }] };
}

function validate(...args: readonly string[]): Promise<EndedProgram> {
  const named = args.map((arg) => (arg.startsWith("-") ? arg : join(folder.path, arg)));
  return new RunningProgram(launcher, ["validate", ...named]).ended;
}

const output = z.object({
  isValid: z.boolean(),
  sets: z.array(
    z.object({ isValid: z.boolean(), numFaults: z.int(), faults: z.array(z.unknown()) }),
  ),
});

describe("crossweave validate", () => {
  it("says what it checked of a good set and ends with 0", async () => {
    const { exitCode, stdout } = await validate("good");
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/good: valid\n/);
    expect(stdout).toMatch(/2 files, 4 scenes, 4 pictures \(all decoded\), 6 texts, 2 ledger rows/);
    expect(stdout).toMatch(/\/s\)/);
  });

  it("lists the faults of a bad set, without its control characters, and ends with 21", async () => {
    const { exitCode, stdout } = await validate("good", "bad", "--max-faults=2");
    expect(exitCode).toBe(21);
    expect(stdout).toMatch(/good: valid\n/);
    expect(stdout).toMatch(/bad: invalid: 15 faults\n/);
    expect(stdout).toMatch(/ {2}notes .*\[2J\.txt: the index does not list this file/);
    expect(stdout).toMatch(/ {2}train\/00000\.arrow, batch 0, row 0: coco:0 cannot be decoded/);
    expect(stdout).toMatch(/… and 13 more faults/);
    expect(stdout).not.toContain("\u001B[2J");
  });

  it("offers no repair where nobody knows what the files should be", async () => {
    await mkdir(join(folder.path, "cut"));
    await writeFile(join(folder.path, "cut/index.json"), "{");
    const { exitCode, stdout } = await validate("cut");
    expect(exitCode).toBe(21);
    expect(stdout).toMatch(/\nnext: bring index\.json back, or build the set again/);
  });

  it("prints one document with --json, and leaves decoding out when told to", async () => {
    const { exitCode, stdout } = await validate("bad", "--no-decode", "--json");
    expect(exitCode).toBe(21);
    expect(output.parse(JSON.parse(stdout))).toMatchObject({
      isValid: false,
      sets: [{ isValid: false, numFaults: 1, faults: [{ batch: null, row: null }] }],
    });
  });

  it("ends with 23 where there is no finished set, naming the remedy", async () => {
    const { exitCode, stderr } = await validate(".");
    expect(exitCode).toBe(23);
    expect(stderr).toContain("crossweave prepare");
  });
});
