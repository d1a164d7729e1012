import { describe, expect, it } from "vitest";
import { sources } from "../../src/ingest/sources.ts";
import { checkDamaged } from "./joining/check-damaged.ts";
import { wholeFiles } from "./joining/whole-files.ts";

// damaged-annotations.slow.ts does the same far more often.
const NUM_RUNS = 25;

describe("Damaged annotation files", () => {
  it.each(wholeFiles)("of $name add up or fail clearly, whatever the damage", async (files) => {
    expect(await checkDamaged(files, NUM_RUNS)).toBeGreaterThan(0);
  });

  it("are of every dataset", () => {
    const tested = new Set(wholeFiles.map(({ source }) => source));
    expect(sources.filter((source) => !tested.has(source))).toEqual([]);
  });
});
