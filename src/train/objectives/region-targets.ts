import { ShardError } from "../../core/errors.ts";

// P pictures, R regions a picture, C classes of the detector; class 0 is the background

/** How far the sum of class probabilities that were stored as 16-bit floats may lie from 1. */
const SUM_TOLERANCE = 1e-2;

export interface ClassProbabilities {
  /** [rows, C], row by row */
  readonly values: Float32Array;
  readonly numClasses: number;
}

/**
 * The class with the highest probability that is not the background, of one row: 1 to C - 1, ties to the lowest
 * (MRC's label in UNITER's released code; its paper says "the detected object category").
 */
export function objectClass({ numClasses, values }: ClassProbabilities, row: number): number {
  let best = 1;
  for (let index = 2; index < numClasses; index += 1) {
    if (at(values, row * numClasses + index) > at(values, row * numClasses + best)) best = index;
  }
  return best;
}

/** What is done with a distribution whose sum is a little off 1, as 16-bit floats leave it. */
export type TargetScaling = "as-stored" | "renormalised";

/**
 * One row as the target of MRC-kl, [C]. Throws ShardError when it is no distribution: a value is negative or not
 * finite, or the sum is further than 0.01 from 1; `record` names the region.
 */
export function softLabel(
  { numClasses, values }: ClassProbabilities,
  { record, row, scaling }: { row: number; scaling: TargetScaling; record: string },
): Float32Array {
  const label = values.slice(row * numClasses, (row + 1) * numClasses);
  const sum = label.reduce((total, value) => total + value, 0);
  if (label.some((value) => !(value >= 0)) || !(Math.abs(sum - 1) <= SUM_TOLERANCE)) {
    throw new ShardError(
      `the class probabilities of ${record} add up to ${sum.toFixed(4)}, expected 1 within ${SUM_TOLERANCE}`,
      { record, remedy: "prepare the set from the detector's softmax over all of its classes" },
    );
  }
  return scaling === "renormalised" ? label.map((value) => value / sum) : label;
}

/** Boxes of x, y, width and height, [R, 4], row by row. */
export type BoxRows = Float32Array;

/** Intersection over union of two rows of `boxes`. */
export function overlapOf(boxes: BoxRows, one: number, other: number): number {
  const [a, b] = [boxOf(boxes, one), boxOf(boxes, other)];
  const width = Math.min(a.right, b.right) - Math.max(a.left, b.left);
  const height = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
  const shared = Math.max(0, width) * Math.max(0, height);
  const union = a.area + b.area - shared;
  return union > 0 ? shared / union : 0;
}

/**
 * The regions of one picture that are hidden, [R], 1 = hidden: the masked ones and, with a `bound`, those whose
 * intersection over union with a masked one is above it, from which the masked one could be read off. These are hidden
 * only, not predicted. Without a bound, as in the paper: the masked ones.
 */
export function hiddenRegions(
  masked: Int32Array,
  boxes: BoxRows,
  { bound, numRegions }: { readonly bound: number | null; readonly numRegions: number },
): Int32Array {
  if (bound === null) return masked.slice();
  const rows = [...masked.keys()];
  const maskedRows = rows.filter((row) => masked[row] === 1);
  return Int32Array.from(rows, (row) => {
    const overlaps = maskedRows.some((other) => overlapOf(boxes, row, other) > bound);
    return Number(masked[row] === 1 || (row < numRegions && overlaps));
  });
}

function boxOf(boxes: BoxRows, row: number) {
  const [left, top] = [at(boxes, 4 * row), at(boxes, 4 * row + 1)];
  const [width, height] = [at(boxes, 4 * row + 2), at(boxes, 4 * row + 3)];
  return { left, top, right: left + width, bottom: top + height, area: width * height };
}

function at(values: Float32Array, index: number): number {
  return values[index] ?? Number.NaN;
}
