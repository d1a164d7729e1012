import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ConfigError } from "../../src/core/errors.ts";
import {
  compareIds,
  digestOfIds,
  readDatasetManifest,
  releaseVerdict,
} from "../../src/ingest/dataset-manifest.ts";
import { readRecipe, recipeNames } from "../../src/ingest/recipe.ts";
import { sources } from "../../src/ingest/sources.ts";

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
    const known = sources.map(({ dataset }) => dataset);
    for (const name of names) {
      const recipe = await readRecipe(name);
      expect(recipe.name).toBe(name);
      expect(known).toEqual(expect.arrayContaining([...recipe.datasets]));
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
      pictures: { ...recipe.pictures, jpegQuality: 101 },
      splits: [...recipe.splits, { name: "../x", role: "eval", parts: ["test"] }],
    });
    for (const words of ["shuffle", "pictures.jpegQuality", "splits[4].name"]) {
      expect(message).toContain(words);
    }
    const twice = { name: "more", role: "eval", parts: ["test"] };
    expect(await failureOf({ ...recipe, splits: [...recipe.splits, twice] })).toContain(
      "two splits",
    );
    const all = { name: "all", role: "train", parts: "everything" };
    expect(await failureOf({ ...recipe, splits: [...recipe.splits, all] })).toContain("everything");
  });
});

function sum(items: readonly { images: number; captions: number }[]): number[] {
  return [
    items.reduce((total, { images }) => total + images, 0),
    items.reduce((total, { captions }) => total + captions, 0),
  ];
}

describe("COCO's manifest", () => {
  it("has the published counts: parts and releases hold the same images and captions", async () => {
    const { releases, split } = await readDatasetManifest("coco");
    expect(split.parts.map(({ images }) => images)).toEqual([82_783, 30_504, 5000, 5000]);
    expect(sum(split.parts)).toEqual([123_287, 616_767]);
    for (const release of releases) expect(sum(release.files)).toEqual([123_287, 616_767]);
  });

  it("recognises content by its ids, and a damaged copy by its size", () => {
    const ids = Array.from({ length: 100 }, (_, index) => String(index));
    const expected = { images: 100, captions: 500, imageIdsSha256: digestOfIds(ids) };
    const verdict = (found: readonly string[]): string =>
      releaseVerdict({
        name: "x",
        images: found.length,
        captions: 1,
        imageIdsSha256: digestOfIds(found),
        expected,
      });
    expect(verdict(ids.toReversed())).toBe("official");
    expect(verdict(ids.slice(1))).toBe("nearly official");
    expect(verdict(ids.map((id) => `1${id}`))).toBe("nearly official");
    expect(verdict(ids.slice(20))).toBe("unknown");
  });

  it("orders ids by number, however long they are", () => {
    const ids = ["10", "9", "123456789012345678901", "100", "123456789012345678900", "9"];
    const ordered = ["9", "9", "10", "100", "123456789012345678900", "123456789012345678901"];
    expect(ids.toSorted(compareIds)).toEqual(ordered);
  });
});
