import { assert, boolean, integer, property, record } from "fast-check";
import sharp from "sharp";
import { describe, expect, it } from "vitest";

import {
  boxInView,
  keepRatioSize,
  regionsInView,
  uprightBox,
  uprightSize,
  wholePicture,
} from "../../src/loader/pictures/view-geometry.ts";

const picture = { width: 640, height: 480, orientation: 1 };
const sizes = record({
  width: integer({ min: 1, max: 900 }),
  height: integer({ min: 1, max: 900 }),
});

describe("sizes that keep the ratio", () => {
  it.each([
    { of: [640, 480], shown: [800, 600] },
    { of: [480, 640], shown: [600, 800] },
    { of: [1000, 300], shown: [1000, 300] },
    { of: [2000, 500], shown: [1000, 250] },
    { of: [300, 300], shown: [600, 600] },
    { of: [5000, 1], shown: [1000, 1] },
  ] as const)("of $of are $shown for 600 and 1000", ({ of: [width, height], shown }) => {
    const size = keepRatioSize({ width, height }, { shorter: 600, longer: 1000 });
    expect([size.width, size.height]).toEqual(shown);
  });

  it("never pass a limit, reach one, and keep the ratio within a pixel", () => {
    assert(
      property(sizes, (size) => {
        const { height, width } = keepRatioSize(size, { shorter: 600, longer: 1000 });
        const [small, large] = [Math.min(width, height), Math.max(width, height)];
        expect(small <= 600 && large <= 1000).toBe(true);
        expect(small === 600 || large === 1000).toBe(true);
        expect(Math.min(width, height)).toBeGreaterThan(0);
        const scale = Math.max(width, height) / Math.max(size.width, size.height);
        expect(Math.abs(size.width * scale - width)).toBeLessThanOrEqual(1);
      }),
    );
  });
});

describe("boxes in a view", () => {
  it("stay where they are in the whole picture", () => {
    const box = { x: 10, y: 20, width: 30, height: 40 };
    expect(boxInView(box, picture, { view: wholePicture, shown: picture })).toEqual({
      box,
      visibleShare: 1,
    });
  });

  it("follow crop, scaling and mirroring", () => {
    const box = { x: 100, y: 100, width: 100, height: 50 };
    const view = { crop: { x: 150, y: 50, width: 200, height: 200 }, mirrored: true };
    expect(boxInView(box, picture, { view, shown: { width: 400, height: 100 } })).toEqual({
      box: { x: 300, y: 25, width: 100, height: 25 },
      visibleShare: 0.5,
    });
  });

  it.each([
    ["left of it", { x: 0, y: 0, width: 100, height: 480 }],
    ["touching its side", { x: 300, y: 0, width: 20, height: 480 }],
    ["below it", { x: 100, y: 300, width: 50, height: 50 }],
    ["without an area", { x: 150, y: 100, width: 0, height: 10 }],
  ])("are gone when they are %s", (_, box) => {
    const view = { crop: { x: 100, y: 0, width: 200, height: 300 }, mirrored: false };
    expect(boxInView(box, picture, { view, shown: { width: 10, height: 10 } })).toBeNull();
  });

  it("are dropped below a share, with the row they had", () => {
    const boxes = [0, 60, 90, 120].map((x) => ({ x, y: 0, width: 50, height: 50 }));
    const view = { crop: { x: 100, y: 0, width: 100, height: 100 }, mirrored: false };
    const options = { view, shown: { width: 100, height: 100 }, minVisibleShare: 0.5 };
    expect(regionsInView(boxes, picture, options)).toEqual([
      { row: 2, box: { x: 0, y: 0, width: 40, height: 50 } },
      { row: 3, box: { x: 20, y: 0, width: 50, height: 50 } },
    ]);
  });

  it("lie inside the shown picture, and mirrored ones mirror", () => {
    const inside = record({
      x: integer({ min: -50, max: 700 }),
      y: integer({ min: -50, max: 500 }),
      width: integer({ min: 1, max: 400 }),
      height: integer({ min: 1, max: 400 }),
    });
    const crops = record({
      x: integer({ min: 0, max: 300 }),
      y: integer({ min: 0, max: 200 }),
      width: integer({ min: 1, max: 340 }),
      height: integer({ min: 1, max: 280 }),
    });
    assert(
      property(inside, crops, sizes, (box, crop, shown) => {
        const at = (mirrored: boolean) =>
          boxInView(box, picture, { view: { crop, mirrored }, shown });
        const [plain, mirror] = [at(false), at(true)];
        expect(plain === null).toBe(mirror === null);
        if (plain === null || mirror === null) return;
        const { height, width, x, y } = plain.box;
        expect(x >= -1e-9 && x + width <= shown.width + 1e-9).toBe(true);
        expect(y >= -1e-9 && y + height <= shown.height + 1e-9).toBe(true);
        expect(mirror.box.x + width).toBeCloseTo(shown.width - x, 6);
        expect(mirror.visibleShare).toBe(plain.visibleShare);
        expect(plain.visibleShare > 0 && plain.visibleShare <= 1).toBe(true);
      }),
    );
  });
});

describe("EXIF orientation (D-11)", () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8])(
    "%i turns the box as sharp turns the pixels",
    async (orientation) => {
      const stored = { width: 12, height: 8, orientation };
      const box = { x: 7, y: 1, width: 3, height: 2 };
      const pixels = new Uint8Array(12 * 8 * 3);
      for (let y = box.y; y < box.y + box.height; y += 1)
        pixels.fill(255, (y * 12 + box.x) * 3, (y * 12 + box.x + box.width) * 3);
      const raw = { width: 12, height: 8, channels: 3 } as const;
      const file = await sharp(pixels, { raw }).png().withMetadata({ orientation }).toBuffer();
      const turned = await sharp(file).autoOrient().removeAlpha().raw().toBuffer();
      const { height, width } = uprightSize(stored);
      const white = Array.from({ length: width * height }, (_, place) => place).filter(
        (place) => turned[place * 3] === 255,
      );
      const [columns, rows] = [
        white.map((place) => place % width),
        white.map((place) => Math.floor(place / width)),
      ];
      expect(uprightBox(box, stored)).toEqual({
        x: Math.min(...columns),
        y: Math.min(...rows),
        width: Math.max(...columns) - Math.min(...columns) + 1,
        height: Math.max(...rows) - Math.min(...rows) + 1,
      });
    },
  );

  it("moves every box inside the picture to one inside the upright picture", () => {
    assert(
      property(sizes, integer({ min: 1, max: 8 }), boolean(), (size, orientation, mirrored) => {
        const stored = { ...size, orientation };
        const shown = uprightSize(stored);
        const whole = { x: 0, y: 0, ...size };
        expect(boxInView(whole, stored, { view: { crop: null, mirrored }, shown })).toEqual({
          box: { x: 0, y: 0, ...shown },
          visibleShare: 1,
        });
      }),
    );
  });
});
