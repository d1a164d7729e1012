import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { canonicalJson } from "../../src/core/digest.ts";
import { ConfigError } from "../../src/core/errors.ts";
import { manifestNames, readDatasetManifest } from "../../src/ingest/dataset-manifest.ts";
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

  it("takes parts of published splits that there are", async () => {
    for (const name of await recipeNames()) {
      const recipe = await readRecipe(name);
      for (const { name: dataset, split } of recipe.datasets) {
        const { splits } = await readDatasetManifest(dataset);
        const published = splits.find((one) => one.name === (split ?? one.name));
        const known = published?.parts.map((part) => part.name) ?? [];
        const taken = sourceSplitsOf(recipe, dataset).flatMap(({ parts }) =>
          parts === "everything" ? [] : parts,
        );
        const unknown = taken.filter((part) => !known.includes(part));
        expect([name, dataset, split ?? "", unknown]).toEqual([name, dataset, split ?? "", []]);
      }
    }
  });

  it("is there for what each paper trains on, and for each downstream task", async () => {
    expect(await recipeNames()).toEqual([
      "captions",
      "coco",
      "coco-fit",
      "coco-regions",
      "finetune/flickr30k",
      "finetune/nlvr2",
      "finetune/refcoco",
      "finetune/refcoco+",
      "finetune/refcocog",
      "finetune/snli-ve",
      "finetune/snli-ve-entities",
      "finetune/vcr",
      "finetune/vqa2",
      "finetune/vqa2-trainval",
      "pretrain/soho",
      "pretrain/uniter-all",
      "pretrain/uniter-indomain",
      "pretrain/visual-parsing",
    ]);
  });

  it("to pre-train with leaves evaluation pictures out, and says where it differs from its paper", async () => {
    for (const name of (await recipeNames()).filter((one) => one.startsWith("pretrain/"))) {
      const { policy, summary, splits } = await readRecipe(name);
      expect(policy).toBe("uniter");
      expect(summary).toContain("Different from the paper");
      const evaluated = splits.filter(({ role }) => role === "eval");
      expect(evaluated.map(({ from }) => from["coco"])).toContainEqual(["val"]);
    }
  });

  it("that is not there is answered with those that are", async () => {
    await expect(readRecipe("cocoa")).rejects.toThrow(
      /no preparation recipe "cocoa"; there are captions, coco, coco-fit/,
    );
    await expect(readRecipe("../datasets/coco")).rejects.toThrow(ConfigError);
  });

  it("of one's own is refused with all of its faults, each with its path", async () => {
    const recipe = await readRecipe("coco");
    const message = await failureOf({
      ...recipe,
      shuffle: true,
      policy: "albef",
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
    const plain = await readRecipe("coco");
    const selection = { minConfidence: 0.2, minRegions: 10, maxRegions: 100 };
    const common = { required: false, numFeatures: 2048, numClasses: 1601, selection };
    for (const regions of [
      { from: "npz", folders: ["img_db/coco_train2014"], ...common },
      { from: "tsv", files: [{ path: "butd/train.tsv", pictures: "coco" }], ...common },
    ]) {
      await writeFile(join(folder, "regions.json"), JSON.stringify({ ...plain, regions }));
      const recipe = await readRecipe(join(folder, "regions.json"));
      expect(JSON.parse(canonicalJson(recipeJson(recipe)))).toEqual({ ...plain, regions });
    }
    for (const name of await recipeNames()) {
      const recipe = await readRecipe(name);
      expect(JSON.parse(canonicalJson(recipeJson(recipe)))).toEqual(recipe);
    }
  });
});
