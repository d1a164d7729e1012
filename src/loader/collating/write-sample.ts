import type { Box } from "../../core/records.ts";
import { NUMBERS_OF_A_BOX } from "../batch-shape.ts";
import type { BatchArrays, BatchShape } from "../options.ts";
import type { Sample } from "../sample.ts";
import { type MaskedTokens, NOT_PREDICTED } from "../text/masking.ts";
import { writeTextRow } from "../text/text-rows.ts";
import type { SpecialTokenIds } from "../text/word-piece.ts";
import { writeRegions } from "./sample-regions.ts";

/** The arrays that pictures are written to. */
interface PictureTarget {
  readonly arrays: BatchArrays;
  readonly shape: BatchShape;
}

/** The arrays that samples are written to. */
export interface BatchTarget extends PictureTarget {
  readonly specials: SpecialTokenIds;
}

/** The row of the batch's pixels that a picture gets, [height, width, 3]. */
export function pixelRow(
  row: number,
  { arrays, shape: { pictureHeight, pictureWidth } }: PictureTarget,
): { readonly pixels: Uint8Array; readonly width: number } {
  const length = pictureHeight * pictureWidth * 3;
  const pixels = arrays.pixels.subarray(row * length, (row + 1) * length);
  return { pixels, width: pictureWidth };
}

/** Writes a sample over all of a row of each array. */
export function writeSample(sample: Sample, row: number, target: BatchTarget): void {
  const { arrays, shape } = target;
  writePicture(sample, row, target);
  for (const [part, text] of sample.texts.entries()) {
    const pairRow = row * shape.textsPerPicture + part;
    arrays.pictureOfPair[pairRow] = row;
    arrays.matched[pairRow] = Number(text.matched);
    writeTokens(text.tokens, pairRow, target);
    writeTextBox(text.box, pairRow, target);
  }
}

/** Writes a picture over its row of each array. */
export function writePicture(
  picture: Pick<Sample, "pixels" | "shown" | "regions">,
  row: number,
  target: PictureTarget,
): void {
  const { regions } = picture;
  writePixels(picture, row, target);
  if (regions === undefined) return;
  target.arrays.numRegions[row] = regions.shown.length;
  writeRegions(regions, regionRows(row, target));
}

/** A black picture whose pairs count for nothing; their texts are [CLS] [SEP], so that no row of attention is empty. */
export function writePadding(row: number, target: BatchTarget): void {
  const { arrays, shape } = target;
  writePixels({ pixels: new Uint8Array(), shown: { height: 0, width: 0 } }, row, target);
  if (shape.regionsPerPicture > 0) arrays.numRegions[row] = 0;
  for (const values of Object.values(regionRows(row, target))) values.fill(0);
  for (let part = 0; part < shape.textsPerPicture; part += 1) {
    const pairRow = row * shape.textsPerPicture + part;
    arrays.pictureOfPair[pairRow] = row;
    arrays.matched[pairRow] = -1;
    writeTokens({ tokenIds: [], labels: [] }, pairRow, target);
    writeTextBox(null, pairRow, target);
  }
}

/** A picture smaller than the batch's pictures gets black pixels at its right and below it. */
function writePixels(
  { pixels, shown }: Pick<Sample, "pixels" | "shown">,
  row: number,
  target: PictureTarget,
): void {
  const { validHeights, validWidths } = target.arrays;
  validHeights[row] = shown.height;
  validWidths[row] = shown.width;
  const room = pixelRow(row, target);
  if (shown.width === room.width) {
    const isThere = pixels.buffer === room.pixels.buffer; // it was decoded into the row
    if (!isThere) room.pixels.set(pixels);
    room.pixels.fill(0, pixels.length);
    return;
  }
  const lineLength = shown.width * 3;
  let to = 0;
  for (let from = 0; from < pixels.length; from += lineLength) {
    room.pixels.set(pixels.subarray(from, from + lineLength), to);
    room.pixels.fill(0, to + lineLength, to + room.width * 3);
    to += room.width * 3;
  }
  room.pixels.fill(0, to);
}

function regionRows(row: number, { arrays, shape }: PictureTarget) {
  const { classesPerRegion, featuresPerRegion, regionsPerPicture } = shape;
  const rowsOf = (values: Float32Array, width: number): Float32Array => {
    const length = regionsPerPicture * width;
    return values.subarray(row * length, (row + 1) * length);
  };
  return {
    boxes: rowsOf(arrays.regionBoxes, NUMBERS_OF_A_BOX),
    features: rowsOf(arrays.regionFeatures, featuresPerRegion),
    classProbabilities: rowsOf(arrays.classProbabilities, classesPerRegion),
    masked: arrays.maskedRegions.subarray(row * regionsPerPicture, (row + 1) * regionsPerPicture),
  };
}

function writeTextBox(box: Box | null, pairRow: number, { arrays, shape }: BatchTarget): void {
  if (!shape.hasTextBoxes) return;
  const { height, width, x, y } = box ?? { x: 0, y: 0, width: 0, height: 0 };
  arrays.textBoxes.set([x, y, width, height], pairRow * NUMBERS_OF_A_BOX);
  arrays.hasTextBox[pairRow] = Number(box !== null);
}

function writeTokens(
  text: MaskedTokens,
  pairRow: number,
  { arrays, shape: { textTokens }, specials }: BatchTarget,
): void {
  const start = pairRow * textTokens;
  const end = start + textTokens;
  writeTextRow(text.tokenIds, specials, {
    tokenIds: arrays.tokenIds.subarray(start, end),
    tokenMask: arrays.tokenMask.subarray(start, end),
  });
  const labels = arrays.mlmLabels.subarray(start, end).fill(NOT_PREDICTED);
  labels.set(text.labels, 1); // behind [CLS]
}
