import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { readLeakPolicy } from "../../src/ingest/exclusion/leak-policy.ts";
import { readIndex } from "../../src/shards/shard-set-index.ts";
import { DrawnWorld, type Leak, readJson } from "../ingest/small-world/files.ts";
import { type EndedProgram, RunningProgram } from "./running-program.ts";

const main = join(import.meta.dirname, "../../src/cli/main.ts");
const exclusions = z.object({
  policy: z.string(),
  protectedPictures: z.int(),
  listedPictures: z.int(),
  notKnown: z.array(z.string()),
});
const summary = z.object({
  status: z.string(),
  partial: z.boolean(),
  exclusions,
  reasons: z.array(z.object({ kind: z.string(), reason: z.string(), records: z.int() })),
});
const resultDocument = z.object({ sets: z.tuple([summary]) });
const errorDocument = z.object({ error: z.object({ message: z.string(), remedy: z.string() }) });
const auditDocument = z.object({
  verdict: z.object({ yields: z.array(z.object({ rule: z.string(), pairs: z.int() })) }),
});
const SLOW_MS = 240_000;

let folder = "";
let world: DrawnWorld;
/** A policy with the datasets that the small world has. */
let own = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "crossweave-prepare-policy-"));
  world = await DrawnWorld.draw(5, 0.05);
  const { summary: text, identities, protects } = await readLeakPolicy("uniter");
  const drawn = new Set(["coco", "flickr30k"]);
  const policy = {
    format: "crossweave-leak-policy",
    version: 1,
    name: "retrieval-only",
    summary: text,
    identities,
    protects: protects.filter(({ dataset }) => drawn.has(dataset)),
  };
  own = join(folder, "retrieval-only.json");
  await writeFile(own, JSON.stringify(policy));
}, SLOW_MS);

afterAll(async () => {
  await world[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

function prepare(recipe: string, out: string, ...more: readonly string[]): Promise<EndedProgram> {
  const to = ["--source", world.folder, "--out", join(folder, out), "--json", ...more];
  return new RunningProgram(main, ["prepare", recipe, ...to]).ended;
}

function summaryOf({ stdout, exitCode }: EndedProgram): z.infer<typeof summary> {
  expect(exitCode).toBe(0);
  return resultDocument.parse(JSON.parse(stdout)).sets[0];
}

describe("crossweave prepare", { timeout: SLOW_MS }, () => {
  it("refuses a recipe's policy whose evaluation lists are not there, naming each", async () => {
    const { exitCode, stdout } = await prepare("pretrain/uniter-indomain", "refused");
    const { error } = errorDocument.parse(JSON.parse(stdout));
    expect(exitCode).toBe(23);
    for (const name of ["refcoco", "refcoco+", "refcocog"]) {
      expect(error.message).toContain(`\n  ${name} (`);
      expect(error.message).toContain(`/${name}.zip`);
    }
    expect(error.message).not.toContain("coco (Karpathy split");
    expect(error.message).not.toContain("flickr30k");
    expect(error.remedy).toContain("--allow-missing");
  });

  it("goes on without them when it may, and says what was not known", async () => {
    const more = ["--allow-missing", "--dry-run"];
    const told = summaryOf(await prepare("pretrain/uniter-indomain", "partial", ...more));
    expect(told.partial).toBe(true);
    expect(told.exclusions.policy).toBe("uniter");
    expect(told.exclusions.notKnown).toEqual([
      "refcoco (val, testA, testB): none of its files is there",
      "refcoco+ (val, testA, testB): none of its files is there",
      "refcocog (umd, val, test): none of its files is there",
    ]);
    expect(told.exclusions.notKnown.join("")).not.toContain(world.folder);
    const reasons = told.reasons.map(({ kind, reason }) => `${kind} ${reason}`);
    for (const reason of ["image linked-key", "image same-flickr-photo", "region linked-key"]) {
      expect(reasons).toContain(reason);
    }
  });

  it("takes a policy of one's own instead of the recipe's, and keeps it in the index", async () => {
    const told = summaryOf(await prepare("coco", "own", "--policy", own));
    expect(told).toMatchObject({ status: "prepared", partial: false });
    const index = await readIndex(join(folder, "own"));
    const { exclusions: kept } = z.object({ exclusions }).parse(index.recipe);
    expect(kept).toEqual(told.exclusions);
    expect(kept).toMatchObject({ policy: "retrieval-only", listedPictures: 0, notKnown: [] });
    expect(kept.protectedPictures).toBeGreaterThan(40);
    const { leaks } = await readJson<{ leaks: Leak[] }>(world.folder, "planted-leaks.json");
    const planted = leaks.filter(
      ({ kind, train }) => train.dataset === "coco" && kind === "same-flickr-photo",
    );
    const left = told.reasons.find(
      ({ kind, reason }) => `${kind} ${reason}` === "image same-flickr-photo",
    );
    expect(left?.records).toBe(planted.length);
    // The same folder under another policy is another set.
    const other = await prepare("coco", "own", "--policy", "none");
    expect(other.exitCode).toBe(25);
  });

  it("leaves the audit nothing to find by keys, links and photos, only what bytes and pixels tell", async () => {
    const sets = ["uniter-set", "coco-set", "flickr30k-set"];
    const [uniter = "", coco = "", flickr30k = ""] = sets;
    const some = "--allow-missing";
    const { reasons } = summaryOf(await prepare("pretrain/uniter-indomain", uniter, some));
    for (const rule of ["linked-key", "same-flickr-photo"]) {
      expect(reasons.some(({ reason, records }) => reason === rule && records > 5)).toBe(true);
    }
    summaryOf(await prepare("coco", coco, some, "--policy", "uniter"));
    summaryOf(await prepare("finetune/flickr30k", flickr30k));
    const folders = sets.map((name) => join(folder, name));
    const audit = new RunningProgram(main, ["audit", ...folders, "--json"]);
    const { stdout, exitCode } = await audit.ended;
    expect(exitCode).toBe(20);
    const { verdict } = auditDocument.parse(JSON.parse(stdout));
    const pairs = new Map(verdict.yields.map((each) => [each.rule, each.pairs]));
    expect(["same-key", "linked-key", "same-flickr-photo"].map((rule) => pairs.get(rule))).toEqual([
      0, 0, 0,
    ]);
    expect(pairs.get("same-bytes")).toBeGreaterThan(0);
  });

  it("names the policies there are, and tells a list of exclusions from a policy", async () => {
    const unknown = await prepare("coco", "unknown", "--policy", "albef");
    expect(unknown.exitCode).toBe(2);
    expect(unknown.stdout).toContain("there are none, uniter, soho, visual-parsing, vilt, strict");
    const list = join(folder, "list.json");
    await writeFile(list, JSON.stringify({ format: "crossweave-exclusions", version: 1 }));
    const wrong = await prepare("coco", "wrong", "--policy", list);
    expect(wrong.exitCode).toBe(2);
    expect(wrong.stdout).toContain("--exclude");
    const missing = await prepare("coco", "missing", "--exclude", join(folder, "none.json"));
    expect(missing.exitCode).toBe(23);
  });
});
