import { assert, integer, property } from "fast-check";
import { describe, expect, it } from "vitest";

import { RandomStream } from "../../src/core/random.ts";
import {
  type AugmentOptions,
  drawView,
  noAugmentation,
  uprightSize,
} from "../../src/loader/pictures/augment.ts";
import { storedPicture } from "./shard-set-fixture.ts";

const wide = storedPicture("1", new Uint8Array(1), { width: 640, height: 480 });
const cropping: AugmentOptions = {
  crop: { scale: [0.25, 1], ratio: [3 / 4, 4 / 3] },
  flip: "never",
  randAugment: null,
};

describe("how a picture is shown", () => {
  it("is whole and never mirrored without augmentation", () => {
    for (let seed = 0; seed < 50; seed += 1) {
      const view = drawView(wide, new RandomStream(seed), { augment: noAugmentation, texts: [] });
      expect(view).toEqual({ crop: null, mirrored: false });
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
          const { crop } = drawView(picture, new RandomStream(seed), {
            augment: cropping,
            texts: [],
          });
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
      const { crop } = drawView(wide, new RandomStream(seed), { augment: cropping, texts: [] });
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
    const augment = { crop: "none", flip: "if-text-has-no-side-words", randAugment: null } as const;
    const mirrored = Array.from(
      { length: 400 },
      (_, seed) =>
        drawView(wide, new RandomStream(seed), { augment, texts: ["a dog", text] }).mirrored,
    ).filter(Boolean).length;
    expect(Math.abs(mirrored - (may ? 200 : 0))).toBeLessThan(may ? 40 : 1);
  });
});
