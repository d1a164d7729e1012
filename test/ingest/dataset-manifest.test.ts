import { describe, expect, it } from "vitest";
import {
  compareIds,
  type DatasetManifest,
  digestOfIds,
  readDatasetManifest,
} from "../../src/ingest/dataset-manifest.ts";

function sum(numbers: readonly (number | undefined)[]): number {
  return numbers.reduce<number>((total, number) => total + (number ?? Number.NaN), 0);
}

function scenesOf({ splits }: DatasetManifest, name?: string): (number | undefined)[] {
  const split = name === undefined ? splits[0] : splits.find((one) => one.name === name);
  return split?.parts.map(({ scenes }) => scenes) ?? [];
}

describe("COCO's manifest", () => {
  it("has the published counts: parts and releases hold the same images and captions", async () => {
    const manifest = await readDatasetManifest("coco");
    expect(scenesOf(manifest)).toEqual([82_783, 30_504, 5000, 5000]);
    expect(sum(scenesOf(manifest))).toBe(123_287);
    expect(sum(manifest.splits[0]?.parts.map(({ texts }) => texts) ?? [])).toBe(616_767);
    for (const { files } of manifest.releases) {
      expect(sum(files.map(({ records }) => records?.["image"]))).toBe(123_287);
      expect(sum(files.map(({ records }) => records?.["caption"]))).toBe(616_767);
    }
  });
});

it("orders ids by number, however long they are", () => {
  const ids = ["10", "9", "123456789012345678901", "100", "123456789012345678900", "9"];
  const ordered = ["9", "9", "10", "100", "123456789012345678900", "123456789012345678901"];
  expect(ids.toSorted(compareIds)).toEqual(ordered);
  expect(digestOfIds(ids.toReversed())).toBe(digestOfIds(ids));
});
