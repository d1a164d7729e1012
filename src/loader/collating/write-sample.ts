import type { Box } from "../../core/records.ts";
import { NUMBERS_OF_A_BOX } from "../batch-shape.ts";
import { NO_LABEL } from "../labelled/labelled-task.ts";
import type { BatchArrays, BatchShape, LabelledArrays } from "../options.ts";
import { overlapOf } from "../pictures/view-geometry.ts";
import type { Sample, SamplePicture, SampleText } from "../sample.ts";
import { NOT_PREDICTED } from "../text/masking.ts";
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

/** The rows of the batch's pixels that the pictures of a sample get, [height, width, 3] each. */
export function pixelRows(
  row: number,
  target: PictureTarget,
): { readonly pixels: Uint8Array; readonly width: number }[] {
  return pictureRows(row, target).map((pictureRow) => pixelRow(pictureRow, target));
}

/** A sample's pictures are neighbours. */
function pictureRows(row: number, { shape: { labelled } }: PictureTarget): number[] {
  const count = labelled?.picturesPerSample ?? 1;
  return Array.from({ length: count }, (_, number) => row * count + number);
}

function pixelRow(
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
  const pictures = pictureRows(row, target);
  for (const [number, picture] of sample.pictures.entries()) {
    writePicture(picture, pictures[number] ?? 0, target);
  }
  for (const [part, text] of sample.texts.entries()) {
    const pairRow = row * shape.textsPerPicture + part;
    arrays.pictureOfPair[pairRow] = pictures[0] ?? 0;
    arrays.matched[pairRow] = Number(text.matched);
    writeTokens(text, pairRow, target);
    writeTextBox(text.box, pairRow, target);
  }
  if (arrays.labelled !== undefined) writeLabels(sample, row, { ...target, ...arrays.labelled });
}

/** Writes a picture over its row of each array. */
export function writePicture(
  picture: Omit<SamplePicture, "key">,
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
  const pictures = pictureRows(row, target);
  for (const pictureRow of pictures) {
    writePixels({ pixels: new Uint8Array(), shown: { height: 0, width: 0 } }, pictureRow, target);
    if (shape.regionsPerPicture > 0) arrays.numRegions[pictureRow] = 0;
    for (const values of Object.values(regionRows(pictureRow, target))) values.fill(0);
  }
  for (let part = 0; part < shape.textsPerPicture; part += 1) {
    const pairRow = row * shape.textsPerPicture + part;
    arrays.pictureOfPair[pairRow] = pictures[0] ?? 0;
    arrays.matched[pairRow] = -1;
    writeTokens({ tokens: { tokenIds: [], labels: [] } }, pairRow, target);
    writeTextBox(null, pairRow, target);
  }
  if (arrays.labelled === undefined) return;
  writeLabels({ pictures: [], texts: [] }, row, { ...target, ...arrays.labelled });
}

/** Writes what is to be told of a sample; nothing of padding. */
function writeLabels(
  { labelled, pictures, texts }: Pick<Sample, "labelled" | "pictures" | "texts">,
  row: number,
  { answerTargets, labels, regionOverlaps, shape }: BatchTarget & LabelledArrays,
): void {
  labels[row] = labelled?.label ?? NO_LABEL;
  const numAnswers = shape.labelled?.answersPerSample ?? 0;
  const targets = answerTargets.subarray(row * numAnswers, (row + 1) * numAnswers).fill(0);
  for (const { label, target } of labelled?.targets ?? []) targets[label] = target;
  const { regionsPerPicture } = shape;
  const overlaps = regionOverlaps
    .subarray(row * regionsPerPicture, (row + 1) * regionsPerPicture)
    .fill(0);
  const box = texts[0]?.box;
  if (box === null || box === undefined || overlaps.length === 0) return;
  overlaps.set((pictures[0]?.regions?.shown ?? []).map((region) => overlapOf(region.box, box)));
}

/** A picture smaller than the batch's pictures gets black pixels at its right and below it. */
function writePixels(
  { pixels, shown }: Pick<SamplePicture, "pixels" | "shown">,
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
  { secondStart = null, tokens: text }: Pick<SampleText, "tokens" | "secondStart">,
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
  const types = arrays.labelled?.tokenTypes.subarray(start, end).fill(0);
  if (secondStart !== null) types?.fill(1, 1 + secondStart, 2 + text.tokenIds.length);
}
