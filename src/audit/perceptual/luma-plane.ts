import type { RgbPicture } from "./pdq.ts";
import type { Symmetry } from "./symmetries.ts";

/** Brightness, one number a pixel, 0 to 255, row by row. */
export interface LumaPlane {
  readonly width: number;
  readonly height: number;
  readonly data: Float32Array;
}

const CHANNELS = 3;
// Rec. 601, as PDQ.
const [FROM_RED, FROM_GREEN, FROM_BLUE] = [0.299, 0.587, 0.114];

/** Reduces a picture so that its longer side is at most `maxSide`: each pixel is the mean of those it covers. */
export function reduceToLuma(picture: RgbPicture, maxSide: number): LumaPlane {
  const scale = Math.min(1, maxSide / Math.max(picture.width, picture.height));
  const width = Math.max(1, Math.round(picture.width * scale));
  const height = Math.max(1, Math.round(picture.height * scale));
  const sums = new Float32Array(width * height);
  const counts = new Float32Array(width * height);
  const columns = Int32Array.from({ length: picture.width }, (_, x) =>
    Math.floor((x * width) / picture.width),
  );
  const { data } = picture;
  for (let y = 0; y < picture.height; y += 1) {
    const row = Math.floor((y * height) / picture.height) * width;
    let from = y * picture.width * CHANNELS;
    for (const column of columns) {
      const at = row + column;
      const red = FROM_RED * (data[from] ?? 0);
      const green = FROM_GREEN * (data[from + 1] ?? 0);
      sums[at] = (sums[at] ?? 0) + red + green + FROM_BLUE * (data[from + 2] ?? 0);
      counts[at] = (counts[at] ?? 0) + 1;
      from += CHANNELS;
    }
  }
  return { width, height, data: sums.map((sum, at) => sum / (counts[at] ?? 1)) };
}

/** A quarter of the pixels: each the mean of four, or of two at an odd edge. */
export function halve(plane: LumaPlane): LumaPlane {
  const width = Math.ceil(plane.width / 2);
  const height = Math.ceil(plane.height / 2);
  const data = new Float32Array(width * height);
  const at = (x: number, y: number): number =>
    plane.data[Math.min(y, plane.height - 1) * plane.width + Math.min(x, plane.width - 1)] ?? 0;
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const upper = at(2 * x, 2 * y) + at(2 * x + 1, 2 * y);
      const lower = at(2 * x, 2 * y + 1) + at(2 * x + 1, 2 * y + 1);
      data[y * width + x] = (upper + lower) / 4;
    }
  }
  return { width, height, data };
}

/** The plane mirrored and turned. */
export function turnPlane(plane: LumaPlane, symmetry: Symmetry): LumaPlane {
  const { upsideDown, leftRight, transposed } = symmetry;
  const width = transposed ? plane.height : plane.width;
  const height = transposed ? plane.width : plane.height;
  const data = new Float32Array(width * height);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const [column, row] = transposed ? [y, x] : [x, y];
      const fromX = leftRight ? plane.width - 1 - column : column;
      const fromY = upsideDown ? plane.height - 1 - row : row;
      data[y * width + x] = plane.data[fromY * plane.width + fromX] ?? 0;
    }
  }
  return { width, height, data };
}
