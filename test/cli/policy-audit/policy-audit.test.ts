import { spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { readLeakSetting } from "../../../src/ingest/exclusion/leak-policy.ts";
import { DrawnWorld } from "../../ingest/small-world/files.ts";

const launcher = join(import.meta.dirname, "../../../bin/crossweave.mjs");
const recipes = join(import.meta.dirname, "../../../manifests/recipes");
const SLOW_MS = 240_000;
const split = z.object({ set: z.string(), split: z.string(), leaked: z.int() });
const auditDocument = z.object({
  summary: z.string(),
  verdict: z.object({
    outcome: z.string(),
    digest: z.string(),
    checked: z.object({ training: z.array(split), against: z.array(split) }),
    policy: z.object({
      name: z.string(),
      digest: z.string().regex(/^[0-9a-f]{64}$/),
      notes: z.array(z.string()),
      notCompared: z.array(z.string()),
      trainsOnEvaluation: z.array(z.string()),
    }),
  }),
});

let folder = "";
let world: DrawnWorld;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "crossweave-policy-audit-"));
  world = await DrawnWorld.draw(5, 0.03);
  await writeRecipe("trained", [
    { name: "train", role: "train", from: { coco: ["train"] } },
    { name: "val", role: "train", from: { coco: ["val"] } },
  ]);
  await writeRecipe("mixed", [{ name: "all", role: "train", from: { coco: ["train", "test"] } }]);
  await writeRecipe("reversed", [
    { name: "train", role: "train", from: { coco: ["train"] } },
    { name: "kept", role: "eval", from: { coco: ["restval"] } },
    { name: "val", role: "eval", from: { coco: ["val"] } },
  ]);
  for (const name of ["trained", "mixed", "reversed"]) prepare(`${name}.json`, name);
  prepare("coco", "coco");
  prepare("finetune/flickr30k", "flickr30k");
}, SLOW_MS);

