import { describe, it } from "vitest";
import { killReaders } from "./killed-readers.ts";

describe("a cache that processes share", () => {
  it("never shows a wrong file when readers are killed a hundred times", () => killReaders(100));
});
