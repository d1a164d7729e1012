import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ConfigError, SourceError } from "../../src/core/errors.ts";
import { recipeFromFile } from "../../src/train/recipe-file.ts";
import { recipeNamed } from "../../src/train/recipes/recipe-named.ts";
import { temporaryFolder } from "../loader/shard-set-fixture.ts";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(() => folder[Symbol.asyncDispose]());

async function read(name: string, text: string) {
  const path = join(folder.path, name);
  await writeFile(path, text);
  return await recipeFromFile(path);
}

const faultOf = async (name: string, content: unknown): Promise<unknown> =>
  read(name, typeof content === "string" ? content : JSON.stringify(content)).then(
    () => "no fault",
    (error: unknown) => error,
  );

describe("a recipe of a user's own", () => {
  it("is one of ours with other values: objects key by key, lists as a whole, called like its file", async () => {
    const base = recipeNamed("pretrain/visual-parsing-small");
    const own = {
      extends: base.name,
      optimisation: { warmupSteps: 7, milestones: [3] },
      model: { swin: { depths: [1, 1, 1] }, transformer: { layers: 1 } },
    };
    const recipe = await read("mine.json", JSON.stringify(own));
    expect(recipe).toMatchObject({
      ...base,
      name: "mine",
      optimisation: { ...base.optimisation, warmupSteps: 7, milestones: [3] },
      model: { swin: { depths: [1, 1, 1] }, transformer: { layers: 1, dropout: 0 } },
    });
  });

  it("may be a module, and all of a recipe", async () => {
    const text =
      'const rate: number = 2e-4;\nexport default { extends: "demo", name: "mine too", optimisation: { transformerLearningRate: rate } };';
    const recipe = await read("mine.ts", text);
    expect(recipe.name).toBe("mine too");
    expect(recipe.optimisation.transformerLearningRate).toBe(2e-4);
    const demo = recipeNamed("demo");
    expect(await read("whole.json", JSON.stringify(demo))).toEqual(demo);
  });

  it("T-14: is refused with all unknown keys, each with the nearest", async () => {
    const fault = await faultOf("unknown.json", {
      extends: "demo",
      optimization: {},
      optimisation: { clipNrm: 1 },
      model: { swin: { windowSiez: 2 } },
    });
    expect(fault).toBeInstanceOf(ConfigError);
    const lines = String(fault).split("\n").slice(1);
    expect(lines).toEqual([
      "  optimization: no such key; the nearest is optimisation",
      "  optimisation.clipNrm: no such key; the nearest is clipNorm",
      "  model.swin.windowSiez: no such key; the nearest is windowSize",
    ]);
  });

  it("T-14: is refused with keys that are unknown below one that is null in ours", async () => {
    const best = { reading: "loss", want: "lowest" };
    const fault = await faultOf("null.json", { extends: "demo", checkpoints: { best } });
    expect(String(fault)).toContain("checkpoints.best.want: no such key; the nearest is wants");
  });

  it.each([
    ["a value that is none", { extends: "demo", seed: "x" }, /seed: Invalid input/],
    ["a base that there is not", { extends: "dmo" }, /the nearest is demo/],
    ["a base that is no name", { extends: 3 }, /extends: the name of a recipe/],
    ["no system", { name: "bare" }, /system: /],
    ["no object", [1], /a recipe is an object/],
    ["no JSON", "{", /SyntaxError/],
  ])("T-14: is refused with %s", async (_name, content, words) => {
    const fault = await faultOf("wrong.json", content);
    expect(fault).toBeInstanceOf(ConfigError);
    expect(String(fault)).toMatch(words);
  });

  it("has to be there", async () => {
    await expect(recipeFromFile(join(folder.path, "nowhere.json"))).rejects.toBeInstanceOf(
      SourceError,
    );
  });
});
