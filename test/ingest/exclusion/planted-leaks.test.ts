import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SourceError } from "../../../src/core/errors.ts";
import { silentProgress } from "../../../src/core/progress.ts";
import type { PictureIdentity } from "../../../src/ingest/exclusion/exclusion-rules.ts";
import { type LeakPolicy, readLeakPolicy } from "../../../src/ingest/exclusion/leak-policy.ts";
import { exclusionRules, type PolicyRules } from "../../../src/ingest/exclusion/policy-rules.ts";
import { listPictures } from "../../../src/ingest/list-pictures.ts";
import { planPreparation } from "../../../src/ingest/preparation-plan.ts";
import { readRecipe } from "../../../src/ingest/recipe.ts";
import { planOptions } from "../plan-options.ts";
import { DrawnWorld, type Leak, readJson } from "../small-world/files.ts";

/** The datasets of the small world; it has no lists of Entities and of bottom-up attention. */
const drawn = new Set(["coco Karpathy split", "vqa2", "nlvr2", "flickr30k", "snli-ve"]);
const trainParts: Readonly<Record<string, readonly string[]>> = {
  coco: ["train", "restval"],
  vqa2: ["train"],
  nlvr2: ["train"],
  flickr30k: ["train"],
  "snli-ve": ["train"],
};

let world: DrawnWorld;
let leaks: readonly Leak[];
/** Everything that is trained on: "dataset key" and what the annotation files tell of the picture. */
let training: ReadonlyMap<string, PictureIdentity>;

beforeAll(async () => {
  world = await DrawnWorld.draw(5, 0.05);
  ({ leaks } = await readJson<{ leaks: Leak[] }>(world.folder, "planted-leaks.json"));
  training = await trainingPictures();
});
afterAll(() => world[Symbol.asyncDispose]());

async function trainingPictures(): Promise<ReadonlyMap<string, PictureIdentity>> {
  const found = new Map<string, PictureIdentity>();
  const options = { folder: world.folder, progress: silentProgress };
  for (const [dataset, parts] of Object.entries(trainParts)) {
    for await (const { part = "", ...picture } of listPictures(dataset, options)) {
      if (parts.includes(part)) found.set(`${dataset} ${picture.key}`, picture);
    }
  }
  const genome = listPictures("visual-genome", { ...options, withParts: false });
  for await (const picture of genome) found.set(`vg ${picture.key}`, picture);
  return found;
}

async function policyOf(name: string): Promise<LeakPolicy> {
  const policy = await readLeakPolicy(name);
  const protects = policy.protects.filter(
    ({ dataset, split }) => drawn.has(dataset) || drawn.has(`${dataset} ${split ?? ""}`),
  );
  return { ...policy, protects };
}

async function rulesOf(name: string): Promise<PolicyRules> {
  const options = { folder: world.folder, listPictures, progress: silentProgress };
  return exclusionRules(await policyOf(name), { ...options, allowMissing: true });
}

function leftOut(rules: PolicyRules): Map<string, string> {
  return new Map(
    Array.from(training).flatMap(([name, picture]) => {
      const exclusion = rules.match(picture);
      return exclusion === undefined ? [] : [[name, exclusion.evidence] as const];
    }),
  );
}

/** Whether a planted leak shows in annotation files: the kinds that need pictures do not. */
function isTold({ kind, train, eval: evaluation, chain }: Leak): boolean {
  if (kind === "same-key" || kind === "same-flickr-photo") return true;
  if (kind === "text-with-label") return train.key === evaluation.key;
  // Over a COCO picture: told when that has the Flickr photo of the evaluation's, and not its bytes.
  return kind === "mirrored-id" && photoOf(chain[1] ?? "") === photoOf(evaluation.key);
}

function photoOf(key: string): string | null | undefined {
  const named = key.startsWith("flickr30k:") ? key.slice("flickr30k:".length) : undefined;
  return named ?? training.get(`coco ${key}`)?.flickrPhotoId;
}

function nameOf({ train }: Leak): string {
  return `${train.dataset} ${train.key}`;
}

