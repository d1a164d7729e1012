import { strict as assert } from "node:assert";

import { ConfigError } from "../core/errors.ts";
import type {
  BatchArrays,
  BatchShape,
  LoaderOptions,
  PairingOptions,
  PictureSizing,
} from "./options.ts";

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

/**
 * Ranks take neighbouring slices of the global batch, floor(r G / W) to floor((r + 1) G / W), in arrays for
 * ceil(G / W) pictures: every rank has equal shapes and equally many batches whatever the world size.
 * ConfigError when there are fewer samples than a batch holds.
 */
export function planBatches(numSamples: number, options: LoaderOptions): BatchPlan {
  const { batching, rank, worldSize } = options;
  assert(batching.kind === "pictures", "checkOptions lets no other kind pass yet");
  const { picturesPerBatch } = batching;
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
      textsPerPicture: textsPerPicture(options.pairing),
      textTokens: options.text.maxTokens,
      ...pictureShape(options.pictures),
    },
  };
}

function textsPerPicture(pairing: PairingOptions): number {
  return pairing.kind === "matched-unmatched" ? pairing.matched + pairing.unmatched : 1;
}

function pictureShape(pictures: PictureSizing): { pictureHeight: number; pictureWidth: number } {
  const { height, width } = largestPicture(pictures);
  return { pictureHeight: height, pictureWidth: width };
}

/** The largest size that a picture can have once it is scaled. */
export function largestPicture(pictures: PictureSizing): { height: number; width: number } {
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
