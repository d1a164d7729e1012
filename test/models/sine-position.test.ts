import { describe, expect, it } from "vitest";
import { sinePositions } from "../../src/models/sine-position.ts";

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
  it("has the squared norm D / 2 everywhere (P-1)", () => {
    for (let token = 0; token < grid.height * grid.width; token += 1) {
      const code = codeAt(Math.floor(token / grid.width), token % grid.width);
      expect(norm(code) / (DIMENSION / 2)).toBeCloseTo(1, 4);
    }
  });

  it("says the row in its first half alone and the column in its second (P-2)", () => {
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

  it("gives the last row and column the phase 2 pi size / (size + 1e-6) (P-3)", () => {
    const last = codeAt(grid.height - 1, grid.width - 1);
    expect(last[0]).toBeCloseTo(Math.sin(phase(5)), 6);
    expect(last[1]).toBeCloseTo(Math.cos(phase(5)), 6);
    expect(last[DIMENSION / 2]).toBeCloseTo(Math.sin(phase(7)), 6);
  });

  it("is the formula in double precision, T = 10000 (P-4)", () => {
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
