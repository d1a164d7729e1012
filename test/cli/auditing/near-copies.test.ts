import { spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { z } from "zod";
import { silentProgress } from "../../../src/core/progress.ts";
import { writeSmallWorld } from "../../../src/ingest/small-world/small-world.ts";

const launcher = join(import.meta.dirname, "../../../bin/crossweave.mjs");
/** Everything of the small world whose pictures are trained or evaluated on, without anything left out. */
const recipes = {
  coco: ["coco"],
  pretraining: ["pretrain/uniter-indomain", "--policy", "none"],
  flickr30k: ["finetune/flickr30k"],
  nlvr2: ["finetune/nlvr2"],
} as const;

const plantedSchema = z.object({
  leaks: z.array(
    z.object({
      kind: z.string(),
      train: z.object({ dataset: z.string(), key: z.string() }),
      eval: z.object({ dataset: z.string(), key: z.string() }),
    }),
  ),
});
const placeSchema = z.object({ picture: z.string() });
const verdictSchema = z.object({
  verdict: z.object({
    outcome: z.string(),
    leaks: z.array(
      z.object({
        rule: z.string(),
        train: placeSchema,
        eval: placeSchema,
        chain: z.array(z.object({ from: z.string(), to: z.string(), evidence: z.string() })).min(1),
      }),
    ),
    near: z
      .object({ verified: z.number(), settings: z.record(z.string(), z.unknown()) })
      .nullable(),
    numPairs: z.number(),
    digest: z.string(),
  }),
});
type Planted = z.infer<typeof plantedSchema>["leaks"][number];
type Verdict = z.infer<typeof verdictSchema>["verdict"];

let folder = "";
let planted: readonly Planted[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "crossweave-near-"));
  const { signal } = new AbortController();
  const world = join(folder, "world");
  await writeSmallWorld(world, { seed: 3, scale: 0.05, progress: silentProgress, signal });
  const list: unknown = JSON.parse(await readFile(join(world, "planted-leaks.json"), "utf8"));
  // VQA and SNLI-VE are about pictures of COCO and Flickr30K, whose own sets are the ones that are audited.
  planted = plantedSchema
    .parse(list)
    .leaks.filter(({ kind }) => kind !== "text-with-label")
    .filter(({ train, eval: evaluated }) => train.key !== evaluated.key);
  for (const [name, recipe] of Object.entries(recipes)) prepare(name, recipe);
});

afterAll(() => rm(folder, { recursive: true, force: true }));

function crossweave(...args: readonly string[]): { status: number | null; stdout: string } {
  const env = { ...process.env, CROSSWEAVE_CACHE: join(folder, "cache") };
  return spawnSync(process.execPath, [launcher, ...args], { cwd: folder, encoding: "utf8", env });
}

function prepare(out: string, recipe: readonly string[], ...more: readonly string[]): void {
  const args = ["--source", "world", "--out", out, "--workers", "1", ...more];
  expect(crossweave("prepare", ...recipe, ...args).status).toBe(0);
}

function audit(...args: readonly string[]): { status: number | null; verdict: Verdict } {
  const { status, stdout } = crossweave("audit", ...args, "--json");
  return { status, verdict: verdictSchema.parse(JSON.parse(stdout)).verdict };
}

function pairsOf(leaks: readonly { train: string; eval: string }[]): string[] {
  return [...new Set(leaks.map((leak) => `${leak.train} ${leak.eval}`))].toSorted();
}

const hiddenKinds = new Set(["re-encoded", "resized", "cropped", "flipped"]);

it("finds every planted copy by its chain, invents none, and passes once they are left out", () => {
  const sets = Object.keys(recipes);
  const found = audit(...sets, "--exclusions", "exclusions.json");
  expect(found.status).toBe(20);
  expect(new Set(planted.map(({ kind }) => kind)).isSupersetOf(hiddenKinds)).toBe(true);
  expect(found.verdict.numPairs).toBe(found.verdict.leaks.length);
  expect(
    pairsOf(
      found.verdict.leaks.map((leak) => ({ train: leak.train.picture, eval: leak.eval.picture })),
    ),
  ).toEqual(pairsOf(planted.map((leak) => ({ train: leak.train.key, eval: leak.eval.key }))));
  for (const { chain, train, eval: evaluated } of found.verdict.leaks) {
    expect([chain[0]?.from, chain.at(-1)?.to]).toEqual([train.picture, evaluated.picture]);
  }
  const hidden = planted.filter(({ kind }) => hiddenKinds.has(kind)).map(({ train }) => train.key);
  const byPixels = found.verdict.leaks.filter(({ rule }) => rule === "near-duplicate");
  const seen = new Set(byPixels.map(({ train }) => train.picture));
  expect(hidden.filter((key) => !seen.has(key))).toEqual([]);

  for (const [name, recipe] of Object.entries(recipes)) {
    prepare(`${name}-without`, recipe, "--exclude", "exclusions.json");
  }
  const passed = audit(...sets.map((name) => `${name}-without`));
  expect([passed.status, passed.verdict.outcome]).toEqual([0, "clean"]);
  expect(passed.verdict.near).toMatchObject({ verified: 0, settings: { wholeDistance: 48 } });
});

it("says in the verdict how near-duplicates were looked for, or that they were not (case 60)", () => {
  const wide = audit("coco", "pretraining");
  const narrow = audit("coco", "pretraining", "--near-distance", "47", "--windows", "eval");
  const without = audit("coco", "pretraining", "--no-near");
  expect(wide.verdict.near?.settings).toMatchObject({ wholeDistance: 48, windows: "both" });
  expect(narrow.verdict.near?.settings).toMatchObject({ wholeDistance: 47, windows: "eval" });
  expect(without.verdict.near).toBeNull();
  const digests = [wide, narrow, without].map(({ verdict }) => verdict.digest);
  expect(new Set(digests).size).toBe(3);
  const { stdout } = crossweave("audit", "coco", "--no-near");
  expect(stdout).toContain("near-duplicates were not looked for");
});
