import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  readTaggedTokens,
  textOfTokens,
  tokensOfText,
} from "../../src/ingest/annotations/tagged-tokens.ts";

const objects = ["person", "person", "person", "car"];

describe("Objects in a sentence of VCR", () => {
  it("are named with their position from 1 on among all objects", () => {
    expect(textOfTokens(["Does", [2], "drive", "the", [3], "?"], objects)).toBe(
      "Does person3 drive the car4 ?",
    );
  });

  it("of one tag have commas between them", () => {
    expect(textOfTokens(["What", "are", [0, 2], "doing", "?"], objects)).toBe(
      "What are person1,person3 doing ?",
    );
  });

  it("are told from words that look like them by a backslash", () => {
    const tokens = ["person1", "person9", "car4,person1", "\\car4", "v8", [0]];
    const text = textOfTokens(tokens, objects);
    expect(text).toBe("\\person1 person9 \\car4,person1 \\\\car4 v8 person1");
    expect(tokensOfText(text, objects)).toEqual(tokens);
  });

  it("and all words can be read from the text again", () => {
    const word = fc.oneof(
      fc.string().filter((text) => !text.includes(" ")),
      fc.constantFrom("person1", "car4", "car4,car4", "\\person2", "person", "4", ",", ""),
    );
    const tag = fc.array(fc.nat(objects.length - 1), { minLength: 1, maxLength: 3 });
    const sentence = fc.array(fc.oneof(word, tag), { minLength: 1 });
    fc.assert(
      fc.property(sentence, (tokens) => {
        expect(tokensOfText(textOfTokens(tokens, objects), objects)).toEqual(tokens);
      }),
    );
  });
});

describe("Tokens of a sentence", () => {
  it.each([
    ["no list", "Does she ?", "", 'is "Does she ?"; expected a list of tokens'],
    ["a number", ["Does", 2], "/1", "is 2; expected a word or a list of objects"],
    ["an empty tag", ["Does", []], "/1", "is []; expected a word or a list of objects"],
    ["an object too many", [[0, 4]], "/0/1", "is 4; expected an object from 0 to 3"],
    ["a negative object", [[-1]], "/0/0", "is -1; expected an object from 0 to 3"],
    ["half an object", [[0.5]], "/0/0", "is 0.5; expected an object from 0 to 3"],
    ["an object in words", [["0"]], "/0/0", 'is "0"; expected an object from 0 to 3'],
  ])("that are wrong are named by place: %s", (...[, value, at, wrong]) => {
    expect(readTaggedTokens(value, 4)).toEqual({ at, wrong });
  });
});
