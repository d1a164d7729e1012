import { spawnSync } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { drawWorld } from "./planted/annotated-world.ts";
import { writeWorld } from "./planted/write-world.ts";

const launcher = join(import.meta.dirname, "../../../bin/crossweave.mjs");
let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "crossweave-annotation-command-"));
  writeWorld(join(folder, "world"), drawWorld({ scale: 0.001, seed: 3 }));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** What is compared of texts is tried elsewhere. */
function audit(...args: readonly string[]): Ended {
  return spawnSync(process.execPath, [launcher, "audit", "--no-texts", ...args], {
    cwd: folder,
    encoding: "utf8",
    env: { ...process.env, NO_COLOR: "1" },
  });
}

describe("crossweave audit --annotations", () => {
  it("ends with 20 and shows what a setting leaks where, by which rule and chain", () => {
    const { status, stdout, stderr } = audit("--annotations", "world", "--policy", "soho");
    expect(status).toBe(20);
    expect(stderr).toContain("comparing the pictures that the annotation files of world list");
    expect(stdout).toMatch(
      /^By the policy soho pictures of \d+ of the 26 evaluation splits that are known here are trained on\./,
    );
    expect(stdout).toMatch(
      /\[2\] {2}visual-genome train\+val +103 {2}section 3\.4; the split is open/,
    );
    expect(stdout).toMatch(/refcoco testA +4 +4 \(100\.0 %\)/);
    expect(stdout).toMatch(
      /coco \(Karpathy split\) (?:val|test) in visual-genome train\+val: vg:\d+ is coco:\d+\n +linked key coco:\d+ \(.*vg\/image_data\.json#\/\d+.*karpathy\/coco_(?:val|test)\.txt line \d+/,
    );
    expect(stdout).toContain("backbone imagenet, as declared\nnot known: ImageNet-1K");
  });

  it("ends with 0 by the policy strict, and says against what and by what", () => {
    const { status, stdout } = audit("--annotations", "world", "--policy", "strict");
    expect(status).toBe(0);
    expect(stdout).toMatch(
      /^By the policy strict no picture of the 26 evaluation splits that are known here is trained on, by names in annotation files\./,
    );
    expect(stdout).toContain(
      "no picture was opened, so that copies under other names are not found",
    );
    expect(stdout).toMatch(/flickr30k \(Karpathy split\) train +\d+ +\d+ same-key/);
  });

  it("gives the matrix as JSON, with what the policy removes and the chains", () => {
    const { status, stdout } = audit("--annotations", "world", "--policy", "uniter", "--json");
    expect(status).toBe(20);
    const document = JSON.parse(stdout);
    expect(document).toMatchObject({
      format: "crossweave-annotation-audit",
      version: 1,
      outcome: "leaking",
      policy: { name: "uniter", drops: "training" },
      texts: null,
    });
    const cell = document.pictures.find(
      (one: { seen: string; evaluated: string }) =>
        one.seen === "coco all" && one.evaluated === "refcoco testA",
    );
    expect(cell).toMatchObject({ pictures: 4, share: 1, kept: 0, byRule: { "same-key": 4 } });
    expect(cell.chains[0].steps[0].rule).toBe("same-key");
    const saw = document.backbones[0].sees[0];
    expect(saw).toMatchObject({ name: "vg-butd: visual-genome train", pictures: 98 });
  });

  it("names what is not there as not known, and never counts it as clean", async () => {
    await mkdir(join(folder, "part/karpathy"), { recursive: true });
    for (const path of ["karpathy", "vg"]) {
      await cp(join(folder, "world", path), join(folder, "part", path), { recursive: true });
    }
    const { status, stdout } = audit("--annotations", "part", "--policy", "visual-parsing");
    expect(stdout).toMatch(/; \d+ more are not known here\./);
    expect(stdout).toContain("not known here, and so never counted as free of leaks");
    expect(stdout).toMatch(
      / {2}nlvr2 dev, nlvr2 test1, nlvr2 test2 \(nlvr2: none of its files is there\)/,
    );
    expect(stdout).toMatch(/refcoco testA, refcoco testB \(refcoco: none of its files is there\)/);
    // Without caption files nobody knows which photos COCO's pictures are.
    expect(stdout).toMatch(/flickr30k \(Karpathy split\) test +4 +≥ [01]/);
    // Visual Genome's links name COCO's keys, so that these are known.
    expect(status).toBe(20);
  });

  it("ends with 2 when nothing can be compared, and when the command is no command", async () => {
    await mkdir(join(folder, "empty"), { recursive: true });
    const nothing = audit("--annotations", "empty", "--policy", "soho");
    expect([nothing.status, nothing.stdout.slice(0, 29)]).toEqual([
      2,
      "Nothing could be compared: th",
    ]);
    const wrong: readonly (readonly [readonly string[], string])[] = [
      [[], "no shard set is named, and no --annotations"],
      [["--policy", "soho"], "no shard set is named, and no --annotations"],
      [["sets", "--backbone", "imagenet"], "--backbone goes with --policy"],
      [["sets", "--annotations", "world"], "and sets are named as well"],
      [["--annotations", "world", "--no-near"], "--no-near goes with shard sets"],
      [["--annotations", "world", "--no-bind"], "--no-bind goes with shard sets"],
      [["--annotations", "world", "--policy", "albef"], "there is no leak policy"],
      [["--annotations", "world", "--backbone", "imagenet"], "no --policy is given"],
      [["--annotations", "world", "--policy", "soho", "--backbone", "x"], "there is no backbone"],
    ];
    for (const [args, words] of wrong) {
      const { status, stdout, stderr } = audit(...args);
      expect([args, status, `${stdout}${stderr}`.includes(words)]).toEqual([args, 2, true]);
    }
  }, 60_000);

  it("ends with 23 and names the place when a file is damaged", async () => {
    await cp(join(folder, "world"), join(folder, "damaged"), { recursive: true });
    const path = join(folder, "damaged/vg/image_data.json");
    await truncate(path, (await readFile(path)).length - 300);
    const { status, stdout, stderr } = audit("--annotations", "damaged", "--policy", "soho");
    expect(status).toBe(23);
    expect(`${stdout}${stderr}`).toMatch(/vg\/image_data\.json/);
    await cp(join(folder, "world/vg"), join(folder, "damaged/vg"), { recursive: true });
    await writeFile(join(folder, "damaged/nlvr2/dev_hashes.json"), '{"dev-0-0-img0.png": "xyz"}');
    const hashes = audit("--annotations", "damaged");
    expect(hashes.status).toBe(23);
    expect(`${hashes.stdout}${hashes.stderr}`).toContain("is no hash of 16 hexadecimal digits");
  });

  it("takes a policy of one's own, and refuses one that would drop evaluation pictures", async () => {
    const own = {
      format: "crossweave-leak-policy",
      version: 1,
      name: "own",
      summary: "",
      drops: "training",
      trains: [{ dataset: "visual-genome", parts: "everything", because: "mine" }],
      evaluates: [{ dataset: "coco", parts: ["test"], because: "mine" }],
      identities: ["same-key"],
      protects: [{ dataset: "coco", parts: ["test"], because: "mine" }],
    };
    await writeFile(join(folder, "own.json"), JSON.stringify(own));
    const kept = audit("--annotations", "world", "--policy", "own.json");
    // By keys alone no picture of Visual Genome is one of COCO: the policy leaves out nothing.
    expect(kept.status).toBe(20);
    expect(kept.stdout).toMatch(/\[1\] {2}visual-genome all +\d+ {2}none/);
    const linked = { ...own, identities: ["same-key", "linked-key", "same-flickr-photo"] };
    await writeFile(join(folder, "linked.json"), JSON.stringify(linked));
    expect(audit("--annotations", "world", "--policy", "linked.json").status).toBe(0);
    await writeFile(join(folder, "other.json"), JSON.stringify({ ...own, drops: "evaluation" }));
    const refused = audit("--annotations", "world", "--policy", "other.json");
    expect(refused.status).toBe(2);
    expect(`${refused.stdout}${refused.stderr}`).toContain('is "training" always');
  }, 60_000);
});
