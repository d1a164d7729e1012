// R regions, D features, C classes
import type { Box, PictureInfo, PictureRegions } from "../../core/records.ts";
import { RegionFault } from "./region-fault.ts";
import type { RegionPolicy, RegionSelection } from "./region-policy.ts";

export type Floats = Float16Array | Float32Array | Float64Array;

/** What an entry of a published feature file says of one picture, whatever the format. */
export interface Detections {
  /** The file and, inside it, the line. */
  readonly place: string;
  /** [R, 4] left, top, right and bottom edge in pixels of `frame`, or as fractions where that is null */
  readonly corners: Floats;
  /** Size of the picture that the detector saw. */
  readonly frame: { readonly width: number; readonly height: number } | null;
  /** [R], null when the file has none */
  readonly confidences: Floats | null;
  /** [R, D] */
  readonly features: Floats;
  /** [R, C], null when the recipe wants none */
  readonly classProbabilities: Floats | null;
}

const NUM_CORNERS = 4;

/**
 * The regions of a picture that the policy keeps, the most confident first (in the file's order where confidences
 * are equal or not known), with boxes in pixels of the stored picture. Throws RegionFault.
 */
export function storedRegions(
  found: Detections,
  picture: PictureInfo,
  policy: RegionPolicy,
): PictureRegions {
  try {
    const rows = selectedRows(found, policy.selection);
    const { numFeatures, numClasses } = policy;
    const { classProbabilities, confidences } = found;
    requireSameFrame(found, picture);
    return {
      boxes: rows.map((row) => boxOf(found, row, picture)),
      confidences: confidences && rows.map((row) => confidences[row] ?? 0),
      numFeatures,
      numClasses,
      features: halvesOf("feature", found.features, { rows, width: numFeatures }),
      classProbabilities:
        classProbabilities === null
          ? new Uint8Array(0)
          : halvesOf("class probability", classProbabilities, { rows, width: numClasses }),
    };
  } catch (error) {
    if (!(error instanceof RegionFault)) throw error;
    throw new RegionFault(error.code, `${found.place}: ${error.message}`);
  }
}

/**
 * The rows to keep: count = min(max, max(min, number of confidences above the threshold)), which is UNITER's rule
 * (scripts/convert_imgdir.py). It takes the first rows of a file that it sorted itself; here they are sorted.
 */
function selectedRows({ corners, confidences }: Detections, rule: RegionSelection): number[] {
  const numRegions = corners.length / NUM_CORNERS;
  const rows = Array.from({ length: numRegions }, (_, row) => row);
  if (confidences === null) return rows.slice(0, rule.maxRegions);
  const odd = confidences.find((confidence) => !(confidence >= 0 && confidence <= 1));
  if (odd !== undefined) throw new RegionFault("REG_VALUE", `a confidence of ${odd}`);
  const threshold = roundedAs(confidences, rule.minConfidence);
  const numConfident = confidences.filter((confidence) => confidence > threshold).length;
  const numKept = Math.min(rule.maxRegions, Math.max(rule.minRegions, numConfident));
  return rows.toSorted((a, b) => (confidences[b] ?? 0) - (confidences[a] ?? 0)).slice(0, numKept);
}

// NumPy compares in the precision of the array: 0.2 as a 32-bit float is not above a threshold of 0.2.
function roundedAs(values: Floats, threshold: number): number {
  if (values instanceof Float32Array) return Math.fround(threshold);
  return values instanceof Float16Array ? Math.f16round(threshold) : threshold;
}

/** Whether the detector saw this picture, at whatever scale: its own size or one reduced with the same proportions. */
function requireSameFrame({ frame }: Detections, picture: PictureInfo): void {
  if (frame === null) return;
  const { sourceWidth, sourceHeight, orientation } = picture;
  const scale = Math.max(frame.width / sourceWidth, frame.height / sourceHeight);
  const isSame =
    Math.abs(frame.width - scale * sourceWidth) <= 1 &&
    Math.abs(frame.height - scale * sourceHeight) <= 1;
  if (isSame) return;
  const turned = orientation > 4 ? `, to be turned (EXIF orientation ${orientation})` : "";
  throw new RegionFault(
    "REG_FRAME",
    `it is about a picture of ${frame.width}x${frame.height} pixels, the file has ${sourceWidth}x${sourceHeight}${turned}`,
  );
}

// Half floats of fractions are off by up to 1/4096 and some detectors count pixels from 1.
const EDGE_TOLERANCE_PIXELS = 1;
const EDGE_TOLERANCE_SHARE = 1 / 512;

interface Axis {
  readonly edges: readonly [number, number];
  /** What an edge at the far end of the picture is given as. */
  readonly limit: number;
  readonly sourceSize: number;
  readonly storedSize: number;
}

/** A region's box in the stored pixels; what sticks out of the picture by no more than rounding is cut off. */
function boxOf({ corners, frame }: Detections, row: number, picture: PictureInfo): Box {
  const [left = Number.NaN, top = Number.NaN, right = Number.NaN, bottom = Number.NaN] =
    corners.subarray(row * NUM_CORNERS, (row + 1) * NUM_CORNERS);
  const [x, width] = spanOf({
    edges: [left, right],
    limit: frame?.width ?? 1,
    sourceSize: picture.sourceWidth,
    storedSize: picture.width,
  });
  const [y, height] = spanOf({
    edges: [top, bottom],
    limit: frame?.height ?? 1,
    sourceSize: picture.sourceHeight,
    storedSize: picture.height,
  });
  return { x, y, width, height };
}

/** Start and length on one axis, in stored pixels. */
function spanOf({ edges, limit, sourceSize, storedSize }: Axis): [number, number] {
  const [first, last] = edges;
  const tolerance = limit * Math.max(EDGE_TOLERANCE_PIXELS / sourceSize, EDGE_TOLERANCE_SHARE);
  // NaN compares as false.
  const isInside = first >= -tolerance && first <= last && last <= limit + tolerance;
  if (!isInside) {
    const message = `a box spans ${first} to ${last} where the picture spans 0 to ${limit}`;
    throw new RegionFault("REG_BOX", message);
  }
  const start = Math.min(Math.max(first, 0), limit);
  const end = Math.min(last, limit);
  const scale = storedSize / limit;
  return [start * scale, Math.max(0, end - start) * scale];
}

const EXPONENT = 0x7c00;

/** The bytes of some rows of an array as 16-bit floats, rounded to the nearest, halves to even. */
function halvesOf(
  name: string,
  values: Floats,
  { rows, width }: { rows: readonly number[]; width: number },
): Uint8Array {
  const halves = new Float16Array(rows.length * width);
  for (const [position, row] of rows.entries()) {
    halves.set(values.subarray(row * width, (row + 1) * width), position * width);
  }
  const bits = new Uint16Array(halves.buffer);
  const odd = bits.findIndex((half) => (half & EXPONENT) === EXPONENT);
  if (odd === -1) return new Uint8Array(halves.buffer);
  const [row = 0, column] = [rows[Math.floor(odd / width)], odd % width];
  const value = values[row * width + column];
  throw new RegionFault("REG_VALUE", `a ${name} of ${value}, which 16 bits cannot hold`);
}
