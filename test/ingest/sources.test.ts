import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ConfigError } from "../../src/core/errors.ts";
import { coco } from "../../src/ingest/datasets/coco.ts";
import { sourceOf, sources } from "../../src/ingest/sources.ts";
import { checkSourceContract, type SourceCase } from "../contracts/source-contract.ts";
import { layOutRealCoco } from "../real-data.ts";
import { everything, karpathySplits } from "./coco-folder.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "crossweave-sources-"));
  await layOutRealCoco(join(folder, "coco"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** One row for each way a dataset comes. */
const cases: readonly (Omit<SourceCase, "folder"> & { readonly name: string })[] = [
  { name: "COCO by Karpathy's split", source: coco, splits: karpathySplits },
  { name: "COCO in one split", source: coco, splits: everything },
];

describe("Every source", () => {
  it.each(cases)("keeps the contract: $name", async ({ source, splits }) => {
    const checked = checkSourceContract({ source, splits, folder: join(folder, source.dataset) });
    await expect(checked).resolves.toBeUndefined();
  });

  it("has a row in the contract test", () => {
    const tested = new Set(cases.map(({ source }) => source.dataset));
    expect(sources.map(({ dataset }) => dataset).filter((name) => !tested.has(name))).toEqual([]);
  });

  it("is found by its name", () => {
    expect(sourceOf("coco")).toBe(coco);
    expect(() => sourceOf("mnist")).toThrow(ConfigError);
  });
});
