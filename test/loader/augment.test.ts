import { assert, integer, property } from "fast-check";
import { describe, expect, it } from "vitest";

import { RandomStream } from "../../src/core/random.ts";
import type { SceneText } from "../../src/core/records.ts";
import {
  type AugmentOptions,
  drawView,
  isTextShown,
  noAugmentation,
  shownTexts,
} from "../../src/loader/pictures/augment.ts";
import { uprightSize } from "../../src/loader/pictures/view-geometry.ts";
import { caption, storedPicture } from "./shard-set-fixture.ts";

const wide = storedPicture("1", new Uint8Array(1), { width: 640, height: 480 });
const cropping: AugmentOptions = {
  crop: { scale: [0.25, 1], ratio: [3 / 4, 4 / 3] },
  flip: "never",
  randAugment: null,
};

const numTokens = (text: string): number => text.split(" ").length;

const textAt = (x: number): SceneText => ({
  ...caption("1", "a"),
  box: { x, y: 10, width: 40, height: 40 },
});

describe("how a picture is shown", () => {
  it("is whole and never mirrored without augmentation", () => {
    for (let seed = 0; seed < 50; seed += 1) {
      const drawn = drawView(wide, new RandomStream(seed), noAugmentation);
      const shown = shownTexts(drawn, ["a dog"], { flip: "never", numTokens });
      expect(shown).toEqual({ view: { crop: null, mirrored: false }, texts: ["a dog"] });
    }
  });

  it("keeps crops inside the picture, in the given range of area and ratio", () => {
    assert(
      property(
        integer({ min: 20, max: 900 }),
        integer({ min: 20, max: 900 }),
        integer(),
        (width, height, seed) => {
          const picture = storedPicture("1", new Uint8Array(1), { width, height, orientation: 6 });
          const { crop } = drawView(picture, new RandomStream(seed), cropping);
          const upright = uprightSize(picture);
          expect(upright).toEqual({ width: height, height: width });
          if (crop === null) throw new Error("no crop was drawn");
          expect(crop.x >= 0 && crop.x + crop.width <= upright.width).toBe(true);
          expect(crop.y >= 0 && crop.y + crop.height <= upright.height).toBe(true);
          expect(crop.width / crop.height).toBeGreaterThan(0.69);
          expect(crop.width / crop.height).toBeLessThan(1.46);
        },
      ),
    );
  });

  it("draws crops of all areas in the range", () => {
    const shares = Array.from({ length: 4000 }, (_, seed) => {
      const { crop } = drawView(wide, new RandomStream(seed), cropping);
      return crop === null ? 1 : (crop.width * crop.height) / (640 * 480);
    });
    // A third of the range lies below a half; crops near the whole area often do not fit and are drawn again.
    const small = shares.filter((share) => share < 0.5).length / shares.length;
    expect(small).toBeGreaterThan(1 / 3);
    expect(small).toBeLessThan(0.55);
    expect(Math.max(...shares)).toBeGreaterThan(0.95);
    expect(Math.min(...shares)).toBeGreaterThan(0.24);
  });

  it.each([
    ["a man on the left", false],
    ["The LEFTMOST car", false],
    ["in his right hand", false],
    ["right-handed player", false],
    ["two cars, left", false],
    ["leftover pizza on a bright plate", true],
    ["a dog upright in a field", true],
  ])("beside %j may be mirrored: %s", (text, may) => {
    const mirrored = Array.from({ length: 400 }, (_, seed) =>
      shownTexts(drawView(wide, new RandomStream(seed), noAugmentation), ["a dog", text], {
        flip: "if-text-has-no-side-words",
        numTokens,
      }),
    ).filter(({ view }) => view.mirrored).length;
    expect(Math.abs(mirrored - (may ? 200 : 0))).toBeLessThan(may ? 40 : 1);
  });

  it("draws the same crop whatever may be mirrored", () => {
    const crops = (["never", "swap-side-words"] as const).map(
      (flip) => drawView(wide, new RandomStream(7), { ...cropping, flip }).crop,
    );
    expect(crops[0]).toEqual(crops[1]);
  });

  it("changes the words of all texts, or of none and is not mirrored", () => {
    const drawn = { crop: null, wantsFlip: true };
    const shown = (texts: string[], count = numTokens) =>
      shownTexts(drawn, texts, { flip: "swap-side-words", numTokens: count });
    expect(shown(["a dog on the left", "a cat"])).toEqual({
      view: { crop: null, mirrored: true },
      texts: ["a dog on the right", "a cat"],
    });
    const unclear = ["a dog on the left", "the man left"];
    expect(shown(unclear)).toEqual({ view: { crop: null, mirrored: false }, texts: unclear });
    const longer = shown(["the left dog"], (text) => text.length);
    expect(longer.view.mirrored).toBe(false);
  });

  it("takes a text for shown when half of its box is inside the crop", () => {
    const crop = { x: 100, y: 0, width: 200, height: 480 };
    const shown = [60, 79, 80, 150, 280, 281, 400].filter((x) =>
      isTextShown(textAt(x), wide, crop),
    );
    expect(shown).toEqual([80, 150, 280]);
    expect(isTextShown(caption("1", "a"), wide, crop)).toBe(true);
    expect(isTextShown(textAt(600), wide, null)).toBe(true);
  });
});
