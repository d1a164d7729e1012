import { ConfigError } from "../core/errors.ts";
import type { BatchArrays, LoaderOptions } from "./options.ts";

/** Which samples, by their positions in the epoch's order, make a rank's batches; and how large the batches are. */
export interface BatchPlan {
  readonly numSamples: number;
  readonly picturesPerBatch: number;
  readonly batchesPerEpoch: number;
  /** Samples of an epoch's last, incomplete batch; other ones each epoch. */
  readonly numDroppedPerEpoch: number;
  /** The rank's slice of each global batch. */
  readonly slice: { readonly start: number; readonly end: number };
  readonly shape: BatchShape;
}

export interface BatchShape {
  readonly numPictures: number;
  readonly textsPerPicture: number;
  readonly maxTextTokens: number;
  readonly imageSize: number;
}

/**
 * Ranks take neighbouring slices of the global batch, floor(r G / W) to floor((r + 1) G / W), in arrays for
 * ceil(G / W) pictures: every rank has equal shapes and equally many batches whatever the world size.
 * ConfigError when there are fewer samples than a batch holds.
 */
export function planBatches(numSamples: number, options: LoaderOptions): BatchPlan {
  const { picturesPerBatch, rank, worldSize } = options;
  const batchesPerEpoch = Math.floor(numSamples / picturesPerBatch);
  if (batchesPerEpoch === 0) {
    throw new ConfigError(
      `the splits hold ${numSamples} scenes, a batch takes ${picturesPerBatch} pictures`,
      { remedy: `set picturesPerBatch to ${numSamples} or less, or prepare more scenes` },
    );
  }
  return {
    numSamples,
    picturesPerBatch,
    batchesPerEpoch,
    numDroppedPerEpoch: numSamples - batchesPerEpoch * picturesPerBatch,
    slice: {
      start: Math.floor((rank * picturesPerBatch) / worldSize),
      end: Math.floor(((rank + 1) * picturesPerBatch) / worldSize),
    },
    shape: {
      numPictures: Math.ceil(picturesPerBatch / worldSize),
      textsPerPicture: options.matchedTexts + options.unmatchedTexts,
      maxTextTokens: options.maxTextTokens,
      imageSize: options.imageSize,
    },
  };
}

/** The memory that one batch takes. */
export function batchSizeBytes(shape: BatchShape): number {
  const { numPixels, numPairs, numTokens } = lengths(shape);
  return pixelSpan(numPixels) + Int32Array.BYTES_PER_ELEMENT * (2 * numPairs + 3 * numTokens);
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
    pictureOfPair: next(numPairs),
    tokenIds: next(numTokens),
    tokenMask: next(numTokens),
    mlmLabels: next(numTokens),
    matched: next(numPairs),
  };
}

function lengths(shape: BatchShape): { numPixels: number; numPairs: number; numTokens: number } {
  const numPairs = shape.numPictures * shape.textsPerPicture;
  const numPixels = shape.numPictures * shape.imageSize ** 2 * 3;
  return { numPixels, numPairs, numTokens: numPairs * shape.maxTextTokens };
}

function pixelSpan(numPixels: number): number {
  const alignment = Int32Array.BYTES_PER_ELEMENT;
  return Math.ceil(numPixels / alignment) * alignment;
}
