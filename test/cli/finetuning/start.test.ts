import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fineTuningStart } from "../../../src/cli/finetuning/start.ts";
import { evaluateTask, taskAccuracyText } from "../../../src/cli/finetuning/task-accuracy.ts";
import { silentProgress } from "../../../src/core/progress.ts";
import { sha256 } from "../../../src/core/digest.ts";
import { ConfigError } from "../../../src/core/errors.ts";
import { reasoning, vqa } from "../../../src/train/finetuning/fine-tuned.ts";
import { RunFolder } from "../../../src/train/run/run-folder.ts";
import { questionScenes } from "../../loader/labelled/labelled-scenes.ts";
import { writeSet } from "../../loader/shard-set-fixture.ts";
import { tinyRecipes, tinyTuning, type TuningFixture, tuningFixture } from "../../train/finetuning/tuning-fixture.ts"; // prettier-ignore

const context = { signal: new AbortController().signal };

let fixture: TuningFixture;
beforeAll(async () => {
  fixture = await tuningFixture();
});
afterAll(() => fixture[Symbol.asyncDispose]());

/** A finished run of one step. */
async function run(name: string): Promise<string> {
  const folder = join(fixture.folder, name);
  const recipe = tinyTuning("visual-parsing", reasoning, 1);
  const inputs = {
    recipe,
    vocabularySha256: sha256(fixture.vocabulary.text),
    setDigests: ["of the fixture"],
    audit: { digest: "of the fixture", clean: true },
  };
  const options = { fresh: false, vocabulary: fixture.vocabulary.text };
  using opened = await RunFolder.open(folder, inputs, options);
  await fixture.train(recipe, { run: opened, runDigest: opened.record.digest });
  return folder;
}

describe("the start of a fine-tuning run", () => {
  it("counts the answers of the training splits, and keeps those a recipe names", async () => {
    const folder = join(fixture.folder, "answered");
    const scenes = (await questionScenes(8)).map((scene, index) => ({
      ...scene,
      texts: scene.texts.map((text) => ({ ...text, label: index < 4 ? "Yes" : `only ${index}` })),
    }));
    await writeSet(folder, scenes);
    const recipe = tinyTuning("visual-parsing", { ...vqa, minAnswerCount: 3 });
    const counted = await fineTuningStart({ recipe, folders: [folder] }, context);
    expect(counted.recipe.task).toMatchObject({ kind: "vqa", answers: ["yes"] });
    const named = tinyTuning("visual-parsing", { ...vqa, answers: ["no"] });
    const kept = await fineTuningStart({ recipe: named, folders: [folder] }, context);
    expect(kept.recipe).toBe(named);
    await expect(
      fineTuningStart({ recipe: tinyTuning("soho", vqa), folders: [folder] }, context),
    ).rejects.toThrow(/no answer of .* 9 times/);
  });

  it("takes weights and vocabulary of a run of the same system", async () => {
    const from = await run("source");
    const recipe = tinyTuning("visual-parsing", reasoning);
    const bare = { ...recipe, name: "tuned" };
    const start = await fineTuningStart({ recipe: bare, folders: [], from }, context);
    expect(start.sources.map(({ layout }) => layout)).toEqual(["crossweave"]);
    expect(start.recipe.data.vocabulary).toBe(join(from, "vocab.txt"));
    const other = fineTuningStart({ recipe: tinyRecipes.uniter, folders: [], from }, context);
    await expect(other).rejects.toThrow(ConfigError);
  });

  it("is evaluated by its own task alone, beside chance and the blind controls", async () => {
    const from = await run("evaluated");
    const call = { run: from, data: fixture.setOf(reasoning), split: "train" };
    const frame = { ...context, progress: silentProgress };
    const result = await evaluateTask({ ...call, kind: "nlvr2" }, frame);
    expect(result).toMatchObject({ task: "nlvr2 (pair)", numQuestions: 12, step: 1 });
    expect(result.chance).toBeCloseTo(8 / 12, 6); // every third statement is true
    expect(taskAccuracyText(result)).toContain("text beside another scene's picture");
    await expect(evaluateTask({ ...call, kind: "vqa" }, frame)).rejects.toThrow(
      /not fine-tuned for vqa/,
    );
  });
});
