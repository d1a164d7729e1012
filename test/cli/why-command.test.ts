import { spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { silentProgress } from "../../src/core/progress.ts";
import { writeSmallWorld } from "../../src/ingest/small-world/small-world.ts";

const launcher = join(import.meta.dirname, "../../bin/crossweave.mjs");
const plantedSchema = z.object({
  leaks: z.array(
    z.object({
      kind: z.string(),
      train: z.object({ key: z.string() }),
      eval: z.object({ key: z.string() }),
      chain: z.array(z.string()),
    }),
  ),
});
type Planted = z.infer<typeof plantedSchema>["leaks"][number];
const stepSchema = z.object({ from: z.string(), to: z.string(), evidence: z.string().min(1) });
const pictureSchema = z.object({ picture: z.string() });
const auditSchema = z.object({
  verdict: z.object({
    leaks: z.array(
      z.object({ train: pictureSchema, eval: pictureSchema, chain: z.array(stepSchema) }),
    ),
  }),
});

let folder = "";
let planted: readonly Planted[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "crossweave-why-"));
  const { signal } = new AbortController();
  const world = join(folder, "world");
  await writeSmallWorld(world, { seed: 3, scale: 0.05, progress: silentProgress, signal });
  planted = plantedSchema.parse(
    JSON.parse(await readFile(join(world, "planted-leaks.json"), "utf8")),
  ).leaks;
  prepare("trained", "pretrain/uniter-indomain", "--policy", "none");
  prepare("coco", "coco");
  prepare("flickr30k", "finetune/flickr30k");
});

afterAll(() => rm(folder, { recursive: true, force: true }));

function crossweave(...args: readonly string[]): {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
} {
  const env = { ...process.env, NO_COLOR: "1", CROSSWEAVE_CACHE: join(folder, "cache") };
  return spawnSync(process.execPath, [launcher, ...args], { cwd: folder, encoding: "utf8", env });
}

function prepare(out: string, ...recipe: readonly string[]): void {
  const { status } = crossweave("prepare", ...recipe, "--source", "world", "--out", out);
  expect(status).toBe(0);
}

const allSets = ["trained", "coco", "flickr30k"];

/** Kinds of planted leaks that names, bytes and pixels prove. */
const provable = ["same-key", "same-flickr-photo", "same-bytes", "mirrored-id"];

describe("the leaks planted in the small world", () => {
  it("are found with their chains, of which each step says what shows it", () => {
    const { status, stdout } = crossweave("audit", ...allSets, "--no-near", "--json");
    expect(status).toBe(20);
    const found = auditSchema
      .parse(JSON.parse(stdout))
      .verdict.leaks.map(({ chain, train }) => [train.picture, ...chain.map(({ to }) => to)]);
    const keys = found.map((chain) => chain.join(" "));
    const expected = planted
      .filter(({ kind }) => provable.includes(kind))
      // VQA's and SNLI-VE's pictures are COCO's and Flickr30K's, which are evaluated on here.
      .filter(({ train, eval: evaluated }) => train.key !== evaluated.key)
      .filter(({ train }) => !train.key.startsWith("nlvr2:"));
    expect(expected.length).toBeGreaterThan(15);
    expect(new Set(expected.map(({ kind }) => kind))).toEqual(new Set(provable));
    for (const { chain } of expected) expect(keys).toContain(chain.join(" "));
  });
});

