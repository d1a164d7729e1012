import * as tf from "@tensorflow/tfjs-core";
import { tensor4 } from "./ranks.ts";
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

// P pictures, h and w grid, D dimension

/** Which rows [P, h] and which columns [P, w] of a grid lie in each picture: ones, then zeros. */
export interface GridExtents {
  readonly rows: tf.Tensor2D;
  readonly columns: tf.Tensor2D;
}

/**
 * The same code of grids that are padded at the right and below, normalised over each picture's own extent:
 * [P, h, w, D]. What it gives in the padding is of no meaning. `dimension` must be a multiple of 4.
 */
export function sinePositionsWithin(extents: GridExtents, dimension: number): tf.Tensor4D {
  const { columns, rows } = extents;
  const [pictures, height] = rows.shape;
  const [, width] = columns.shape;
  const half = dimension / 2;
  const along = (inside: tf.Tensor2D): tf.Tensor => {
    const coordinates = tf.cumsum(inside, 1); // [P, h], from 1
    const extent = tf.add(tf.sum(inside, 1, true), EXTENT_EPSILON); // [P, 1]
    const phases = tf.mul(tf.div(coordinates, extent), 2 * Math.PI);
    const angles = tf.div(tf.expandDims(phases, 2), tf.tensor1d(periodsOf(half))); // [P, h, D / 4]
    const pairs = tf.stack([tf.sin(angles), tf.cos(angles)], 3);
    return tf.reshape(pairs, [pictures, -1, half]);
  };
  const down = tf.reshape(along(rows), [pictures, height, 1, half]);
  const across = tf.reshape(along(columns), [pictures, 1, width, half]);
  const shape = tf.zeros([1, height, width, 1]);
  return tensor4(tf.concat([tf.add(down, shape), tf.add(across, shape)], 3));
}

/** What the phase is divided by for each pair of sine and cosine, [size / 2]. */
function periodsOf(size: number): number[] {
  return Array.from({ length: size / 2 }, (_, pair) => TEMPERATURE ** ((2 * pair) / size));
}
