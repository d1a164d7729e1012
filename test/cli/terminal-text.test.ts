import { stripVTControlCharacters } from "node:util";
import { assert, jsonValue, property, string } from "fast-check";
import { describe, expect, it } from "vitest";
import {
  escapeLines,
  formatBytes,
  formatDuration,
  jsonDocument,
} from "../../src/cli/terminal/terminal-text.ts";
import { showStyles, styled } from "../../src/cli/terminal/text-style.ts";

// oxlint-disable-next-line no-control-regex
const STEERING = /[\0-\x08\x0b-\x1f\x7f-\x9f\p{Bidi_Control}\p{Zl}\p{Zp}]|\p{Cs}/u;

describe("text for a terminal", () => {
  it("never steers it, and keeps line feeds and tabs", () => {
    assert(
      property(string({ unit: "binary" }), (text) => {
        const escaped = escapeLines(text);
        expect(escaped).not.toMatch(STEERING);
        expect(escaped.split(/[\n\t]/).length).toBe(text.split(/[\n\t]/).length);
      }),
    );
  });

  it("is left alone when it is plain, in any script", () => {
    expect(escapeLines("naïve 写真 🧵\n\tok")).toBe("naïve 写真 🧵\n\tok");
  });
});

describe("a JSON document", () => {
  it("says the same after escaping and never steers a terminal", () => {
    assert(
      property(jsonValue(), (value) => {
        const document = jsonDocument(value);
        expect(document).not.toMatch(STEERING);
        expect(JSON.parse(document)).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });
});

describe("amounts", () => {
  it.each([
    [0, "0 bytes"],
    [999, "999 bytes"],
    [1500, "1.5 KB"],
    [2_000_000_000, "2.0 GB"],
    [5e15, "5000.0 TB"],
  ])("%d bytes read %s", (sizeBytes, text) => {
    expect(formatBytes(sizeBytes)).toBe(text);
  });

  it.each([
    [0.4, "0 s"],
    [59.6, "1 min 00 s"],
    [425, "7 min 05 s"],
    [11_520, "3 h 12 min"],
  ])("%d seconds read %s", (seconds, text) => {
    expect(formatDuration(seconds)).toBe(text);
  });
});

describe("a styled part of a text", () => {
  it("is coloured where stdout has colours and plain where it has none, whatever was escaped", () => {
    const text = escapeLines(
      `${styled("bold", "demo")}: \u001b[1mname ${styled("red", "NOT MET")}`,
    );
    expect(stripVTControlCharacters(showStyles(text))).toBe(String.raw`demo: \x1b[1mname NOT MET`);
  });
});
