import { array, check, constantFrom, property, tuple } from "fast-check";
import { describe, expect, it } from "vitest";

import { normalizedText, saySame } from "../../../src/loader/pairing/scene-texts.ts";

// Signs that fold, vanish, grow or stand between words, and few of each, so that many texts say the same.
const signs = [
  ...Array.from("abAB1 .,-'\t\u007f"),
  "\u0301",
  "\u00e9",
  "\u00df",
  "\ufb01",
  "\u212b",
  "\u2019",
  "\u00a0",
  "\u03a3",
  "\u0130",
  "\u{1f436}",
];
const text = array(constantFrom(...signs), { maxLength: 8 }).map((parts) => parts.join(""));

describe("two texts", () => {
  it("say the same exactly where they are equal once they are normalized", () => {
    const agrees = property(tuple(text, text), ([one, other]) => {
      const isSame = normalizedText(one) === normalizedText(other);
      return saySame(one, other) === isSame && saySame(other, one) === isSame;
    });
    expect(check(agrees, { numRuns: 20_000 }).counterexample).toBeNull();
  });

  it.each([
    ["A dog.", "a dog", true],
    ["a dog", "ad og", false],
    ["a dog", "a dogs", false],
    ["two-tone", "two tone", true],
    ["two-tone", "twotone", false],
    ["", " .!", true],
    ["caf\u00e9", "cafe", true],
    ["cafe\u0301", "CAFE!", true],
    ["cafe", "caf\u00e8s", false],
  ])("are compared: %j and %j", (one, other, isSame) => {
    expect(saySame(one, other)).toBe(isSame);
    expect(saySame(other, one)).toBe(isSame);
  });
});
