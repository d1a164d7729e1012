import { spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseManifest } from "../../../src/audit/manifests/read-manifest.ts";
import { silentProgress } from "../../../src/core/progress.ts";
import { readLeakPolicy } from "../../../src/ingest/exclusion/leak-policy.ts";
import { exclusionRules } from "../../../src/ingest/exclusion/policy-rules.ts";
import { listPictures } from "../../../src/ingest/list-pictures.ts";
import { readManifest } from "../../../src/cli/proving/manifest-files.ts";
import { drawWorld } from "../annotation-audit/planted/annotated-world.ts";
import { writeWorld } from "../annotation-audit/planted/write-world.ts";

const launcher = join(import.meta.dirname, "../../../bin/crossweave.mjs");
let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "crossweave-annotation-results-"));
  writeWorld(join(folder, "world"), drawWorld({ scale: 0.001, seed: 3 }));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

function audit(...args: readonly string[]): {
  status: number | null;
  stdout: string;
  stderr: string;
} {
  const words = [launcher, "audit", "--no-texts", "--annotations", "world", ...args];
  const env = { ...process.env, NO_COLOR: "1" };
  return spawnSync(process.execPath, words, { cwd: folder, encoding: "utf8", env });
}

describe("crossweave audit --annotations writes", () => {
  it("SARIF and JUnit with a finding for each training set that holds evaluation pictures", async () => {
    const files = ["--sarif", "out/a.sarif", "--junit", "out/a.xml"];
    const { status, stdout } = audit("--policy", "uniter", "--json", ...files);
    expect(status).toBe(20);
    const document = JSON.parse(stdout);
    const sides = new Set(document.training.map(({ name }: { name: string }) => name));
    const found = document.pictures.filter(
      (cell: { seen: string; pictures: number | null }) =>
        (cell.pictures ?? 0) > 0 && (sides.has(cell.seen) || cell.seen.startsWith("vg-butd")),
    );
    const log = JSON.parse(await readFile(join(folder, "out/a.sarif"), "utf8"));
    const { properties, results } = log.runs[0];
    expect(properties).toMatchObject({ outcome: "leaking", policy: "uniter" });
    expect(results).toHaveLength(found.length);
    const kept = found.filter((cell: { kept: number }) => cell.kept > 0);
    const errors = results.filter((one: { level: string }) => one.level === "error");
    expect(errors).toHaveLength(kept.length);
    expect(kept.length).toBeLessThan(found.length);
    const fingerprints = results.map((one: { partialFingerprints: object }) =>
      JSON.stringify(one.partialFingerprints),
    );
    expect(new Set(fingerprints).size).toBe(results.length);
    const junit = await readFile(join(folder, "out/a.xml"), "utf8");
    expect(junit.match(/<testsuite /g)).toHaveLength(26);
    expect(junit.match(/<failure type="leak"/g)).toHaveLength(kept.length);
    expect(junit).toContain(
      '<testcase name="no picture is in coco all" classname="refcoco testA" time="0"/>',
    );
  });

  it("what is not known as skipped cases, which never pass", async () => {
    await rm(join(folder, "world/nlvr2"), { recursive: true });
    const { status } = audit("--policy", "strict", "--junit", "out/strict.xml");
    expect(status).toBe(0);
    const junit = await readFile(join(folder, "out/strict.xml"), "utf8");
    expect(junit).toMatch(
      /<testsuite name="nlvr2 dev" tests="13" failures="0" errors="0" skipped="13" time="0">/,
    );
    expect(junit).toContain(
      '<skipped message="nlvr2 dev is not known here: nlvr2: none of its files is there"/>',
    );
    expect(junit).not.toContain("<failure");
  });

  it("the exclusion list of a policy: what the policy leaves out, and what is evaluated on, by key", async () => {
    const { status, stdout } = audit("--policy", "uniter", "--exclusions", "out/uniter.json");
    expect(status).toBe(20);
    const text = await readFile(join(folder, "out/uniter.json"), "utf8");
    const manifest = parseManifest(text, "uniter.json");
    expect(manifest.settings?.policy).toMatchObject({ name: "uniter" });
    expect(stdout).toContain(
      `out/uniter.json names ${manifest.rows.length} training pictures to leave out`,
    );
    const listed = new Map(manifest.rows.map((row) => [row.key, row]));
    const source = join(folder, "world");
    const options = { folder: source, progress: silentProgress };
    const policy = await readLeakPolicy("uniter");
    const rules = await exclusionRules(policy, { ...options, listPictures, allowMissing: true });
    let numLeftOut = 0;
    for (const dataset of ["visual-genome", "coco"]) {
      for await (const picture of listPictures(dataset, options)) {
        if (rules.match(picture) === undefined) continue;
        numLeftOut += 1;
        expect([picture.key, listed.has(picture.key)]).toEqual([picture.key, true]);
      }
    }
    expect(numLeftOut).toBeGreaterThan(20);
    // VQA's val is evaluated on, and UNITER's policy does not protect it.
    const ofVqa = manifest.rows.filter((row) => row.evalSet.startsWith("vqa2"));
    expect(ofVqa.length).toBeGreaterThan(10);
    for (const { chain, evalKey, key } of manifest.rows) {
      expect([chain[0]?.from ?? key, chain.at(-1)?.to ?? evalKey]).toEqual([key, evalKey]);
    }
    const arrow = await readManifest(join(folder, "out/uniter.arrow"));
    expect(arrow.digest).toBe(manifest.digest);
    // The same bytes on every run.
    audit("--policy", "uniter", "--exclusions", "out/again.json");
    expect(await readFile(join(folder, "out/again.json"), "utf8")).toBe(text);
  });

  it("nothing with --dry-run, and nothing over a file that is another", async () => {
    audit("--policy", "strict", "--dry-run", "--sarif", "dry/a.sarif");
    await expect(readFile(join(folder, "dry/a.sarif"))).rejects.toThrow("ENOENT");
    await writeFile(join(folder, "notes.xml"), "<notes/>");
    const { status, stderr } = audit("--policy", "strict", "--junit", "notes.xml");
    expect([status, stderr.includes("is no --junit of an audit")]).toEqual([25, true]);
  });

  it("and refuses, by name and with the reason, what only shard sets have", () => {
    const refused: readonly (readonly [readonly string[], string])[] = [
      [
        ["--report", "a.html"],
        "--report goes with shard sets, not with --annotations: it shows pairs",
      ],
      [
        ["--proof", "p.json"],
        "--proof goes with shard sets, not with --annotations: it is bound to shards",
      ],
      [["--against", "h"], "--against goes with shard sets"],
      [["--near-distance", "3"], "--near-distance goes with shard sets"],
      [["--decisions", "d.json"], "--decisions goes with shard sets"],
      [
        ["--exclusions", "e.json"],
        "--exclusions goes with --policy where annotation files are compared",
      ],
    ];
    for (const [flags, words] of refused) {
      const { status, stderr } = audit(...flags);
      expect([flags, status, stderr.includes(words)]).toEqual([flags, 2, true]);
    }
  });
});
