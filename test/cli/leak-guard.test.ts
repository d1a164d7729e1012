import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { prepareTraining, type TrainingCall } from "../../src/cli/runs/training.ts";
import { pictureNames } from "../../src/core/keys.ts";
import { LeakError } from "../../src/core/errors.ts";
import { silentProgress } from "../../src/core/progress.ts";
import { recipeNamed } from "../../src/train/recipes/visual-parsing.ts";
import { writeVocabulary } from "../loader/shard-set-fixture.ts";
import { madeUpScenes, temporaryFolder, writeShardSet } from "../shards/small-set.ts";

const context = { progress: silentProgress, signal: new AbortController().signal };

async function trainingCall(folder: string, evalFrom: number): Promise<TrainingCall> {
  const trained = join(folder, "trained");
  await writeShardSet(trained, [{ split: "train", scenes: madeUpScenes(40) }]);
  const evaluated = join(folder, "evaluated");
  const scenes = madeUpScenes(10, evalFrom);
  await writeShardSet(evaluated, [{ split: "test", role: "eval", scenes }]);
  const recipe = recipeNamed("pretrain/visual-parsing");
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

describe("case 45: a protected picture inside a training shard", () => {
  it("stops a training before it begins, and says which pictures by which evidence", async () => {
    await using folder = await temporaryFolder();
    const call = await trainingCall(folder.path, 35);
    const refused = prepareTraining(call, context);
    await expect(refused).rejects.toThrow(LeakError);
    await expect(refused).rejects.toMatchObject({
      exitCode: 20,
      message: expect.stringMatching(/these sets are not trained on: .*share/),
      remedy: expect.stringContaining("--exclusions"),
    });
  });

  it("lets a training begin where no picture is on both sides", async () => {
    await using folder = await temporaryFolder();
    const call = await trainingCall(folder.path, 100);
    const prepared = await prepareTraining(call, context);
    expect(prepared).toMatchObject({ trainingScenes: 40 });
    // Whatever takes the training set's place later: its loader refuses these.
    const [first] = madeUpScenes(1, 100).flatMap(({ pictures }) => pictures);
    const names = first === undefined ? [] : pictureNames(first);
    expect(names.length).toBeGreaterThan(1);
    expect(prepared.excluded).toEqual(expect.arrayContaining(names));
  });

  it("keeps its loader from none where leaks are allowed", async () => {
    await using folder = await temporaryFolder();
    const call = await trainingCall(folder.path, 35);
    const { excluded } = await prepareTraining({ ...call, allowLeaks: true }, context);
    expect(excluded).toEqual([]);
  });
});
