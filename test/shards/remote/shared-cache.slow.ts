import { describe, expect, it } from "vitest";
import { killReaders } from "./killed-readers.ts";

describe("a cache that processes share", () => {
  it("never shows a wrong file when readers are killed a hundred times", async () => {
    const { found, expected } = await killReaders(100);
    expect(found).toBe(expected);
  });
});
