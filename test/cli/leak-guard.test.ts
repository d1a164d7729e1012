import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { prepareTraining, type TrainingCall } from "../../src/cli/runs/training.ts";
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
    expect(await prepareTraining(call, context)).toMatchObject({ trainingScenes: 40 });
  });
});
