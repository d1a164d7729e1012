import { strict as assert } from "node:assert";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { manifestOf } from "../../src/audit/manifests/exclusion-manifest.ts";
import { auditShardSets } from "../../src/cli/auditing/shard-set-audit.ts";
import { writeManifest } from "../../src/cli/proving/manifest-files.ts";
import { prepareTraining, type TrainingCall } from "../../src/cli/runs/training.ts";
import { pictureNames } from "../../src/core/keys.ts";
import { LeakError } from "../../src/core/errors.ts";
import type { PictureInfo, Scene } from "../../src/core/records.ts";
import { silentProgress } from "../../src/core/progress.ts";
import { SampleSource } from "../../src/loader/sample-source.ts";
import { recipeNamed } from "../../src/train/recipes/recipe-named.ts";
import { writeVocabulary } from "../loader/shard-set-fixture.ts";
import { ShardSetReader } from "../../src/shards/shard-set-reader.ts";
import { madeUpScenes, temporaryFolder, writeShardSet } from "../shards/small-set.ts";
import { requireVisualParsing } from "../train/tiny-run.ts";

const context = { progress: silentProgress, signal: new AbortController().signal };

/** Scenes of one picture each: 40 to train on, 10 to evaluate on from a place on. */
async function trainingCall(folder: string, evalFrom: number): Promise<TrainingCall> {
  const trained = join(folder, "trained");
  const all = madeUpScenes(150).filter(({ pictures }) => pictures.length === 1);
  await writeShardSet(trained, [{ split: "train", scenes: all.slice(0, 40) }]);
  const evaluated = join(folder, "evaluated");
  const scenes = all.slice(evalFrom, evalFrom + 10);
  await writeShardSet(evaluated, [{ split: "test", role: "eval", scenes }]);
  const recipe = requireVisualParsing(recipeNamed("pretrain/visual-parsing"));
  return {
    recipe: {
      ...recipe,
      data: { ...recipe.data, picturesPerBatch: 8, vocabulary: await writeVocabulary(folder) },
    },
    folders: [trained, evaluated],
    out: join(folder, "run"),
    fresh: false,
    allowLeaks: false,
  };
}

/** A scene of one picture with other names. */
function sceneNamed(scene: Scene, names: Partial<PictureInfo> & Pick<PictureInfo, "key">): Scene {
  const pictures = scene.pictures.map((picture) => ({
    ...picture,
    ...names,
    linkedKeys: names.linkedKeys ?? [],
  }));
  return { ...scene, sceneKey: names.key, pictures };
}

describe("case 45: a protected picture inside a training shard", () => {
  it("stops a training before it begins, and says which pictures by which evidence", async () => {
    await using folder = await temporaryFolder();
    const call = await trainingCall(folder.path, 35);
    const refused = prepareTraining(call, context);
    await expect(refused).rejects.toThrow(LeakError);
    await expect(refused).rejects.toMatchObject({
      exitCode: 20,
      message: expect.stringMatching(
        /these sets are not trained on: .*share.*; \S+, for one: key \S+ \(in made-up\/train, scene-\d+; in made-up\/test, scene-\d+\)/,
      ),
      remedy: expect.stringContaining("--exclusions"),
    });
  });

  it("lets a training begin where no picture is on both sides", async () => {
    await using folder = await temporaryFolder();
    const call = await trainingCall(folder.path, 100);
    const prepared = await prepareTraining(call, context);
    expect(prepared).toMatchObject({ trainingScenes: 40 });
    // Whatever takes the training set's place later: its loader refuses these.
    await using evaluated = await ShardSetReader.open(call.folders[1] ?? "");
    const [first] = (await evaluated.split("test").head(0)).pictures;
    const names = first === undefined ? [] : pictureNames(first);
    expect(names.length).toBeGreaterThan(1);
    const excluded = prepared.excluded.map((its) => (typeof its === "string" ? its : its.name));
    expect(excluded).toEqual(expect.arrayContaining(names));
  });

  it("is refused by the loader of a set that was built again without its exclusion list", async () => {
    await using folder = await temporaryFolder();
    const call = await trainingCall(folder.path, 35);
    const { verdict } = await auditShardSets(call.folders, context);
    const list = join(folder.path, "exclusions.json");
    await writeManifest(list, manifestOf(verdict, "0.1.0"));
    // The evaluation set is not at hand: only the list tells which pictures are its.
    const alone = { ...call, folders: call.folders.slice(0, 1) };
    for (const file of [list, join(folder.path, "exclusions.arrow")]) {
      const { excluded, sets } = await prepareTraining({ ...alone, exclude: [file] }, context);
      await using opened = await SampleSource.open(sets);
      await using samples = await SampleSource.ofListed(opened.listed, { excluded });
      const found: unknown = await Promise.try(() => samples.head(35)).catch(
        (error: unknown) => error,
      );
      expect(found).toBeInstanceOf(LeakError);
      expect(found).toMatchObject({
        message: expect.stringMatching(/excluded picture: key coco:/),
      });
      await samples.head(34);
    }
    expect((await prepareTraining(alone, context)).excluded).toEqual([]);
  });

  it("is refused by way of a third picture too, with the chain in the message", async () => {
    await using folder = await temporaryFolder();
    const [evaluated, listed, rebuilt] = ["evaluated", "listed", "rebuilt"].map((name) =>
      join(folder.path, name),
    );
    assert(evaluated !== undefined && listed !== undefined && rebuilt !== undefined);
    const [first, second, third] = madeUpScenes(20).filter(({ pictures }) => pictures.length === 1);
    const [tested] = first?.pictures ?? [];
    assert(first !== undefined && second !== undefined && third !== undefined);
    assert(tested !== undefined);
    const linked = sceneNamed(second, { key: "vg:77", linkedKeys: [tested.key, "coco:900001"] });
    await writeShardSet(evaluated, [{ split: "test", role: "eval", scenes: [first] }]);
    await writeShardSet(listed, [{ split: "all", scenes: [linked] }]);
    // Only its link to a key of the list tells what the picture is.
    const scenes = [sceneNamed(third, { key: "coco:900001" })];
    await writeShardSet(rebuilt, [{ split: "train", scenes }]);
    const { guard, verdict } = await auditShardSets([evaluated], {
      ...context,
      through: [listed],
      withGuard: true,
    });
    expect(verdict.outcome).toBe("unchecked");
    await using opened = await SampleSource.open([{ folder: rebuilt, splits: ["train"] }]);
    await using samples = await SampleSource.ofListed(opened.listed, { excluded: guard });
    await expect(Promise.try(() => samples.head(0))).rejects.toThrow(
      `scene coco:900001 (0 of its split) is of an excluded picture: key coco:900001; vg:77 of made-up/all is ${tested.key} of made-up/test, ${first.sceneKey} (linked-key), which is evaluated on`,
    );
    const audit = auditShardSets([evaluated, rebuilt], { ...context, through: [listed] });
    expect((await audit).verdict.leaks).toMatchObject([{ rule: "chain", chain: [{}, {}] }]);
  });

  it("keeps its loader from none where leaks are allowed", async () => {
    await using folder = await temporaryFolder();
    const call = await trainingCall(folder.path, 35);
    const { excluded } = await prepareTraining({ ...call, allowLeaks: true }, context);
    expect(excluded).toEqual([]);
  });
});
