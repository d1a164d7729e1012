import { existsSync } from "node:fs";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { readIndex } from "../../src/shards/shard-set-index.ts";
import { readRecipe } from "../../src/ingest/recipe.ts";
import { cocoCaption, cocoImage, cocoName, writeCocoFolder } from "../ingest/coco-folder.ts";
import { layOutRealCoco } from "../real-data.ts";
import { type EndedProgram, RunningProgram } from "./running-program.ts";

const main = join(import.meta.dirname, "../../src/cli/main.ts");
const errorDocument = z.object({
  error: z.object({ code: z.string(), message: z.string(), remedy: z.string() }),
});

const resultDocument = z.object({ sets: z.tuple([z.record(z.string(), z.unknown())]) });
/** Several runs of the program, on a machine that is busy with other things. */
const SLOW_MS = 240_000;

let folder = "";
let real = "";
let ownRecipe = "";
/** The set of a preparation that nothing disturbed, as the JSON document tells it. */
let undisturbed: Record<string, unknown> = {};
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "crossweave-prepare-command-"));
  real = join(folder, "real");
  await layOutRealCoco(real);
  const recipe = await readRecipe("coco");
  const shards = { targetBatchBytes: 300_000, maxScenesPerBatch: 2, targetShardBytes: 400_000 };
  ownRecipe = join(folder, "own.json");
  await writeFile(ownRecipe, JSON.stringify({ ...recipe, shards }));
  const { stdout } = await run(...realTo("undisturbed", "--json", "--workers", "1"));
  undisturbed = resultDocument.parse(JSON.parse(stdout)).sets[0];
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function start(args: readonly string[]): RunningProgram {
  return new RunningProgram(main, ["prepare", ...args]);
}

function run(...args: readonly string[]): Promise<EndedProgram> {
  return start(args).ended;
}

/** The arguments of a preparation of the real photographs. */
function realTo(out: string, ...more: readonly string[]): string[] {
  return [ownRecipe, "--source", real, "--out", join(folder, out), "--allow-missing", ...more];
}

async function appears(path: string): Promise<void> {
  while (!existsSync(path)) await sleep(5);
}

describe("crossweave prepare", () => {
  it("prints one document with what became of every record", () => {
    expect(undisturbed).toMatchObject({
      recipe: "coco",
      status: "prepared",
      partial: true,
      reasons: [
        { kind: "image", outcome: "missing", reason: "no-picture", records: 108 },
        { kind: "caption", outcome: "missing", reason: "no-picture", records: 540 },
      ],
      next: `crossweave validate ${join(folder, "undisturbed")}`,
    });
  });

  it(
    "case 54: goes on after SIGKILL and ends with the same set",
    { timeout: SLOW_MS },
    async () => {
      const out = join(folder, "killed");
      for (const shard of ["train/00001", "restval/00002"]) {
        const killed = start(realTo("killed"));
        await appears(join(out, `${shard}.arrow`));
        killed.child.kill("SIGKILL");
        expect((await killed.ended).exitCode).toBe(null);
      }
      expect((await run(...realTo("killed"))).exitCode).toBe(0);
      expect((await readIndex(out)).digest).toBe(undisturbed["digest"]);
    },
  );

  it(
    "goes on after Ctrl-C, and says when there is nothing to do",
    { timeout: SLOW_MS },
    async () => {
      const out = join(folder, "interrupted");
      const interrupted = start(realTo("interrupted"));
      await appears(join(out, "train/00001.arrow"));
      interrupted.child.kill("SIGINT");
      const { exitCode, stderr } = await interrupted.ended;
      expect([exitCode, stderr]).toEqual([
        130,
        expect.stringContaining("the same command goes on"),
      ]);
      expect(existsSync(join(out, "index.json"))).toBe(false);
      expect((await run(...realTo("interrupted"))).exitCode).toBe(0);
      expect((await readIndex(out)).digest).toBe(undisturbed["digest"]);
      const again = await run(...realTo("interrupted"));
      expect([again.exitCode, again.stdout]).toEqual([
        0,
        expect.stringContaining("is complete already; nothing was done"),
      ]);
    },
  );

  it("case 55: refuses a folder that another preparation is in", { timeout: SLOW_MS }, async () => {
    const out = join(folder, "shared");
    const first = start(realTo("shared", "--workers", "1"));
    await appears(join(out, "train/00000.arrow"));
    first.child.kill("SIGSTOP");
    const second = await run(...realTo("shared"));
    first.child.kill("SIGCONT");
    expect(second.exitCode).toBe(25);
    expect(second.stderr).toContain(`in use: process ${first.child.pid}`);
    expect((await first.ended).exitCode).toBe(0);
  });

  it("writes nothing in a dry run", async () => {
    const { exitCode, stdout } = await run(...realTo("dry", "--dry-run"));
    expect([exitCode, existsSync(join(folder, "dry"))]).toEqual([0, false]);
    expect(stdout).toContain("would be prepared (dry run");
    expect(stdout).toMatch(/restval +train +22 +22 +110/);
  });

  it("puts several recipes into folders of their own", async () => {
    const images = [1, 2, 3].map((id) => cocoImage(id));
    const annotations = [1, 2, 3].map((id) => cocoCaption(id, id));
    const source = await writeCocoFolder({
      files: { train2017: { images, annotations } },
      parts: { train: [cocoName(1), cocoName(2)], test: [cocoName(3)] },
      pictures: [1, 2, 3].map((id) => `train2017/${cocoName(id)}`),
    });
    const out = join(folder, "several");
    const { exitCode, stdout } = await run("coco", "coco-fit", "--source", source, "--out", out);
    await rm(source, { recursive: true });
    expect(exitCode).toBe(0);
    expect((await readdir(out)).toSorted()).toEqual(["coco", "coco-fit"]);
    expect(stdout).toContain("complete: every record that the files name was there");
  });

  it.each([
    {
      name: "pictures that are missing",
      args: ["coco-fit"],
      exitCode: 23,
      words: "108 of 159 pictures",
    },
    {
      name: "an annotation file that is missing, so that the split's pictures are listed nowhere",
      args: ["coco"],
      exitCode: 23,
      words: "the split of coco names 123128 pictures that no annotation file lists",
    },
    { name: "an unknown recipe", args: ["cocoa"], exitCode: 2, words: "there are captions, coco" },
    {
      name: "a source folder without annotation files",
      args: ["coco", "--source", import.meta.dirname],
      exitCode: 23,
      words: "coco/annotations/captions_val2017.json",
    },
    {
      name: "a source folder that is not there",
      args: ["coco", "--source", "nowhere"],
      exitCode: 23,
      words: "there is no source folder nowhere",
    },
    {
      name: "a folder that cannot be written",
      args: ["coco", "--allow-missing", "--out", "/sys/crossweave"],
      exitCode: 25,
      words: "/sys/crossweave",
    },
    {
      name: "an exclusion list that is none",
      args: ["coco", "--exclude", import.meta.filename],
      exitCode: 23,
      words: "not an exclusion manifest",
    },
  ])("ends with exit code $exitCode for $name", async ({ args, exitCode, words }) => {
    const source = args.includes("--source") ? [] : ["--source", real];
    const ended = await run(...source, "--out", join(folder, "none"), "--json", ...args);
    expect(ended.exitCode).toBe(exitCode);
    const { error } = errorDocument.parse(JSON.parse(ended.stdout));
    expect(error.message).toContain(words);
    expect(existsSync(join(folder, "none"))).toBe(false);
  });
});
