import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { sinePositions, sinePositionsWithin } from "../../src/models/sine-position.ts";
import { loadTensorFlow } from "../../src/tensor/load.ts";

beforeAll(loadTensorFlow);

const DIMENSION = 768;
const grid = { height: 5, width: 7 };
const codes = sinePositions(grid, DIMENSION);

const codeAt = (row: number, column: number): Float32Array => {
  const start = (row * grid.width + column) * DIMENSION;
  return codes.subarray(start, start + DIMENSION);
};

const norm = (code: Float32Array): number => code.reduce((sum, value) => sum + value ** 2, 0);

const phase = (size: number): number => (2 * Math.PI * size) / (size + 1e-6);

describe("the two-dimensional sine position", () => {
  it("P-1: has the squared norm D / 2 everywhere", () => {
    for (let token = 0; token < grid.height * grid.width; token += 1) {
      const code = codeAt(Math.floor(token / grid.width), token % grid.width);
      expect(norm(code) / (DIMENSION / 2)).toBeCloseTo(1, 4);
    }
  });

  it("P-2: says the row in its first half alone and the column in its second", () => {
    const half = DIMENSION / 2;
    for (let column = 1; column < grid.width; column += 1) {
      expect(codeAt(2, column).subarray(0, half)).toEqual(codeAt(2, 0).subarray(0, half));
      expect(codeAt(2, column).subarray(half)).not.toEqual(codeAt(2, 0).subarray(half));
    }
    for (let row = 1; row < grid.height; row += 1) {
      expect(codeAt(row, 3).subarray(half)).toEqual(codeAt(0, 3).subarray(half));
      expect(codeAt(row, 3).subarray(0, half)).not.toEqual(codeAt(0, 3).subarray(0, half));
    }
  });

  it("P-3: gives the last row and column the phase 2 pi size / (size + 1e-6)", () => {
    const last = codeAt(grid.height - 1, grid.width - 1);
    expect(last[0]).toBeCloseTo(Math.sin(phase(5)), 6);
    expect(last[1]).toBeCloseTo(Math.cos(phase(5)), 6);
    expect(last[DIMENSION / 2]).toBeCloseTo(Math.sin(phase(7)), 6);
  });

  it("P-4: is the formula in double precision, T = 10000", () => {
    const [row, column, half] = [3, 4, DIMENSION / 2];
    const angles = [
      (2 * Math.PI * (row + 1)) / (grid.height + 1e-6),
      (2 * Math.PI * (column + 1)) / (grid.width + 1e-6),
    ];
    const expected = angles.flatMap((angle) =>
      Array.from({ length: half / 2 }, (_, pair) => {
        const scaled = angle / 10_000 ** ((2 * pair) / half);
        return [Math.sin(scaled), Math.cos(scaled)];
      }).flat(),
    );
    const code = codeAt(row, column);
    for (const [place, value] of expected.entries()) expect(code[place]).toBeCloseTo(value, 6);
  });
});

const ones = (counts: readonly number[], cells: number): tf.Tensor2D =>
  tf.tensor2d(
    counts.map((count) => Array.from({ length: cells }, (_, cell) => Number(cell < count))),
  );

const padded = (
  codesOf: Float32Array,
  picture: number,
  cell: readonly [number, number],
): Float32Array => {
  const start = ((picture * 6 + cell[0]) * 8 + cell[1]) * DIMENSION;
  return codesOf.subarray(start, start + DIMENSION);
};

/** Codes of two pictures, of 5 x 7 and of 2 x 3 cells, in one padded grid of 6 x 8. */
function paddedCodes(): Float32Array {
  const extents = { rows: ones([5, 2], 6), columns: ones([7, 3], 8) };
  const within = sinePositionsWithin(extents, DIMENSION);
  expect(within.shape).toEqual([2, 6, 8, DIMENSION]);
  return Float32Array.from(within.dataSync());
}

describe("the sine position within each picture's extent", () => {
  it("P-4: is on valid cells the code of the picture without padding", () => {
    const found = paddedCodes();
    for (const [picture, own] of [grid, { height: 2, width: 3 }].entries()) {
      const expected = sinePositions(own, DIMENSION);
      for (let cell = 0; cell < own.height * own.width; cell += 1) {
        const place = [Math.floor(cell / own.width), cell % own.width] as const;
        const code = padded(found, picture, place);
        const wanted = expected.subarray(cell * DIMENSION, (cell + 1) * DIMENSION);
        expect(
          Math.max(...code.map((value, at) => Math.abs(value - (wanted[at] ?? 9)))),
        ).toBeLessThan(1e-5);
      }
    }
  });

  it("P-3: gives the last valid row and column the phase 2 pi size / (size + 1e-6)", () => {
    const last = padded(paddedCodes(), 0, [4, 6]);
    expect(last[0]).toBeCloseTo(Math.sin(phase(5)), 5);
    expect(last[1]).toBeCloseTo(Math.cos(phase(5)), 5);
    expect(last[DIMENSION / 2]).toBeCloseTo(Math.sin(phase(7)), 5);
  });

  it("P-1: has the squared norm D / 2, P-2: and halves for row and column", () => {
    const found = paddedCodes();
    const [first, second] = [padded(found, 0, [1, 2]), padded(found, 0, [1, 5])];
    expect(norm(first) / (DIMENSION / 2)).toBeCloseTo(1, 4);
    const half = DIMENSION / 2;
    expect(first.subarray(0, half)).toEqual(second.subarray(0, half));
    expect(first.subarray(half)).not.toEqual(second.subarray(half));
    expect(padded(found, 0, [3, 2]).subarray(half)).toEqual(first.subarray(half));
  });
});
