import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { canonicalJson } from "../../src/core/digest.ts";
import { ConfigError } from "../../src/core/errors.ts";
import { manifestNames } from "../../src/ingest/dataset-manifest.ts";
import { readRecipe, recipeJson, recipeNames, sourceSplitsOf } from "../../src/ingest/recipe.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "crossweave-recipe-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function failureOf(content: unknown): Promise<string> {
  const path = join(folder, "own.json");
  await writeFile(path, JSON.stringify(content));
  const error: unknown = await readRecipe(path).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(ConfigError);
  return error instanceof Error ? error.message : "";
}

describe("A preparation recipe", () => {
  it("that comes with the program is well-formed and of datasets that are known", async () => {
    const names = await recipeNames();
    expect(names).toEqual(expect.arrayContaining(["coco", "coco-fit"]));
    const known = await manifestNames();
    for (const name of names) {
      const recipe = await readRecipe(name);
      expect(recipe.name).toBe(name);
      expect(known).toEqual(expect.arrayContaining(recipe.datasets.map((dataset) => dataset.name)));
    }
  });

  it("that is not there is answered with those that are", async () => {
    await expect(readRecipe("cocoa")).rejects.toThrow(
      /no preparation recipe "cocoa"; there are coco, coco-fit/,
    );
    await expect(readRecipe("../datasets/coco")).rejects.toThrow(ConfigError);
  });

  it("of one's own is refused with all of its faults, each with its path", async () => {
    const recipe = await readRecipe("coco");
    const message = await failureOf({
      ...recipe,
      shuffle: true,
      policy: "soho",
      pictures: { ...recipe.pictures, jpegQuality: 101 },
      splits: [...recipe.splits, { name: "../x", role: "eval", from: { coco: ["test"] } }],
    });
    for (const words of ["shuffle", "policy", "pictures.jpegQuality", "splits[4].name"]) {
      expect(message).toContain(words);
    }
  });

  it("takes a part once, of datasets that it names, and of each of these something", async () => {
    const recipe = await readRecipe("coco");
    const withSplit = (from: Readonly<Record<string, unknown>>): Promise<string> =>
      failureOf({ ...recipe, splits: [...recipe.splits, { name: "more", role: "eval", from }] });
    expect(await withSplit({ coco: ["test"] })).toMatch(/two splits take the part "test"/);
    expect(await withSplit({ coco: "everything" })).toMatch(/stands beside .*"everything"/);
    expect(await withSplit({ vqa2: ["val"] })).toMatch(
      /is not one of the datasets\s.*splits\[4\]/s,
    );
    const datasets = [...recipe.datasets, { name: "vqa2" }];
    expect(await failureOf({ ...recipe, datasets })).toContain("no split takes anything of vqa2");
    expect(await failureOf({ ...recipe, datasets: [...datasets, { name: "coco" }] })).toContain(
      "is named twice",
    );
    const again = { ...recipe, splits: [...recipe.splits, recipe.splits[0]] };
    expect(await failureOf(again)).toContain("two splits have this name");
  });

  it("asks each dataset for its own splits only", async () => {
    const recipe = await readRecipe("coco");
    const mixed = {
      ...recipe,
      datasets: [...recipe.datasets, { name: "vg" }],
      splits: [...recipe.splits, { name: "vg", role: "train", from: { vg: "everything" } }],
    } as const;
    expect(sourceSplitsOf(mixed, "vg")).toEqual([
      { name: "vg", role: "train", parts: "everything" },
    ]);
    expect(sourceSplitsOf(mixed, "coco").map(({ name, parts }) => [name, parts])).toEqual([
      ["train", ["train"]],
      ["restval", ["restval"]],
      ["val", ["val"]],
      ["test", ["test"]],
    ]);
  });

  it("stands in an index as it was written", async () => {
    for (const name of await recipeNames()) {
      const recipe = await readRecipe(name);
      expect(JSON.parse(canonicalJson(recipeJson(recipe)))).toEqual(recipe);
    }
  });
});
