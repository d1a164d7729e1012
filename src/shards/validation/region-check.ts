import { hash } from "node:crypto";
import type { Box, PictureInfo } from "../../core/records.ts";
import type { ByteRange } from "../arrow/batch-body.ts";
import { type RegionRanges, regionSizeFault } from "../region-columns.ts";

/** The regions of one scene (none, or one for each picture), with the bytes that they point into. */
export interface SceneRegions {
  readonly regions: readonly (RegionRanges | null)[];
  readonly pictures: readonly PictureInfo[];
  /** The body of the batch; the values are not looked at without it. */
  readonly body: Uint8Array | undefined;
}

/** Checks region features; sizes are the same in a whole set, so one check serves all of its splits. */
export class RegionCheck {
  #sizes: string | undefined;

  *faults({ regions, pictures, body }: SceneRegions): Generator<string> {
    if (regions.length !== 0 && regions.length !== pictures.length) {
      yield `${pictures.length} pictures, but the regions of ${regions.length}`;
    }
    for (const [index, picture] of pictures.entries()) {
      const found = regions[index];
      if (found === undefined || found === null) continue;
      for (const fault of this.#faultsOf(found, picture, body)) {
        yield `the regions of ${picture.key}: ${fault}`;
      }
    }
  }

  *#faultsOf(
    found: RegionRanges,
    picture: PictureInfo,
    body: Uint8Array | undefined,
  ): Generator<string> {
    const sizeFault = regionSizeFault(found);
    if (sizeFault !== undefined) return yield sizeFault;
    const sizes = `${found.numFeatures} features and ${found.numClasses} classes`;
    this.#sizes ??= sizes;
    if (this.#sizes !== sizes) yield `${sizes}, others of the set have ${this.#sizes}`;
    yield* boxFaults(found, picture);
    const odd = found.confidences?.find((confidence) => !(confidence >= 0 && confidence <= 1));
    if (odd !== undefined) yield `a confidence of ${odd}`;
    const { features, featuresSha256, classProbabilities, classProbabilitiesSha256 } = found;
    if (body === undefined) return;
    const values = bytesIn(body, features);
    yield* valueFaults("features", values, featuresSha256);
    const probabilities = bytesIn(body, classProbabilities);
    yield* valueFaults("class probabilities", probabilities, classProbabilitiesSha256);
  }
}

function bytesIn(body: Uint8Array, { offset, sizeBytes }: ByteRange): Uint8Array {
  return body.subarray(offset, offset + sizeBytes);
}

// Boxes are stored as 32-bit floats, so that an edge may come out a little beyond the picture's.
const EDGE_TOLERANCE = 0.01;

function* boxFaults({ boxes }: RegionRanges, picture: PictureInfo): Generator<string> {
  const outside = boxes.find((box) => !isInside(box, picture));
  if (outside === undefined) return;
  const { x, y, width, height } = outside;
  const size = `${picture.width}x${picture.height}`;
  yield `the box ${x}, ${y}, ${width}, ${height} does not lie in ${size} pixels`;
}

// NaN compares as false.
function isInside({ x, y, width, height }: Box, picture: PictureInfo): boolean {
  const spans = [
    { start: x, size: width, limit: picture.width },
    { start: y, size: height, limit: picture.height },
  ];
  return spans.every(
    ({ start, size, limit }) =>
      start >= -EDGE_TOLERANCE && size >= 0 && start + size <= limit + EDGE_TOLERANCE,
  );
}

function* valueFaults(name: string, bytes: Uint8Array, sha256: string): Generator<string> {
  const actual = hash("sha256", bytes, "hex");
  if (actual !== sha256) return yield `${name} with the sha256 ${actual}, the row says ${sha256}`;
  if (hasOddHalf(bytes)) yield `${name} that are not finite`;
}

const EXPONENT = 0x7c00;

/** Whether 16-bit floats, little-endian, hold one that is not finite. */
function hasOddHalf(bytes: Uint8Array): boolean {
  const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let position = 0; position + 1 < bytes.byteLength; position += 2) {
    if ((data.getUint16(position, true) & EXPONENT) === EXPONENT) return true;
  }
  return false;
}
