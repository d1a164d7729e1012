import { describe, expect, it } from "vitest";
import { checkDamaged } from "./joining/check-damaged.ts";
import { wholeFiles } from "./joining/whole-files.ts";

describe("Annotation files, damaged 1,500 times", () => {
  it.each(wholeFiles)("of $name add up or fail clearly", async (files) => {
    expect(await checkDamaged(files, 1500)).toBeGreaterThan(100);
  });
});
