import { assert, property, string } from "fast-check";
import { expect, it } from "vitest";
import { escapeControls } from "../../src/core/text.ts";

it("writes what moves a cursor or reorders text as escapes", () => {
  expect(escapeControls("a\u001B[2Jb\nc\u202Ed\u009Be\u2028f\uD800")).toBe(
    String.raw`a\x1b[2Jb\x0ac\u202ed\x9be\u2028f\ud800`,
  );
});

it("leaves letters of any language and pictographs as they are", () => {
  const text = "une école 學校 🙂 <script> naïve مرحبا";
  expect(escapeControls(text)).toBe(text);
});

it("leaves no control character in any text", () => {
  assert(
    property(string({ unit: "binary" }), (text) => {
      expect(escapeControls(text)).not.toMatch(/[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}\p{Cs}]/u);
    }),
  );
});
