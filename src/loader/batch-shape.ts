import type {
  BatchArrays,
  BatchShape,
  LoaderOptions,
  PairingOptions,
  RegionOptions,
} from "./options.ts";
import { type LabelledTask, picturesOf, rowsOf } from "./labelled/labelled-task.ts";
import type { Size } from "./pictures/view-geometry.ts";
import { hasRegionMasks } from "./tasks.ts";

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

/** The sizes of the arrays of regions. */
export function regionSizes(
  regions: "none" | RegionOptions = "none",
): Pick<BatchShape, "regionsPerPicture" | "featuresPerRegion" | "classesPerRegion"> {
  if (regions === "none")
    return { regionsPerPicture: 0, featuresPerRegion: 0, classesPerRegion: 0 };
  const { maxRegions, numClasses = 0, numFeatures } = regions;
  return {
    regionsPerPicture: maxRegions,
    featuresPerRegion: numFeatures,
    classesPerRegion: numClasses,
  };
}

/** The shape of each rank's share of a global batch. */
export function rankShape(
  batch: {
    readonly numSamples: number;
    readonly textTokens: number;
    /** Fewer than `regions.maxRegions` where the batch's pictures have fewer. */
    readonly regionsPerPicture?: number | undefined;
    readonly picture: Size;
  },
  options: LoaderOptions,
): BatchShape {
  const { pairing, textBoxes = false, worldSize } = options;
  const regions = regionSizes(options.regions);
  const { regionsPerPicture: most } = regions;
  return {
    numPictures: Math.ceil(batch.numSamples / worldSize) * picturesPerSample(pairing),
    textsPerPicture: textsPerPicture(pairing),
    textTokens: batch.textTokens,
    pictureHeight: batch.picture.height,
    pictureWidth: batch.picture.width,
    ...regions,
    regionsPerPicture: Math.min(most, batch.regionsPerPicture ?? most),
    hasTextBoxes: textBoxes,
    hasRegionMasks: hasRegionMasks(options),
    ...(pairing.kind === "labelled" && { labelled: labelledShape(pairing.task) }),
  };
}

/** How many pictures each sample has. */
export function picturesPerSample(pairing: PairingOptions): number {
  return pairing.kind === "labelled" ? picturesOf(pairing.task) : 1;
}

function labelledShape(task: LabelledTask): NonNullable<BatchShape["labelled"]> {
  return {
    picturesPerSample: picturesOf(task),
    answersPerSample: task.kind === "answers" ? task.answers.length : 0,
    hasRegionOverlaps: task.kind === "expressions",
  };
}

/** How many samples a share of a batch has room for. */
export function samplesOf({ labelled, numPictures }: BatchShape): number {
  return numPictures / (labelled?.picturesPerSample ?? 1);
}

function textsPerPicture(pairing: PairingOptions): number {
  if (pairing.kind === "bernoulli-texts") return pairing.texts;
  if (pairing.kind === "labelled") return rowsOf(pairing.task);
  return pairing.kind === "matched-unmatched" ? pairing.matched + pairing.unmatched : 1;
}

/** The memory that one batch takes. */
export function batchSizeBytes(shape: BatchShape): number {
  return layoutOf(shape).sizeBytes;
}

/** The arrays of a batch, laid one behind the other over `memory`. */
export function viewBatch(memory: SharedArrayBuffer, shape: BatchShape): BatchArrays {
  const { floats, integers, numPixels } = layoutOf(shape);
  let offset = pixelSpan(numPixels);
  const place = (length: number): number => {
    offset += BYTES_PER_NUMBER * length;
    return offset - BYTES_PER_NUMBER * length;
  };
  const integersOf = (length: number): Int32Array => new Int32Array(memory, place(length), length);
  const floatsOf = (length: number): Float32Array =>
    new Float32Array(memory, place(length), length);
  const arrays = {
    pixels: new Uint8Array(memory, 0, numPixels),
    validHeights: integersOf(integers.validHeights),
    validWidths: integersOf(integers.validWidths),
    numRegions: integersOf(integers.numRegions),
    pictureOfPair: integersOf(integers.pictureOfPair),
    tokenIds: integersOf(integers.tokenIds),
    tokenMask: integersOf(integers.tokenMask),
    mlmLabels: integersOf(integers.mlmLabels),
    matched: integersOf(integers.matched),
    hasTextBox: integersOf(integers.hasTextBox),
    maskedRegions: integersOf(integers.maskedRegions),
    textBoxes: floatsOf(floats.textBoxes),
    regionBoxes: floatsOf(floats.regionBoxes),
    regionFeatures: floatsOf(floats.regionFeatures),
    classProbabilities: floatsOf(floats.classProbabilities),
  };
  if (shape.labelled === undefined) return arrays;
  return {
    ...arrays,
    labelled: {
      tokenTypes: integersOf(integers.tokenTypes),
      labels: integersOf(integers.labels),
      answerTargets: floatsOf(floats.answerTargets),
      regionOverlaps: floatsOf(floats.regionOverlaps),
    },
  };
}

// Of an Int32Array as of a Float32Array.
const BYTES_PER_NUMBER = 4;
/** x, y, width, height */
export const NUMBERS_OF_A_BOX = 4;

/** How long the arrays are, and the memory of all of them. */
function layoutOf(shape: BatchShape) {
  const { labelled, numPictures, pictureHeight, pictureWidth, regionsPerPicture } = shape;
  const numPixels = numPictures * pictureHeight * pictureWidth * 3;
  const numSamples = samplesOf(shape);
  const numPairs = numSamples * shape.textsPerPicture;
  const numTokens = numPairs * shape.textTokens;
  const numRows = numPictures * shape.regionsPerPicture;
  const numBoxed = shape.hasTextBoxes ? numPairs : 0;
  const integers = {
    validHeights: numPictures,
    validWidths: numPictures,
    numRegions: shape.regionsPerPicture > 0 ? numPictures : 0,
    pictureOfPair: numPairs,
    tokenIds: numTokens,
    tokenMask: numTokens,
    mlmLabels: numTokens,
    matched: numPairs,
    hasTextBox: numBoxed,
    maskedRegions: shape.hasRegionMasks ? numRows : 0,
    tokenTypes: labelled === undefined ? 0 : numTokens,
    labels: labelled === undefined ? 0 : numSamples,
  };
  const floats = {
    textBoxes: NUMBERS_OF_A_BOX * numBoxed,
    regionBoxes: NUMBERS_OF_A_BOX * numRows,
    regionFeatures: numRows * shape.featuresPerRegion,
    classProbabilities: numRows * shape.classesPerRegion,
    answerTargets: numSamples * (labelled?.answersPerSample ?? 0),
    regionOverlaps: labelled?.hasRegionOverlaps === true ? numSamples * regionsPerPicture : 0,
  };
  const numNumbers = [...Object.values(integers), ...Object.values(floats)].reduce(
    (sum, length) => sum + length,
  );
  return {
    numPixels,
    integers,
    floats,
    sizeBytes: pixelSpan(numPixels) + BYTES_PER_NUMBER * numNumbers,
  };
}

function pixelSpan(numPixels: number): number {
  return Math.ceil(numPixels / BYTES_PER_NUMBER) * BYTES_PER_NUMBER;
}
