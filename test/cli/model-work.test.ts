import { describe, expect, it } from "vitest";
import { z } from "zod";
import { recipeWork } from "../../src/cli/model-work/recipe-work.ts";
import { recipeNamed } from "../../src/train/recipes/recipe-named.ts";
import { run } from "./hardship/tiny-world.ts";

describe("the work of a recipe", () => {
  it.each([
    ["pretrain/visual-parsing", 197_377_716],
    ["pretrain/soho", 152_969_280],
    ["pretrain/uniter-base", 113_319_558],
  ])("of %s is that of a model of as many weights", (name, parameters) => {
    expect(recipeWork(recipeNamed(name)).parameters).toBe(parameters);
  });

  it("is of as many pairs as a batch of tokens holds, where a recipe counts tokens", () => {
    const { picturesPerStep, textsPerPicture } = recipeWork(recipeNamed("pretrain/uniter-base"));
    expect([picturesPerStep, textsPerPicture]).toEqual([Math.floor(163_840 / 162), 1]);
  });
});

const document = z.object({
  recipe: z.literal("pretrain/visual-parsing"),
  textTokens: z.literal(60),
  parts: z.array(z.object({ part: z.string(), parameters: z.number() })).length(5),
  stepWork: z.number().positive(),
});

describe("crossweave doctor --model", () => {
  it("prints each part's weights and work, and counts a changed recipe", async () => {
    const words = ["doctor", "--model", "pretrain/visual-parsing"];
    const told = await run(words);
    expect([told.exitCode, told.stdout]).toEqual([
      0,
      expect.stringMatching(/Swin Transformer +86,878,584 +47\.082/),
    ]);
    const changed = await run([...words, "--set", "data.maxTextTokens=60", "--json"]);
    expect(document.parse(JSON.parse(changed.stdout)).parts[0]?.parameters).toBe(86_878_584);
  });

  it("names the recipes there are", async () => {
    const { exitCode, stderr } = await run(["doctor", "--model", "pretrain/sohoo"]);
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining("pretrain/soho")]);
  });
});