describe("In the small world", () => {
  it("strict leaves out every planted leak that annotation files tell, and no other picture", async () => {
    const rules = await rulesOf("strict");
    const told = leaks.filter(isTold);
    expect(new Set(leftOut(rules).keys())).toEqual(new Set(told.map(nameOf)));
    expect(new Set(told.map(({ kind }) => kind))).toEqual(
      new Set(["same-key", "same-flickr-photo", "mirrored-id", "text-with-label"]),
    );
  });

  it("what only bytes or pixels tell is left for the audit", async () => {
    const out = leftOut(await rulesOf("strict"));
    const untold = leaks.filter((leak) => !isTold(leak));
    expect(new Set(untold.map(({ kind }) => kind))).toEqual(
      new Set([
        "same-bytes",
        "re-encoded",
        "resized",
        "cropped",
        "flipped",
        "mirrored-id",
        "text-with-label",
      ]),
    );
    for (const leak of untold) expect(out.has(nameOf(leak))).toBe(false);
  });

  it("a chain over COCO is told with each of its places", async () => {
    const leak = leaks.find((one) => one.kind === "mirrored-id" && isTold(one));
    const [, stone = "", end = ""] = leak?.chain ?? [];
    const evidence = leftOut(await rulesOf("uniter")).get(leak === undefined ? "" : nameOf(leak));
    expect(evidence).toMatch(
      new RegExp(
        `^linked to ${stone}, which is Flickr photo ${end.split(":")[1]} \\(coco/annotations/captions_\\w+\\.json#/images/\\d+, .*\\), which is ${end} in the test part of flickr30k`,
      ),
    );
  });

  it("uniter leaves out, beyond strict, what is in Flickr30K's own train, and nothing else", async () => {
    const strict = leftOut(await rulesOf("strict"));
    const more = Array.from(leftOut(await rulesOf("uniter"))).filter(([name]) => !strict.has(name));
    expect(
      more.filter(([, evidence]) => !evidence.includes("the train part of flickr30k")),
    ).toEqual([]);
    expect(more.filter(([name]) => name.startsWith("vg "))).not.toEqual([]);
  });

  it("evaluation lists with too many faulty records are refused, missing ones allowed or not", async () => {
    const path = join(world.folder, "coco/annotations/captions_val2014.json");
    const whole = await readFile(path, "utf8");
    const options = { folder: world.folder, progress: silentProgress };
    try {
      await writeFile(path, whole.replaceAll(`"image_id"`, `"image"`));
      const listed = Array.fromAsync(listPictures("coco", options));
      await expect(listed).rejects.toThrow(/records are faulty, 50 are allowed/);
      await expect(rulesOf("strict")).rejects.toThrow(SourceError);
    } finally {
      await writeFile(path, whole);
    }
  });

  it("UNITER's in-domain set trains on no picture that leads to an evaluation picture", async () => {
    const rules = await rulesOf("uniter");
    const recipe = await readRecipe("pretrain/uniter-indomain");
    using plan = await planPreparation(recipe, {
      ...planOptions(world.folder),
      exclusions: rules,
      annotationsOnly: true,
      allowMissing: true,
      quarantineLimit: recipe.quarantineLimit,
    });
    const evaluated = new Set(
      leaks.filter(isTold).flatMap((leak) => {
        const isCoco = leak.eval.dataset === "coco" || leak.eval.dataset === "flickr30k";
        return isCoco ? [leak.train.key] : [];
      }),
    );
    const trained: string[] = [];
    for (const split of ["coco", "vg"]) {
      for await (const { draft } of plan.scenes(split)) trained.push(draft.sceneKey);
    }
    expect(trained.length).toBeGreaterThan(50);
    expect(trained.filter((key) => evaluated.has(key))).toEqual([]);
    const rows = await Array.fromAsync(plan.ledger());
    const keys = rows.filter(
      ({ kind, reason }) =>
        kind === "image" && ["linked-key", "same-flickr-photo"].includes(reason),
    );
    expect(keys.length).toBeGreaterThan(10);
  });
});