afterAll(async () => {
  await world[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

async function writeRecipe(name: string, splits: readonly object[]): Promise<void> {
  const coco: object = JSON.parse(await readFile(join(recipes, "coco.json"), "utf8"));
  await writeFile(join(folder, `${name}.json`), JSON.stringify({ ...coco, name, splits }));
}

async function writePolicy(name: string, changes: object): Promise<string> {
  const policy = {
    format: "crossweave-leak-policy",
    version: 1,
    ...(await readLeakSetting("strict")),
    name,
    protects: [],
    ...changes,
  };
  await writeFile(join(folder, `policy-${name}.json`), JSON.stringify(policy));
  return `policy-${name}.json`;
}

interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function crossweave(...args: readonly string[]): Ended {
  return spawnSync(process.execPath, [launcher, ...args], {
    cwd: folder,
    encoding: "utf8",
    env: { ...process.env, NO_COLOR: "1" },
  });
}

function prepare(recipe: string, out: string, ...more: readonly string[]): void {
  const to = ["--source", world.folder, "--out", out, ...more];
  const { status, stderr } = crossweave("prepare", recipe, ...to);
  if (status !== 0) throw new Error(stderr);
}

function audit(...args: readonly string[]): Ended {
  return crossweave("audit", "--no-near", "--no-texts", ...args);
}

function auditOf(...args: readonly string[]): z.infer<typeof auditDocument> {
  const { stdout } = audit(...args, "--json");
  return auditDocument.parse(JSON.parse(stdout));
}

function placesOf(splits: readonly z.infer<typeof split>[]): string[] {
  return splits.map(({ set, split: name }) => `${set}/${name}`);
}

describe("crossweave audit <set...> --policy", { timeout: SLOW_MS }, () => {
  it("takes a split for evaluation that the policy evaluates on, and says so", () => {
    expect(audit("trained").status).toBe(2);
    const { summary, verdict } = auditOf("trained", "--policy", "soho");
    expect(placesOf(verdict.checked.training)).toEqual(["trained/train"]);
    expect(placesOf(verdict.checked.against)).toEqual(["trained/val"]);
    expect(summary).toMatch(/^by the policy soho /);
    expect(summary).toContain("trained/val by its recipe trains on what the policy evaluates on");
    expect(verdict.policy.notes[0]).toBe(
      "trained/val counts as evaluation although its recipe trains on it: the policy evaluates on coco (Karpathy split) val; its pictures are not compared as training pictures",
    );
  });

  it("never takes for training what a recipe evaluates on, and says so", () => {
    const { checked, policy } = auditOf("reversed", "--policy", "soho").verdict;
    expect(placesOf(checked.against)).toEqual(["reversed/kept", "reversed/val"]);
    expect(policy.trainsOnEvaluation).toEqual([]);
    expect(policy.notes).toContain(
      "reversed/kept stays evaluation, as its recipe says, although the policy trains on coco (Karpathy split) restval: what is evaluated on stays protected",
    );
  });

  it("keeps a split in training whose evaluation pictures cannot be told from the others", () => {
    const alone = auditOf("mixed", "flickr30k", "--policy", "soho").verdict;
    expect(placesOf(alone.checked.training)).toContain("mixed/all");
    expect(alone.policy.trainsOnEvaluation).toEqual(["mixed/all"]);
    expect(alone.policy.notes.join("\n")).toContain(
      "mixed/all stays training although its recipe takes",
    );
    const compared = audit("mixed", "coco", "--policy", "soho", "--json");
    expect(compared.status).toBe(20);
    const { checked, policy } = auditDocument.parse(JSON.parse(compared.stdout)).verdict;
    expect(policy.trainsOnEvaluation).toEqual([]);
    expect(checked.training.find(({ set }) => set === "mixed")?.leaked).toBeGreaterThan(0);
  });

  it("names what the policy evaluates on and no set holds, and claims nothing of it", () => {
    const { summary, verdict } = auditOf("coco", "flickr30k", "--policy", "strict");
    const { notCompared } = verdict.policy;
    expect(notCompared).toContain("nlvr2 dev+test1+test2");
    expect(notCompared).toContain("flickr30k (Entities split) val+test");
    expect(notCompared.filter((name) => /^coco |Karpathy/.test(name))).toEqual([]);
    expect(summary).toContain("; not compared with ");
    expect(summary).toContain("nlvr2 dev+test1+test2");
  });

  it("keeps the role of a split that the policy does not speak of, and names it", async () => {
    const file = await writePolicy("coco-only", {
      trains: [{ dataset: "coco", parts: ["train", "restval"], because: "test" }],
      evaluates: [{ dataset: "coco", parts: ["test"], because: "test" }],
      identities: ["same-key"],
    });
    const { checked, policy } = auditOf("coco", "flickr30k", "--policy", file).verdict;
    expect(placesOf(checked.against)).toContain("finetune/flickr30k/test");
    expect(policy.notes).toContain(
      "finetune/flickr30k/test keeps the role of its recipe (evaluation): the policy neither trains nor evaluates on flickr30k (Karpathy split) test",
    );
    expect(policy.notes).toContain(
      "when a set is prepared by it, it knows pictures by same-key; this audit compares by every rule all the same",
    );
    expect(policy.notCompared).toEqual([]);
  });

  it("says what a declared backbone had seen, from the sets where they hold it", async () => {
    const backbone = {
      format: "crossweave-backbone",
      version: 1,
      name: "captioner",
      summary: "Test.",
      sees: [{ dataset: "coco", parts: ["restval", "val"], because: "test" }],
      untold: ["a thing that nobody lists"],
    };
    await writeFile(join(folder, "captioner.json"), JSON.stringify(backbone));
    const flags = ["--policy", "soho", "--backbone", "captioner.json"];
    const { notes } = auditOf("coco", ...flags).verdict.policy;
    expect(notes).toContainEqual(
      expect.stringMatching(
        /^backbone captioner had seen the pictures of coco\/restval: at least \d+ of coco\/test/,
      ),
    );
    expect(notes).toContain("backbone captioner had seen every picture of coco/val");
    expect(notes).toContain("backbone captioner had seen a thing that nobody lists");
    const butd = auditOf("coco", "--policy", "soho", "--backbone", "vg-butd").verdict.policy;
    expect(butd.notes).toContain(
      "backbone vg-butd had seen visual-genome train: which evaluation pictures these are is known only from annotation files: crossweave audit --annotations DIR --policy soho --backbone vg-butd",
    );
  });

  it("has another digest for another policy, and the same whatever the order of the sets", () => {
    const [one, other] = [
      auditOf("reversed", "flickr30k", "--policy", "soho").verdict,
      auditOf("flickr30k", "reversed", "--policy", "soho").verdict,
    ];
    expect({ ...other, policy: other.policy.digest }).toEqual({
      ...one,
      policy: one.policy.digest,
    });
    expect(one.policy.notes.filter((note) => note.includes("recipe")).length).toBeGreaterThan(1);
    const strict = auditOf("reversed", "flickr30k", "--policy", "strict").verdict;
    expect(strict.policy.digest).not.toBe(one.policy.digest);
    expect(strict.digest).not.toBe(one.digest);
  });

  it("prints the policy's notes, and a next command that keeps to it", () => {
    const { status, stdout } = audit("coco", "flickr30k", "--policy", "soho");
    expect(status).toBe(20);
    expect(stdout).toMatch(/^By the policy soho \d+ of /);
    expect(stdout).toMatch(/\nPolicy soho, [0-9a-f]{64}\n- /);
    expect(stdout).toContain("next: crossweave audit coco flickr30k --policy soho --exclusions");
  });

  it("states the policy in the exclusion list and in the proof", async () => {
    const by = ["--policy", "soho"] as const;
    expect(audit("coco", "flickr30k", ...by, "--exclusions", "list.json").status).toBe(20);
    const { policy } = auditOf("coco", "flickr30k", ...by).verdict;
    const stated = { name: "soho", digest: policy.digest, notCompared: policy.notCompared };
    const list: unknown = JSON.parse(await readFile(join(folder, "list.json"), "utf8"));
    expect(list).toMatchObject({ settings: { policy: stated } });
    const more = ["--exclude", "list.json"] as const;
    for (const recipe of ["coco", "finetune/flickr30k"]) {
      prepare(recipe, `clean-${recipe.replace("finetune/", "")}`, ...more);
    }
    const sets = ["clean-coco", "clean-flickr30k"];
    const proven = audit(...sets, ...by, "--proof", "proof.json", "--unsigned");
    expect(proven.status).toBe(0);
    const envelope = z
      .object({ payload: z.string() })
      .parse(JSON.parse(await readFile(join(folder, "proof.json"), "utf8")));
    const statement: unknown = JSON.parse(Buffer.from(envelope.payload, "base64").toString());
    expect(statement).toMatchObject({
      predicate: {
        claim: expect.stringMatching(
          /^by the policy soho \([0-9a-f]{12}\) no known .*; not compared with /,
        ),
        settings: { policy: stated },
      },
    });
  });

  it("makes no proof where a recipe trains on what the policy evaluates on", () => {
    const flags = ["--policy", "soho", "--proof", "none.json", "--unsigned"];
    const list = ["--exclusions", "mixed-list.json"];
    expect([0, 20]).toContain(audit("mixed", "flickr30k", ...list).status);
    prepare("mixed.json", "clean-mixed", "--exclude", "mixed-list.json");
    const refused = audit("clean-mixed", "clean-flickr30k", ...flags);
    expect(refused.status).toBe(20);
    expect(refused.stderr).toContain("no proof is made of this: by the policy soho no picture of");
    expect(refused.stderr).toContain(
      "mixed/all by its recipe trains on what the policy evaluates on",
    );
  });

  it("makes one where the set's own preparation has left these out", async () => {
    const evaluates = [{ dataset: "coco", parts: ["test"], because: "test" }];
    const file = await writePolicy("coco-alone", { evaluates });
    const by = ["--policy", file] as const;
    expect(auditOf("mixed", "clean-flickr30k", ...by).verdict.policy.trainsOnEvaluation).toEqual([
      "mixed/all",
    ]);
    const prepared = ["--policy", "strict", "--allow-missing"] as const;
    prepare("mixed.json", "strict-mixed", ...prepared);
    // What the bytes alone tell no policy knows.
    audit("strict-mixed", "clean-flickr30k", "--exclusions", "strict-list.json");
    prepare("mixed.json", "proven-mixed", ...prepared, "--exclude", "strict-list.json");
    const flags = [...by, "--proof", "own.json", "--unsigned"];
    const { status, stdout } = audit("proven-mixed", "clean-flickr30k", ...flags);
    expect([status, stdout]).toEqual([0, expect.stringContaining("mixed/all is training alone")]);
  });

  it("refuses a policy that drops the evaluation side, one that there is not, and a backbone without one", async () => {
    const file = await writePolicy("backwards", { drops: "evaluation" });
    const wrong = audit("coco", "--policy", file);
    expect(wrong.status).toBe(2);
    expect(wrong.stderr).toContain("what is evaluated on stays as it was published");
    const unknown = audit("coco", "--policy", "albef");
    expect(unknown.status).toBe(2);
    expect(unknown.stderr).toContain('there is no leak policy "albef"');
    const alone = audit("coco", "--backbone", "imagenet");
    expect(alone.status).toBe(2);
    expect(alone.stderr).toContain("--backbone goes with --policy");
  });
});
