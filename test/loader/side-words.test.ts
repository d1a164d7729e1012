import { assert, constantFrom, array, property } from "fast-check";
import { describe, expect, it } from "vitest";

import { hasSideWords, swapSideWords } from "../../src/loader/text/side-words.ts";
import { realCaptions } from "./varied-texts.ts";

describe("side words", () => {
  it.each([
    ["a man on the left", "a man on the right"],
    ["The LEFTMOST car", "The RIGHTMOST car"],
    ["in his right hand", "in his left hand"],
    ["a Right-handed player", "a Left-handed player"],
    ["left handed batter", "right handed batter"],
    ["leftward arrows, right side", "rightward arrows, left side"],
    ["from left to right", "from right to left"],
    ["a train on the left and a bus on the right", "a train on the right and a bus on the left"],
    ["the dog's left ear", "the dog's right ear"],
    ["upper right corner", "upper left corner"],
    ["turning left at a light", "turning right at a light"],
    ["runs clockwise", "runs counterclockwise"],
    ["runs counter-clockwise", "runs clockwise"],
    ["Anticlockwise or counterclockwise", "Clockwise or clockwise"],
    ["a dog", "a dog"],
  ])("of %j are swapped to %j", (text, swapped) => {
    expect(swapSideWords(text)).toBe(swapped);
    expect(hasSideWords(text)).toBe(text !== swapped);
  });

  it.each([
    "the man left",
    "a toilet right next to a shower",
    "one slice left on the plate",
    "all right",
    "Run for Rights",
    "the right way to go",
    "their right to protest",
    "right of way",
    "a plate was left outside",
    "left-over food",
    "a cat on the left is right behind a dog",
  ])(
    "of %j are not taken for clear: it is never swapped, nor beside a mirrored picture",
    (text) => {
      expect(hasSideWords(text)).toBe(true);
      expect(swapSideWords(text)).toBeUndefined();
    },
  );

  it.each(["leftover pizza", "a bright plate", "a dog upright", "copyright", "a clock is wise"])(
    "are not in %j",
    (text) => {
      expect(hasSideWords(text)).toBe(false);
      expect(swapSideWords(text)).toBe(text);
    },
  );

  it("are in 74 of COCO's 25,014 captions of val2017, 33 of which are clear", () => {
    const found = realCaptions().filter((caption) => hasSideWords(caption));
    const clear = found.filter((caption) => swapSideWords(caption) !== undefined);
    expect([found.length, clear.length]).toEqual([74, 33]);
    for (const caption of clear) expect(swapSideWords(swapSideWords(caption) ?? "")).toBe(caption);
  });

  it("never stay in place: what is swapped twice is the text again, and differs when swapped once", () => {
    const words = constantFrom("the left", "his Right", "leftmost", "to the RIGHT", "clockwise");
    const others = constantFrom("a dog", "near", "in front", "hand");
    assert(
      property(array(words, { minLength: 1 }), others, (sides, other) => {
        const text = [other, ...sides, other].join(", ");
        const swapped = swapSideWords(text);
        expect(swapped).not.toBe(text);
        expect(swapSideWords(swapped ?? "")).toBe(text);
      }),
    );
  });
});
