import { describe, expect, it } from "vitest";
import { killAmongReaders, killReaders } from "./killed-readers.ts";

describe("a cache that processes share", () => {
  it("never shows a wrong file when readers are killed a hundred times", async () => {
    const { found, expected } = await killReaders(100);
    expect(found).toBe(expected);
  });

  it("keeps its bound and serves the others when one of three is killed thirty times", async () => {
    const { maxBytes, largest } = await killAmongReaders(30, 6);
    expect(largest).toBeLessThanOrEqual(maxBytes);
  });
});
