import type {
  BatchArrays,
  BatchShape,
  LoaderOptions,
  PairingOptions,
  PictureSizing,
} from "./options.ts";

/** A size in pixels. */
export interface PictureSize {
  readonly height: number;
  readonly width: number;
}

/** The rows of a global batch that are a rank's. */
export interface RowRange {
  readonly start: number;
  readonly end: number;
}

/**
 * Ranks take neighbouring slices of the global batch, floor(r G / W) to floor((r + 1) G / W), in arrays for
 * ceil(G / W) pictures: every rank has equal shapes and equally many batches whatever the world size.
 */
export function rankRows(
  numSamples: number,
  { rank, worldSize }: Pick<LoaderOptions, "rank" | "worldSize">,
): RowRange {
  return {
    start: Math.floor((rank * numSamples) / worldSize),
    end: Math.floor(((rank + 1) * numSamples) / worldSize),
  };
}

/** The shape of each rank's share of a global batch. */
export function rankShape(
  batch: {
    readonly numSamples: number;
    readonly textTokens: number;
    readonly picture: PictureSize;
  },
  { pairing, worldSize }: Pick<LoaderOptions, "pairing" | "worldSize">,
): BatchShape {
  return {
    numPictures: Math.ceil(batch.numSamples / worldSize),
    textsPerPicture: textsPerPicture(pairing),
    textTokens: batch.textTokens,
    pictureHeight: batch.picture.height,
    pictureWidth: batch.picture.width,
  };
}

function textsPerPicture(pairing: PairingOptions): number {
  return pairing.kind === "matched-unmatched" ? pairing.matched + pairing.unmatched : 1;
}

/** The largest size that a picture can have once it is scaled. */
export function largestPicture(pictures: PictureSizing): PictureSize {
  const side = pictures.kind === "square" ? pictures.size : pictures.longer;
  return { height: side, width: side };
}

/** The memory that one batch takes. */
export function batchSizeBytes(shape: BatchShape): number {
  const { numPixels, numPairs, numTokens } = lengths(shape);
  const numIntegers = 2 * shape.numPictures + 2 * numPairs + 3 * numTokens;
  return pixelSpan(numPixels) + Int32Array.BYTES_PER_ELEMENT * numIntegers;
}

/** The arrays of a batch, laid one behind the other over `memory`. */
export function viewBatch(memory: SharedArrayBuffer, shape: BatchShape): BatchArrays {
  const { numPixels, numPairs, numTokens } = lengths(shape);
  let offset = pixelSpan(numPixels);
  const next = (length: number): Int32Array => {
    const view = new Int32Array(memory, offset, length);
    offset += view.byteLength;
    return view;
  };
  return {
    pixels: new Uint8Array(memory, 0, numPixels),
    validHeights: next(shape.numPictures),
    validWidths: next(shape.numPictures),
    pictureOfPair: next(numPairs),
    tokenIds: next(numTokens),
    tokenMask: next(numTokens),
    mlmLabels: next(numTokens),
    matched: next(numPairs),
  };
}

function lengths(shape: BatchShape): { numPixels: number; numPairs: number; numTokens: number } {
  const numPairs = shape.numPictures * shape.textsPerPicture;
  const numPixels = shape.numPictures * shape.pictureHeight * shape.pictureWidth * 3;
  return { numPixels, numPairs, numTokens: numPairs * shape.textTokens };
}

function pixelSpan(numPixels: number): number {
  const alignment = Int32Array.BYTES_PER_ELEMENT;
  return Math.ceil(numPixels / alignment) * alignment;
}
