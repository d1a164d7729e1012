import { array, assert, boolean, constantFrom, integer, property, record } from "fast-check";
import { describe, expect, it } from "vitest";

import {
  batchSize,
  largestBatchSizes,
  shownSize,
} from "../../src/loader/pictures/picture-sizes.ts";
import type { Size } from "../../src/loader/pictures/view-geometry.ts";

const soho = { kind: "keep-ratio", shorter: 600, longer: 1000 } as const;
const whole = { crop: null };
const area = ({ height, width }: Size): number => height * width;

describe("the size of a batch's pictures", () => {
  it("is the largest width and the largest height, whichever pictures they are of", () => {
    const shown = [
      { width: 800, height: 600 },
      { width: 600, height: 900 },
    ];
    expect(batchSize(soho, shown)).toEqual({ width: 800, height: 900 });
  });

  it("is padded to a multiple: 600 x 1000 to 608 x 1024 (R-1)", () => {
    const padding = { ...soho, padToMultipleOf: 32 };
    expect(batchSize(padding, [{ width: 1000, height: 600 }])).toEqual({
      width: 1024,
      height: 608,
    });
    expect(batchSize(padding, [{ width: 640, height: 608 }])).toEqual({ width: 640, height: 608 });
  });

  it("is the square's, or nothing where no picture is decoded, whatever is in the batch", () => {
    const shown = [{ width: 7, height: 9 }];
    expect(batchSize({ kind: "square", size: 384 }, shown)).toEqual({ width: 384, height: 384 });
    expect(batchSize({ kind: "none" }, shown)).toEqual({ width: 0, height: 0 });
  });
});

describe("the size that a picture is shown in", () => {
  it("is the crop's, scaled, where there is one, and the upright picture's where not", () => {
    const picture = { width: 640, height: 480, orientation: 6 };
    expect(shownSize(soho, picture, whole)).toEqual({ width: 600, height: 800 });
    const crop = { x: 5, y: 5, width: 300, height: 100 };
    expect(shownSize(soho, picture, { crop })).toEqual({ width: 1000, height: 333 });
  });

  it("is the view's own where no picture is decoded", () => {
    const picture = { width: 640, height: 480, orientation: 8 };
    expect(shownSize({ kind: "none" }, picture, whole)).toEqual({ width: 480, height: 640 });
    const crop = { x: 5, y: 5, width: 300, height: 100 };
    expect(shownSize({ kind: "none" }, picture, { crop })).toEqual({ width: 300, height: 100 });
  });
});

describe("the ring's slots", () => {
  const sides = integer({ min: 1, max: 3000 });
  const pictures = array(
    record({ width: sides, height: sides, orientation: integer({ min: 1, max: 8 }) }),
    { minLength: 1, maxLength: 12 },
  );

  it("are as large as any batch, and with aspects no larger than one picture can be", () => {
    assert(
      property(
        record({
          all: pictures,
          shorter: integer({ min: 1, max: 700 }),
          more: integer({ min: 0, max: 500 }),
          padToMultipleOf: constantFrom(1, 7, 32),
          isGrouped: boolean(),
        }),
        ({ all, isGrouped, more, padToMultipleOf, shorter }) => {
          const longer = shorter + more;
          const sizing = { kind: "keep-ratio", shorter, longer, padToMultipleOf } as const;
          const shown = all.map((picture) => shownSize(sizing, picture, whole));
          const landscape = shown.filter(({ height, width }) => width >= height);
          const portrait = shown.filter(({ height, width }) => width < height);
          const batches = isGrouped ? [landscape, portrait] : [shown];
          const slots = largestBatchSizes({
            pictures: sizing,
            grouping: isGrouped ? "aspect" : "none",
            augment: { crop: "none", flip: "never", randAugment: null },
          });
          const largest = Math.max(...slots.map(area));
          for (const batch of batches) {
            expect(area(batchSize(sizing, batch))).toBeLessThanOrEqual(largest);
          }
          const up = (side: number): number => Math.ceil(side / padToMultipleOf) * padToMultipleOf;
          expect(largest).toBe(up(longer) * up(isGrouped ? shorter : longer));
        },
      ),
    );
  });

  it("hold crops that lie the other way than their pictures", () => {
    const slots = largestBatchSizes({
      pictures: soho,
      grouping: "aspect",
      augment: {
        crop: { scale: [0.1, 1], ratio: [0.5, 2] },
        flip: "never",
        randAugment: null,
      },
    });
    expect(slots).toEqual([{ width: 1000, height: 1000 }]);
  });
});
