import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { prepareTraining, type TrainingCall } from "../../src/cli/runs/training.ts";
import { sha256 } from "../../src/core/digest.ts";
import { imageKey } from "../../src/core/keys.ts";
import { LeakError } from "../../src/core/errors.ts";
import { silentProgress } from "../../src/core/progress.ts";
import type { Scene, StoredPicture } from "../../src/core/records.ts";
import { recipeNamed } from "../../src/train/recipes/recipe-named.ts";
import { photographScenes, temporaryFolder, writeVocabulary } from "../loader/shard-set-fixture.ts";
import { writeShardSet } from "../shards/small-set.ts";
import { requireVisualParsing } from "../train/tiny-run.ts";

const context = { progress: silentProgress, signal: new AbortController().signal };
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let call: TrainingCall;

// Two photographs to train on and a part of a third, saved anew under another name; the third is evaluated on.
beforeAll(async () => {
  folder = await temporaryFolder();
  const [one, other, tested] = await photographScenes();
  if (one === undefined || other === undefined || tested === undefined) throw new Error("three");
  const [evaluated, trained] = [join(folder.path, "evaluated"), join(folder.path, "trained")];
  await writeShardSet(evaluated, [{ split: "test", role: "eval", scenes: [tested] }]);
  await writeShardSet(trained, [{ split: "train", scenes: [one, other, await partOf(tested)] }]);
  const recipe = requireVisualParsing(recipeNamed("pretrain/visual-parsing"));
  const vocabulary = await writeVocabulary(folder.path);
  call = {
    recipe: { ...recipe, data: { ...recipe.data, picturesPerBatch: 2, vocabulary } },
    folders: [trained, evaluated],
    out: join(folder.path, "run"),
    fresh: false,
    allowLeaks: false,
    near: {},
  };
});
afterAll(() => folder[Symbol.asyncDispose]());
beforeEach(() => {
  vi.stubEnv("CROSSWEAVE_CACHE", join(folder.path, "cache"));
});

async function partOf(scene: Scene): Promise<Scene> {
  const [picture] = scene.pictures;
  if (picture === undefined) throw new Error("a picture");
  const { height, width } = picture;
  const size = { width: Math.round(width * 0.95), height: Math.round(height * 0.95) };
  const bytes = await sharp(picture.bytes)
    .extract({ left: 9, top: 7, ...size })
    .jpeg()
    .toBuffer();
  const key = imageKey("vg", 7);
  const copy: StoredPicture = {
    ...picture,
    ...size,
    key,
    bytes,
    sha256: sha256(bytes),
    sourceSha256: sha256(bytes),
    pixelSha256: sha256(`pixels of ${key}`),
  };
  return { ...scene, sceneKey: key, pictures: [copy] };
}

describe("a training on a copy of an evaluation picture", () => {
  it("is refused as an audit refuses it, which the remedy names with the same settings", async () => {
    const refused = prepareTraining({ ...call, near: { distance: 40 } }, context);
    await expect(refused).rejects.toThrow(LeakError);
    await expect(refused).rejects.toMatchObject({
      exitCode: 20,
      message: expect.stringMatching(/; vg:7, for one: aligned pixels correlate by/),
      remedy: expect.stringContaining(
        `crossweave audit ${call.folders.join(" ")} --near-distance 40 --exclusions`,
      ),
    });
  });

  it("begins where near-duplicates are not looked for, and says so", async () => {
    const prepared = await prepareTraining({ ...call, near: undefined }, context);
    expect(prepared.verdict.outcome).toBe("clean");
    expect(prepared.auditSummary).toMatch(
      /; near-duplicates were not looked for; texts were not compared$/,
    );
  });

  it("begins where a person has decided that it is none, and says whose word that is", async () => {
    const decisionsFile = join(folder.path, "decisions.json");
    const [evaluated] = (await photographScenes())[2]?.pictures ?? [];
    const decision = {
      train: "vg:7",
      eval: evaluated?.key,
      decision: "allow",
      rule: "near-duplicate",
    };
    const list = { format: "crossweave-decisions", version: 1, auditDigest: "" };
    const decisions = [{ ...decision, note: "" }];
    await writeFile(decisionsFile, JSON.stringify({ ...list, decisions }));
    const prepared = await prepareTraining({ ...call, decisionsFile }, context);
    expect(prepared.verdict.outcome).toBe("clean");
    expect(prepared.auditSummary).toContain(`1 pair is no leak because ${decisionsFile} says so`);
  });

  it("finds by sets on neither side what joins the two", async () => {
    const [one] = await photographScenes();
    const [tested] = (await photographScenes())[2]?.pictures ?? [];
    const [picture] = one?.pictures ?? [];
    if (one === undefined || picture === undefined || tested === undefined) throw new Error("both");
    const linked = { ...picture, key: imageKey("vg", 99), linkedKeys: [picture.key, tested.key] };
    const listed = join(folder.path, "listed");
    const scenes = [{ ...one, sceneKey: linked.key, pictures: [linked] }];
    await writeShardSet(listed, [{ split: "all", scenes }]);
    const refused = prepareTraining({ ...call, near: undefined, through: [listed] }, context);
    await expect(refused).rejects.toMatchObject({
      message: expect.stringContaining(`through made-up/all`),
      remedy: expect.stringContaining(`--through ${listed} --no-near --exclusions`),
    });
  });
});
