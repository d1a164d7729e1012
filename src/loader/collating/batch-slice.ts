import type { RowRange } from "../batch-shape.ts";
import type { Batch, BatchArrays } from "../options.ts";

/**
 * Some of a batch's pictures with their pairs, as a batch of its own over the same memory: it is valid as long as the whole
 * one. Statistics are those of the whole batch.
 */
export function batchSlice(batch: Batch, { end, start }: RowRange): Batch {
  const { keys, numPictures, shape, textIds } = batch;
  const { textsPerPicture } = shape;
  const spanOf = ({ length }: ArrayLike<number>): [number, number] => {
    const perPicture = length / Math.max(1, numPictures);
    return [start * perPicture, end * perPicture];
  };
  const integers = (values: Int32Array): Int32Array => values.subarray(...spanOf(values));
  const floats = (values: Float32Array): Float32Array => values.subarray(...spanOf(values));
  const arrays: BatchArrays = {
    pixels: batch.pixels.subarray(...spanOf(batch.pixels)),
    validHeights: integers(batch.validHeights),
    validWidths: integers(batch.validWidths),
    numRegions: integers(batch.numRegions),
    regionBoxes: floats(batch.regionBoxes),
    regionFeatures: floats(batch.regionFeatures),
    classProbabilities: floats(batch.classProbabilities),
    maskedRegions: integers(batch.maskedRegions),
    pictureOfPair: integers(batch.pictureOfPair).map((picture) => picture - start),
    tokenIds: integers(batch.tokenIds),
    tokenMask: integers(batch.tokenMask),
    mlmLabels: integers(batch.mlmLabels),
    matched: integers(batch.matched),
    textBoxes: floats(batch.textBoxes),
    hasTextBox: integers(batch.hasTextBox),
  };
  const size = end - start;
  const ownKeys = keys.slice(start, end);
  return {
    ...batch,
    ...arrays,
    shape: { ...shape, numPictures: size },
    numPictures: size,
    numPairs: size * textsPerPicture,
    numRealPictures: ownKeys.length,
    keys: ownKeys,
    textIds: textIds.slice(start * textsPerPicture, end * textsPerPicture),
  };
}
