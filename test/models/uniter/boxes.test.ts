import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { NUMBERS_OF_A_REGION, regionNumbers } from "../../../src/models/uniter/boxes.ts";

/** The numbers of one picture's boxes. */
function numbersOf(boxes: readonly number[][], [width, height]: readonly [number, number]) {
  const { numbers, numClipped } = regionNumbers(
    {
      regionBoxes: Float32Array.from(boxes.flat()),
      numRegions: Int32Array.of(boxes.length),
      validWidths: Int32Array.of(width),
      validHeights: Int32Array.of(height),
    },
    boxes.length,
  );
  const rows = boxes.map((_, row) => [...numbers.subarray(7 * row, 7 * row + 7)]);
  return { rows, numClipped };
}

const side = fc.float({ min: -50, max: 250, noNaN: true });

describe("the seven numbers of a region", () => {
  it("U-1: are x1, y1, x2, y2, width, height and area by the picture's own width and height", () => {
    const { numClipped, rows } = numbersOf([[20, 10, 50, 40], [0, 0, 200, 100]], [200, 100]); // prettier-ignore
    const expected = [[0.1, 0.1, 0.35, 0.5, 0.25, 0.4, 0.1], [0, 0, 1, 1, 1, 1, 1]]; // prettier-ignore
    for (const [row, numbers] of expected.entries())
      for (const [place, value] of numbers.entries())
        expect(rows[row]?.[place]).toBeCloseTo(value, 6);
    expect(numClipped).toBe(0);
  });

  it("U-1: hold p5 = p3 - p1, p6 = p4 - p2 and p7 = p5 p6, and lie in [0, 1], for any box", () => {
    fc.assert(
      fc.property(fc.tuple(side, side, side, side), (box) => {
        const [numbers = []] = numbersOf([box.map((value, at) => (at < 2 ? value : Math.abs(value)))], [120, 80]).rows; // prettier-ignore
        const [left = 0, top = 0, right = 0, bottom = 0, width = 0, height = 0, area = 0] = numbers;
        expect(Math.abs(width - (right - left))).toBeLessThan(1e-6);
        expect(Math.abs(height - (bottom - top))).toBeLessThan(1e-6);
        expect(Math.abs(area - width * height)).toBeLessThan(1e-6);
        expect(numbers.every((value) => value >= 0 && value <= 1)).toBe(true);
      }),
    );
  });

  it("U-1: of boxes that reach out of the picture are cut at its sides, and these are counted", () => {
    const boxes = [[-10, 5, 30, 10], [90, 40, 30, 20], [10, 10, 10, 10], [0, 0, 100.005, 50]]; // prettier-ignore
    const { numClipped, rows } = numbersOf(boxes, [100, 50]);
    expect(numClipped).toBe(2);
    expect(rows[0]?.slice(0, 4).map((value) => value.toFixed(3))).toEqual(["0.000", "0.100", "0.200", "0.300"]); // prettier-ignore
    expect(rows[1]?.slice(2, 4)).toEqual([1, 1]);
    expect(rows[3]?.[2]).toBe(1);
  });

  it("are 0 behind a picture's regions, and in pictures that are padding", () => {
    const { numbers } = regionNumbers(
      {
        regionBoxes: new Float32Array(3 * 2 * 4).fill(5),
        numRegions: Int32Array.of(1, 2, 0),
        validWidths: Int32Array.of(10, 10, 0),
        validHeights: Int32Array.of(10, 10, 0),
      },
      2,
    );
    const isEmpty = [0, 1, 2, 3, 4, 5].map((row) =>
      numbers
        .subarray(NUMBERS_OF_A_REGION * row, NUMBERS_OF_A_REGION * (row + 1))
        .every((value) => value === 0),
    );
    expect(isEmpty).toEqual([false, true, false, false, true, true]);
  });
});
