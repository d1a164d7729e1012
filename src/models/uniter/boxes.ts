// P pictures, R regions

/** x1, y1, x2, y2, width, height, area, all relative to the picture (UNITER, section 3.1, footnote 3). */
export const NUMBERS_OF_A_REGION = 7;

/** The boxes of a batch's regions as its loader gives them. */
export interface RegionBoxes {
  /** [P, R, 4]: x, y, width and height in pixels; rows behind `numRegions` are not read. */
  readonly regionBoxes: Float32Array;
  /** [P] */
  readonly numRegions: Int32Array;
  /** [P], the size of the pictures that the boxes are of. */
  readonly validWidths: Int32Array;
  /** [P] */
  readonly validHeights: Int32Array;
}

export interface RegionNumbers {
  /** [P, R, 7], all in [0, 1]; 0 behind a picture's regions. */
  readonly numbers: Float32Array;
  /** Boxes that reached beyond their picture by more than rounding does, and were cut at its sides. */
  readonly numClipped: number;
}

/** Boxes are 32-bit floats, and scaled: an edge may come out a little beyond the picture's. */
const EDGE_TOLERANCE = 1e-4;

/** The seven numbers of each region's box. */
export function regionNumbers(boxes: RegionBoxes, regionsPerPicture: number): RegionNumbers {
  const { numRegions, regionBoxes, validHeights, validWidths } = boxes;
  const numbers = new Float32Array(numRegions.length * regionsPerPicture * NUMBERS_OF_A_REGION);
  let numClipped = 0;
  for (const [picture, count] of numRegions.entries()) {
    const size = { width: validWidths[picture] ?? 0, height: validHeights[picture] ?? 0 };
    for (let region = 0; region < count; region += 1) {
      const row = picture * regionsPerPicture + region;
      const edges = relativeEdges(regionBoxes.subarray(4 * row, 4 * row + 4), size);
      numClipped += Number(edges.some((edge) => edge < -EDGE_TOLERANCE || edge > 1 + EDGE_TOLERANCE)); // prettier-ignore
      numbers.set(sevenNumbers(edges.map(clipped)), row * NUMBERS_OF_A_REGION);
    }
  }
  return { numbers, numClipped };
}

/** Left, top, right and bottom, by the picture's width and height. */
function relativeEdges(
  [x = 0, y = 0, width = 0, height = 0]: Float32Array,
  size: { readonly width: number; readonly height: number },
): number[] {
  return [x / size.width, y / size.height, (x + width) / size.width, (y + height) / size.height];
}

function sevenNumbers([left = 0, top = 0, right = 0, bottom = 0]: readonly number[]): number[] {
  const [width, height] = [right - left, bottom - top];
  return [left, top, right, bottom, width, height, width * height];
}

function clipped(edge: number): number {
  return Math.min(1, Math.max(0, edge));
}
