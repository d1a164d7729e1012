import type { Grid } from "./swin/windows.ts";

/** The temperature and the epsilon of the sine position code (Carion et al. 2020; SOHO's code). */
const TEMPERATURE = 10_000;
const EXTENT_EPSILON = 1e-6;

/**
 * The two-dimensional sine position code of a grid, [height * width, dimension] in one array: the first
 * half of a code varies with the row, the second with the column; coordinates run from 1 and are
 * normalised to 2 pi over the grid's extent. `dimension` must be a multiple of 4.
 */
export function sinePositions(grid: Grid, dimension: number): Float32Array {
  const codes = new Float32Array(grid.height * grid.width * dimension);
  const half = dimension / 2;
  for (let row = 0; row < grid.height; row += 1) {
    for (let column = 0; column < grid.width; column += 1) {
      const start = (row * grid.width + column) * dimension;
      codes.set(sineCode(row + 1, grid.height, half), start);
      codes.set(sineCode(column + 1, grid.width, half), start + half);
    }
  }
  return codes;
}

function sineCode(coordinate: number, extent: number, size: number): Float32Array {
  const phase = (2 * Math.PI * coordinate) / (extent + EXTENT_EPSILON);
  return Float32Array.from({ length: size }, (_, index) => {
    const angle = phase / TEMPERATURE ** ((2 * Math.floor(index / 2)) / size);
    return index % 2 === 0 ? Math.sin(angle) : Math.cos(angle);
  });
}