describe("crossweave why", () => {
  it("prints the chain of a picture step by step, and against what it was checked", () => {
    const mirrored = planted.find(
      ({ eval: evaluated, kind }) =>
        kind === "mirrored-id" && evaluated.key.startsWith("flickr30k:"),
    );
    const [vg = "", coco = "", photo = ""] = mirrored?.chain ?? [];
    const { status, stdout } = crossweave("why", vg, "trained", "flickr30k", "--no-near");
    expect(status).toBe(0);
    const lines = stdout.split("\n");
    expect(lines[0]).toBe(
      `${vg} (trained on in pretrain/uniter-indomain/vg) is ${photo} of finetune/flickr30k/test.`,
    );
    expect(lines.slice(2, 6)).toEqual([
      `1. ${vg} is ${coco}: linked-key`,
      `   linked key ${coco} (linked key of ${vg} in pretrain/uniter-indomain/vg; key of ${coco} in pretrain/uniter-indomain/coco)`,
      `2. ${coco} is ${photo}: same-flickr-photo`,
      expect.stringMatching(/^ {3}Flickr photo \d+ \(Flickr photo id of coco:/),
    ]);
    expect(stdout).toMatch(
      /Checked against \d+ evaluation pictures of finetune\/flickr30k\/test \([0-9a-f]{12}\)/,
    );
    expect(stdout).toContain("Near-duplicates were not looked for.");
  });

  it("finds the chain through a set that is on neither side", () => {
    const mirrored = planted.find(
      ({ chain, kind }) => kind === "mirrored-id" && chain.length === 3,
    );
    const [vg = "", , target = ""] = mirrored?.chain ?? [];
    const sets = target.startsWith("coco:") ? "coco" : "flickr30k";
    const through = ["--through", "trained", "--no-near", "--json"];
    const { status, stdout } = crossweave("why", target, sets, ...through);
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      answer: expect.stringContaining("is an evaluation picture itself"),
      explanation: { outcome: "evaluated" },
    });
    const listed = crossweave("why", vg, sets, ...through);
    expect(JSON.parse(listed.stdout)).toMatchObject({
      explanation: {
        key: vg,
        outcome: "joined",
        seen: [{ role: "witness" }],
        chains: [{ eval: { picture: target }, steps: [{ from: vg }, { to: target }] }],
      },
    });
  });

  it("finds the chain in annotation files as well, and says in which file and record each step stands", () => {
    const mirrored = planted.find(
      ({ eval: evaluated, kind }) =>
        kind === "mirrored-id" && evaluated.key.startsWith("flickr30k:"),
    );
    const [vg = "", coco = "", photo = ""] = mirrored?.chain ?? [];
    const { status, stdout } = crossweave("why", vg, "--annotations", "world");
    expect(status).toBe(0);
    expect(stdout).toMatch(
      new RegExp(
        `^1\\. ${vg} is ${coco}: linked-key\n   linked key ${coco} \\(linked key of ${vg} in .*vg/image_data\\.json#/\\d+; key of ${coco} in .*coco/annotations/captions_train2014\\.json#/images/\\d+`,
        "m",
      ),
    );
    expect(stdout).toMatch(
      new RegExp(`^2\\. ${coco} is ${photo}: same-flickr-photo\n.*dataset_flickr30k\\.json#`, "m"),
    );
  });

  it("says against what nothing was found", () => {
    const elsewhere = planted.find(
      ({ eval: evaluated, kind }) => kind === "same-bytes" && evaluated.key.startsWith("coco:"),
    );
    const sets = ["trained", "flickr30k", "--no-near"];
    const { status, stdout } = crossweave("why", elsewhere?.train.key ?? "", ...sets);
    expect(status).toBe(0);
    expect(stdout).toMatch(
      /is in no evaluation split, and no chain leads from it to a picture that is\.\n\nChecked against \d+ evaluation pictures of .*finetune\/flickr30k\/test/,
    );
  });

  it("names the nearest keys where it knows none of that name", () => {
    const key = planted.find(({ train }) => train.key.startsWith("vg:"))?.train.key ?? "";
    const { status, stderr } = crossweave("why", key.slice(3), "trained", "--no-near");
    expect(status).toBe(2);
    expect(stderr).toMatch(new RegExp(`no picture of trained has the key "${key.slice(3)}"`));
    expect(stderr).toMatch(new RegExp(`the nearest keys are ${key}, `));
  });

  it("asks for sets, or for a folder with annotation files", () => {
    const { status, stderr } = crossweave("why", "coco:1");
    expect(status).toBe(2);
    expect(stderr).toContain("name shard sets, or a folder with --annotations");
  });
});
