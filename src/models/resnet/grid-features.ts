import * as tf from "@tensorflow/tfjs-core";
import { matrix, tensor4 } from "../ranks.ts";

// P pictures, H and W picture, h and w grid, C channels

/** Rows and columns of pixels or of cells. */
export interface Extent {
  readonly height: number;
  readonly width: number;
}

/**
 * The grid of a picture: the stem halves it twice and each stage after the first once, rounding up; the 2x2 pooling after
 * the network rounds down (floor mode).
 */
export function gridExtent({ height, width }: Extent, numStages: number): Extent {
  const pooled = (size: number): number => {
    let left = size;
    for (let halving = 0; halving <= numStages; halving += 1) left = Math.ceil(left / 2);
    return Math.floor(left / 2);
  };
  return { height: pooled(height), width: pooled(width) };
}

/** The largest of each 2x2 cells; an odd last row or column is left out. [P, h, w, C] to [P, h / 2, w / 2, C]. */
export function poolGrid(features: tf.Tensor4D): tf.Tensor4D {
  return tensor4(tf.maxPool(features, 2, 2, "valid"));
}

/** Rows and columns of each picture that are no padding, [P] of int32 each. */
export interface ValidPixels {
  readonly heights: tf.Tensor1D;
  readonly widths: tf.Tensor1D;
}

/** Which rows [P, h] and columns [P, w] of a grid lie in the picture, 1 or 0. */
export interface ValidCells {
  readonly rows: tf.Tensor2D;
  readonly columns: tf.Tensor2D;
}

/**
 * Cells of the grid that see their own picture: those whose first row and first column of pixels do, each side by its
 * own scale (SOHO's code resizes the mask by nearest neighbour, and takes the height for both).
 */
export function validCells(valid: ValidPixels, picture: Extent, grid: Extent): ValidCells {
  return {
    rows: along(valid.heights, picture.height, grid.height),
    columns: along(valid.widths, picture.width, grid.width),
  };
}

/** The cells that lie in the picture, [P, h * w], 1 or 0. */
export function cellMask({ columns, rows }: ValidCells): tf.Tensor2D {
  const mask = tf.mul(tf.expandDims(rows, 2), tf.expandDims(columns, 1)); // [P, h, w]
  return matrix(tf.reshape(mask, [rows.shape[0], -1]));
}

/** Normalised pixels [P, H, W, C] with zeros in the padding, as they are padded after normalisation in SOHO's code. */
export function clearPadding(pixels: tf.Tensor4D, valid: ValidPixels): tf.Tensor4D {
  const [, height, width] = pixels.shape;
  const picture = { height, width };
  const { columns, rows } = validCells(valid, picture, picture);
  const mask = tf.mul(tf.expandDims(rows, 2), tf.expandDims(columns, 1)); // [P, H, W]
  return tensor4(tf.mul(pixels, tf.expandDims(mask, 3)));
}

/** How many of the cells along a side are valid where `extent` of its pixels are. */
export function numValidCells(extent: number, pixels: number, cells: number): number {
  return firstPixels(pixels, cells).filter((pixel) => pixel < extent).length;
}

function firstPixels(pixels: number, cells: number): Int32Array {
  return Int32Array.from({ length: cells }, (_, cell) => Math.floor((cell * pixels) / cells));
}

/** The cells of a side whose first pixel lies before each picture's extent [P]: [P, cells]. */
function along(extents: tf.Tensor1D, pixels: number, cells: number): tf.Tensor2D {
  const first = firstPixels(pixels, cells);
  const inside = tf.less(tf.tensor2d(first, [1, cells], "int32"), tf.expandDims(extents, 1));
  return matrix(tf.cast(inside, "float32"));
}
