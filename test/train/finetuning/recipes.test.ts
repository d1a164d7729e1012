import { describe, expect, it } from "vitest";
import { ConfigError } from "../../../src/core/errors.ts";
import { demoFineTuning } from "../../../src/train/finetuning/demo.ts";
import { entailment, reasoning, referring } from "../../../src/train/finetuning/fine-tuned.ts";
import { sohoFineTuning } from "../../../src/train/finetuning/soho.ts";
import { taskName } from "../../../src/train/finetuning/task.ts";
import { uniterFineTuning } from "../../../src/train/finetuning/uniter.ts";
import { visualParsingFineTuning } from "../../../src/train/finetuning/visual-parsing.ts";
import { overrideRecipe, parseRecipe } from "../../../src/train/recipe-parser.ts";
import { recipeNamed } from "../../../src/train/recipes/recipe-named.ts";

const all = [...visualParsingFineTuning, ...sohoFineTuning, ...uniterFineTuning, ...demoFineTuning];

describe("the recipes of fine-tuning", () => {
  it("have names of their own, by which they are found", () => {
    expect(new Set(all.map(({ name }) => name)).size).toBe(all.length);
    expect(all.filter((recipe) => recipeNamed(recipe.name) !== recipe)).toEqual([]);
  });

  it.each(all)("$name is read back from a run's record as it was", (recipe) => {
    const stored: unknown = JSON.parse(JSON.stringify(recipe));
    expect(parseRecipe(stored, "run.json")).toEqual(recipe);
  });

  it("say what SNLI-VE reads in the task's name", () => {
    expect(taskName(entailment)).toBe("snli-ve (image only)");
    expect(taskName({ ...entailment, premise: "read" })).toBe("snli-ve (with premise)");
    expect(taskName({ ...reasoning, sees: "text" })).toBe("nlvr2 (pair, text alone)");
  });

  it("take a blind control by one setting", () => {
    const { task } = overrideRecipe(recipeNamed("demo-vqa"), ["task.sees=text"]);
    expect(task).toMatchObject({ kind: "vqa", sees: "text" });
  });

  it.each([
    [{ ...recipeNamed("demo-vqa"), task: referring }, "task.kind"],
    [
      { ...recipeNamed("demo-nlvr2"), task: { ...reasoning, labels: ["a", "b", "c"] } },
      "task.labels",
    ],
  ])("refuse a task that cannot be trained (%#)", (recipe, path) => {
    const stored: unknown = JSON.parse(JSON.stringify(recipe));
    expect(() => parseRecipe(stored, "run.json")).toThrow(ConfigError);
    expect(() => parseRecipe(stored, "run.json")).toThrow(path);
  });

  it("refuse to cut a batch of labelled texts in slices", () => {
    const settings = ["optimisation.microBatches=2"];
    expect(() => overrideRecipe(recipeNamed("demo-vqa"), settings)).toThrow("microBatches");
    expect(overrideRecipe(recipeNamed("demo-retrieval"), settings).optimisation.microBatches).toBe(
      2,
    );
  });
});
