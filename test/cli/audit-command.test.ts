import { spawnSync } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { exclusionsOf, parseManifest } from "../../src/audit/manifests/read-manifest.ts";
import type { ImageKey } from "../../src/core/keys.ts";
import type { Scene, SplitRole, StoredPicture } from "../../src/core/records.ts";
import { writeLedger } from "../../src/shards/ledger.ts";
import { commitIndex, type SplitEntry } from "../../src/shards/shard-set-index.ts";
import { SplitWriter } from "../../src/shards/split-writer.ts";
import { madeUpPicture } from "../shards/scenes.ts";

const launcher = join(import.meta.dirname, "../../bin/crossweave.mjs");
let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "crossweave-audit-"));
  await writeSet("train-only", { train: ["train", [1, 2, 3, 4]] });
  await writeSet("test-only", { test: ["eval", [10, 11]] });
  await writeSet("leaking", { test: ["eval", [2, 12]], other: ["eval", [13]] }, true);
  await writeSet("hostile", {
    train: ["train", [madeUpPicture(5), named("vcr:a\u001B[2J\n<script>", 21)]],
    val: ["eval", [madeUpPicture(6), named("vcr:b\u202E", 21)]],
  });
});

afterAll(() => rm(folder, { recursive: true, force: true }));

function named(key: ImageKey, id: number): StoredPicture {
  return { ...madeUpPicture(id), key };
}

async function writeSet(
  name: string,
  splits: Readonly<Record<string, readonly [SplitRole, readonly (number | StoredPicture)[]]>>,
  partial = false,
): Promise<void> {
  const entries: SplitEntry[] = [];
  for (const [split, [role, pictures]] of Object.entries(splits)) {
    await using writer = await SplitWriter.create({ folder: join(folder, name), split, role });
    for (const picture of pictures) await writer.append(sceneOf(picture));
    entries.push(await writer.finish());
  }
  await commitIndex(join(folder, name), {
    format: "crossweave-shards",
    version: 1,
    name,
    recipe: {},
    partial,
    splits: entries,
    counts: [],
    sources: [],
    ledger: await writeLedger(join(folder, name), []),
  });
}

function sceneOf(given: number | StoredPicture): Scene {
  const picture = typeof given === "number" ? madeUpPicture(given) : given;
  return { sceneKey: picture.key, pictures: [picture], texts: [], regions: null };
}

function audit(...args: readonly string[]): {
  status: number | null;
  stdout: string;
  stderr: string;
} {
  // The made-up pictures are no JPEGs: there is nothing to look for near-duplicates in.
  return spawnSync(process.execPath, [launcher, "audit", "--no-near", ...args], {
    cwd: folder,
    encoding: "utf8",
    env: { ...process.env, NO_COLOR: "1" },
  });
}

describe("crossweave audit", () => {
  it("ends with 0 and says against what nothing was found", () => {
    const { status, stdout } = audit("train-only", "test-only");
    expect(status).toBe(0);
    expect(stdout).toMatch(
      /^No picture of 4 training pictures of train-only\/train shares key, linked key, Flickr photo id, URL, bytes or pixels, itself or by a chain, with 2 evaluation pictures of test-only\/test \([0-9a-f]{12}\); near-duplicates were not looked for\./,
    );
    expect(stdout).not.toContain("next:");
  });

  it("ends with 20, lists the leak and tells the next command", () => {
    const { status, stdout } = audit("train-only", "leaking");
    expect(status).toBe(20);
    expect(stdout).toContain("1 of 4 training pictures of train-only/train shares");
    expect(stdout).toMatch(
      /same-key {2}coco:2 \(train-only\/train\) {2}coco:2 \(leaking\/test\) {2}key coco:2; also same-url, same-bytes, same-pixels/,
    );
    expect(stdout).toContain("note: leaking was prepared with pictures missing");
    expect(stdout).toContain(
      "next: crossweave audit train-only leaking --exclusions exclusions.json",
    );
  });

  it("ends with 2 when there is nothing to compare with", () => {
    const { status, stdout } = audit("train-only");
    expect(status).toBe(2);
    expect(stdout).toMatch(/^Nothing could be checked: there is no evaluation picture/);
  });

  it("writes the training pictures to leave out, the same bytes each time", async () => {
    const file = join(folder, "made/exclusions.json");
    const first = audit("train-only", "leaking", "--exclusions", file);
    expect(first.status).toBe(20);
    expect(first.stdout).toContain(`next: crossweave prepare … --exclude ${file}`);
    const written = await readFile(file, "utf8");
    expect(audit("leaking", "train-only", "--exclusions", file).status).toBe(20);
    expect(await readFile(file, "utf8")).toBe(written);
    expect([...exclusionsOf(parseManifest(written, file)).keys()]).toEqual(["coco:2"]);
    expect(await readdir(join(folder, "made"))).toEqual(["exclusions.arrow", "exclusions.json"]);
  });

  it("leaves a file alone that is no exclusion manifest", async () => {
    await writeFile(join(folder, "thesis.json"), "my only copy");
    const { status, stderr } = audit("leaking", "train-only", "--exclusions", "thesis.json");
    expect(status).toBe(25);
    expect(stderr).toContain("thesis.json exists and is no exclusion manifest");
    expect(await readFile(join(folder, "thesis.json"), "utf8")).toBe("my only copy");
  });

  it("gives one JSON document with --json", () => {
    const { status, stdout } = audit("train-only", "leaking", "--json");
    expect(status).toBe(20);
    expect(JSON.parse(stdout)).toMatchObject({
      summary: expect.stringContaining("1 of 4 training pictures"),
      verdict: {
        format: "crossweave-audit",
        outcome: "leaking",
        leaks: [{ rule: "same-key", train: { picture: "coco:2" }, eval: { set: "leaking" } }],
        exclusions: { count: 1 },
        digest: expect.stringMatching(/^[0-9a-f]{64}$/),
      },
      sets: [
        { folder: "train-only", partial: false },
        { folder: "leaking", partial: true },
      ],
      exclusionsFile: null,
      next: expect.stringContaining("--exclusions"),
    });
  });

  it("spells control characters out", () => {
    const { status, stdout } = audit("hostile");
    expect(status).toBe(20);
    expect(stdout).toContain(String.raw`vcr:a\x1b[2J\x0a<script> (hostile/train)`);
    expect(stdout).toContain(String.raw`vcr:b\u202e (hostile/val)`);
    // oxlint-disable-next-line no-control-regex
    expect(stdout).not.toMatch(/[\u001B\u202E]/);
  });

  it("names a folder that holds no finished set, and a set that is given twice", () => {
    const missing = audit("nowhere");
    expect(missing.status).toBe(23);
    expect(missing.stderr).toContain("nowhere is no finished shard set");
    const twice = audit("leaking", "./leaking");
    expect(twice.status).toBe(2);
    expect(twice.stderr).toContain('of shard set "leaking"');
  });
});
