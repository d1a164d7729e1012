import { describe, expect, it } from "vitest";
import { ConfigError } from "../../src/core/errors.ts";
import { overrideRecipe, parseRecipe } from "../../src/train/recipe-parser.ts";
import { recipeNamed } from "../../src/train/recipes/recipe-named.ts";
import { recipeEntries } from "../../src/train/recipe.ts";
import { tinyRecipe } from "./tiny-run.ts";

const demo = recipeNamed("demo");

function faultOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return "no fault";
}

const faultOfSettings = (...settings: string[]): string =>
  faultOf(() => overrideRecipe(tinyRecipe, settings));

describe("a recipe's name", () => {
  it("that does not exist is answered with the nearest and all there are", () => {
    expect(faultOf(() => recipeNamed("pretrain/visual-parsin"))).toContain(
      "the nearest is pretrain/visual-parsing",
    );
    expect(recipeNamed("pretrain/visual-parsing-small").name).toBe("pretrain/visual-parsing-small");
  });
});

const names = [
  "demo",
  "demo-uniter",
  "pretrain/visual-parsing",
  "pretrain/visual-parsing-small",
  "pretrain/visual-parsing-swin-t",
  "pretrain/visual-parsing-swin-t-language",
  "pretrain/uniter-base",
  "pretrain/uniter-large",
];

describe("a recipe of ours", () => {
  it.each(names)("has room in the ring for the work of all its workers: %s", (name) => {
    const { numWorkers, prefetchBatches } = recipeNamed(name).data;
    expect(prefetchBatches).toBeGreaterThanOrEqual(numWorkers);
  });
});

describe("a recipe from outside", () => {
  it("is read back from its own JSON", () => {
    for (const name of names) {
      const recipe = recipeNamed(name);
      expect(parseRecipe(JSON.parse(JSON.stringify(recipe)), "run.json")).toEqual(recipe);
    }
  });

  it("is refused with all of its faults at once, each with its path and unknown keys with the nearest", () => {
    const { seed: _, ...withoutSeed } = demo;
    const broken = {
      ...withoutSeed,
      sed: 1,
      data: { ...demo.data, numWorker: 2, mlmProbability: 1.5 },
      optimisation: { ...demo.optimisation, decay: "slowly" },
    };
    const fault = faultOf(() => parseRecipe(broken, "run.json"));
    expect(fault).toMatch(/^run\.json: 5 faults/);
    expect(fault).toContain("sed: no such key; the nearest is seed");
    expect(fault).toContain("data.numWorker: no such key; the nearest is numWorkers");
    expect(fault).toContain("data.mlmProbability: Too big");
    expect(fault).toContain("optimisation.decay: Invalid option");
    expect(fault).toMatch(/^ {2}seed: Invalid input/m);
  });

  it("is refused when it is none", () => {
    expect(faultOf(() => parseRecipe("demo", "run.json"))).toContain("recipe: Invalid input");
  });

  it("is refused when its values do not go together, all of them named", () => {
    const fault = faultOfSettings(
      "objectives.mfrMaskedTokens=5",
      "model.transformer.hiddenSize=18",
      "model.transformer.heads=4",
      "data.maxTextTokens=21",
    );
    expect(fault).toContain("4 faults");
    expect(fault).toContain("objectives.mfrMaskedTokens: 5 of 4 visual tokens");
    expect(fault).toContain("model.transformer.heads: 4 heads cannot share 18");
    expect(fault).toContain("model.transformer.hiddenSize: 18 is no multiple of 4");
    expect(fault).toContain("data.maxTextTokens: 21 tokens, but there are 20 positions");
  });

  it("S-13: is refused when the last Swin stage has several windows, or stages do not fit", () => {
    expect(faultOfSettings("model.swin.imageSize=32")).toContain(
      "model.swin.windowSize: the last stage's 16 tokens lie in several windows",
    );
    expect(faultOfSettings("model.swin.imageSize=20")).toContain("9 tokens lie in several windows");
    expect(faultOfSettings("model.swin.heads=[1]")).toContain("2 stages by its depths, 1 by its");
  });

  it("S-13: is not refused for its windows where attention ranks no tokens", () => {
    const settings = ["model.swin.imageSize=32", "objectives.mfrMask=cosine"];
    expect(faultOfSettings(...settings)).toBe("no fault");
  });

  it("F-2: is refused when its share of masked tokens is none of them, or more than all", () => {
    const fault = faultOfSettings("objectives.mfrMaskedShare=0.1");
    expect(fault).toContain("objectives.mfrMaskedShare: 0 of 4 visual tokens cannot be masked");
    const settings = ["objectives.mfrMaskedShare=1", "objectives.mfrRanking=pivot-and-bare"];
    expect(faultOfSettings(...settings)).toContain("5 of 4 visual tokens");
  });
});

describe("--set", () => {
  it("replaces numbers, texts and lists, and nothing else", () => {
    const changed = overrideRecipe(demo, [
      "seed=7",
      "data.vocabulary=1234",
      "optimisation.milestones=[3, 5]",
      "optimisation.duration.unit=epochs",
      "optimisation.clipNorm=1e-1",
      "seed=8",
    ]);
    expect(changed).toEqual({
      ...demo,
      seed: 8,
      data: { ...demo.data, vocabulary: "1234" },
      optimisation: {
        ...demo.optimisation,
        milestones: [3, 5],
        duration: { ...demo.optimisation.duration, unit: "epochs" },
        clipNorm: 0.1,
      },
    });
    expect(demo.seed).toBe(1);
  });

  it.each([
    ["optimisation.warmupStep=3", "optimisation.warmupSteps"],
    ["warmupStep=3", "optimisation.warmupSteps"],
    ["warmupSteps=3", "optimisation.warmupSteps"],
    ["data.vocab=x", "data.vocabulary"],
    ["model.transformer.headz=2", "model.transformer.heads"],
    ["model.swin.head=2", "model.swin.heads"],
    ["__proto__.seed=1", "seed"],
  ])("%s is answered with the nearest key, %s", (setting, key) => {
    expect(faultOfSettings(setting)).toContain(`no such key; the nearest is ${key}`);
  });

  it("names every wrong key and every missing value at once", () => {
    const fault = faultOfSettings("sed=1", "data.workers=2", "seed");
    expect(fault.split("\n")).toHaveLength(3);
    expect(fault).toContain("--set seed: expected key=value");
  });

  it.each([
    ["data.numWorkers=many", "data.numWorkers: Invalid input"],
    ["data.numWorkers=0", "data.numWorkers: Too small"],
    ["model.transformer.dropout=1", "model.transformer.dropout: Too big"],
    ["optimisation.milestones=[1.5]", "optimisation.milestones.0"],
    ["model.swin={}", "no such key"],
  ])("%s is refused", (setting, fault) => {
    expect(faultOfSettings(setting)).toContain(fault);
  });
});

describe("a recipe's entries", () => {
  it("name every constant by its path", () => {
    const entries = new Map(recipeEntries(tinyRecipe).map(({ name, value }) => [name, value]));
    expect(entries.get("optimisation.duration.unit")).toBe("steps");
    expect(entries.get("model.swin.depths")).toBe("[1,1]");
    expect(entries.get("seed")).toBe(1);
    for (const name of entries.keys()) {
      const value = entries.get(name);
      expect(() => overrideRecipe(tinyRecipe, [`${name}=${value}`])).not.toThrow();
    }
  });
});
