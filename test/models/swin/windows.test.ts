import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { invert } from "../../../src/models/layers.ts";
import {
  mergeOrder,
  relativePositionIndex,
  shiftMask,
  windowOrder,
} from "../../../src/models/swin/windows.ts";

const shapes = fc
  .record({
    windowSize: fc.integer({ min: 1, max: 5 }),
    rows: fc.integer({ min: 1, max: 4 }),
    columns: fc.integer({ min: 1, max: 4 }),
  })
  .chain(({ windowSize, rows, columns }) =>
    fc.record({
      grid: fc.constant({ height: rows * windowSize, width: columns * windowSize }),
      options: fc.record({
        windowSize: fc.constant(windowSize),
        shift: fc.integer({ min: 0, max: windowSize - 1 }),
      }),
    }),
  );

const countMasked = (side: number): string => {
  const mask = shiftMask({ height: side, width: side }, { windowSize: 7, shift: 3 });
  const windows = (side / 7) ** 2;
  const masked = Array.from({ length: windows }, (_, window) =>
    mask?.subarray(window * 49 * 49, (window + 1) * 49 * 49).some((value) => value !== 0),
  );
  return `${masked.filter(Boolean).length} of ${windows}`;
};

describe("cutting into windows", () => {
  it("S-2: reaches every token once, and its inverse puts all back", () => {
    fc.assert(
      fc.property(shapes, ({ grid, options }) => {
        const order = windowOrder(grid, options);
        const inverse = invert(order);
        expect([...order].map((token) => inverse[token])).toEqual([...order.keys()]);
        expect([...order].toSorted((a, b) => a - b)).toEqual([...order.keys()]);
      }),
    );
  });

  it("takes windows row by row, and inside them tokens row by row", () => {
    const order = windowOrder({ height: 4, width: 4 }, { windowSize: 2, shift: 0 });
    expect([...order]).toEqual([0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15]);
  });

  it("rolls the grid up and to the left before it cuts", () => {
    const order = windowOrder({ height: 4, width: 4 }, { windowSize: 2, shift: 1 });
    expect([...order]).toEqual([5, 6, 9, 10, 7, 4, 11, 8, 13, 14, 1, 2, 15, 12, 3, 0]);
  });
});

describe("the relative position index", () => {
  it.each([
    { windowSize: 7, largest: 168, diagonal: 84 },
    { windowSize: 12, largest: 528, diagonal: 264 },
  ])(
    "S-3: goes from 0 to $largest for windows of $windowSize, with $diagonal for a token and itself",
    ({ windowSize, largest, diagonal }) => {
      const index = relativePositionIndex(windowSize);
      const tokens = windowSize ** 2;
      expect(new Set(index).size).toBe(largest + 1);
      expect(index.reduce((a, b) => Math.max(a, b))).toBe(largest);
      const pairs = Array.from(index, (row, place) => ({
        row,
        isDiagonal: place % (tokens + 1) === 0,
        mirrored: index[(place % tokens) * tokens + Math.floor(place / tokens)] ?? Number.NaN,
      }));
      expect(new Set(pairs.map(({ row, mirrored }) => row + mirrored))).toEqual(new Set([largest]));
      const diagonals = pairs.filter(({ isDiagonal }) => isDiagonal);
      expect(new Set(diagonals.map(({ row }) => row))).toEqual(new Set([diagonal]));
    },
  );

  it("S-3: counts rows before columns, as the official tables do", () => {
    // A window of 2: query (1, 0), key (0, 1): one row down, one column left.
    expect(relativePositionIndex(2)[2 * 4 + 1]).toBe((1 + 1) * 3 + (-1 + 1));
  });
});

describe("the mask of shifted windows", () => {
  it("S-4: is -100 in 15 of 64, 7 of 16 and 3 of 4 windows of the official model", () => {
    expect([56, 28, 14].map(countMasked)).toEqual(["15 of 64", "7 of 16", "3 of 4"]);
  });

  it("S-4: holds nothing but 0 and -100, is symmetric and never hides a token from itself", () => {
    const mask = shiftMask({ height: 6, width: 6 }, { windowSize: 3, shift: 1 }) ?? [];
    expect(new Set(mask)).toEqual(new Set([0, -100]));
    const mirrored = Array.from(mask, (_, place) => {
      const [window, query, key] = [Math.floor(place / 81), Math.floor(place / 9) % 9, place % 9];
      return mask[window * 81 + key * 9 + query];
    });
    expect([...mask]).toEqual(mirrored);
    expect(Array.from({ length: 36 }, (_, row) => mask[row * 9 + (row % 9)])).toEqual(
      Array.from({ length: 36 }, () => 0),
    );
  });

  it("S-4: keeps the four corners apart that the last window brings together", () => {
    const mask = shiftMask({ height: 4, width: 4 }, { windowSize: 2, shift: 1 }) ?? [];
    const lastWindow = Array.from({ length: 4 }, (_, row) => {
      const start = 3 * 16 + row * 4;
      return Array.from(mask.slice(start, start + 4));
    });
    expect(lastWindow).toEqual([
      [0, -100, -100, -100],
      [-100, 0, -100, -100],
      [-100, -100, 0, -100],
      [-100, -100, -100, 0],
    ]);
  });

  it("S-4: is not there without a shift", () => {
    expect(shiftMask({ height: 14, width: 14 }, { windowSize: 7, shift: 0 })).toBeUndefined();
  });
});

describe("the order of patch merging", () => {
  it("S-6: is (even row, even column), (odd, even), (even, odd), (odd, odd)", () => {
    // Tokens coded as row * 10 + column.
    const coded = [...mergeOrder({ height: 4, width: 4 })].map(
      (token) => Math.floor(token / 4) * 10 + (token % 4),
    );
    expect(coded).toEqual([0, 10, 1, 11, 2, 12, 3, 13, 20, 30, 21, 31, 22, 32, 23, 33]);
  });
});
