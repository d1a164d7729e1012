import type { AlignedSamples } from "./alignment.ts";

/** Less overlap can correlate by chance. */
export const MIN_OVERLAP = 0.5;
/** Details are what is left when the mean of a square of this part of the side is taken away. */
const DETAIL_SHARE = 8;

/** Samples of a block's side. */
const BLOCK_SIDE = 8;
/** A block with fewer samples in both pictures is left out. */
const MIN_BLOCK_SAMPLES = 48;
/** Of 256 levels, how much details deviate at least where there is anything to see: less is rounding and noise. */
const MIN_DEVIATION = 1;
/** Details of a block that correlate so well agree. */
const AGREEING = 0.4;

/** The correlation of what is left of both when local means are taken away; -1 with too little overlap. */
export function detailCorrelation(samples: AlignedSamples, side: number): number {
  if (samples.numInBoth < MIN_OVERLAP * side * side) return -1;
  const one = details(samples.protectedSamples, samples.inBoth, side);
  const other = details(samples.samples, samples.inBoth, side);
  let [product, square, otherSquare] = [0, 0, 0];
  for (let at = 0; at < one.length; at += 1) {
    const [a, b] = [one[at] ?? 0, other[at] ?? 0];
    product += a * b;
    square += a * a;
    otherSquare += b * b;
  }
  return square === 0 || otherSquare === 0 ? 0 : product / Math.sqrt(square * otherSquare);
}

/**
 * In what share of the blocks with anything to see in either picture the details agree; every block counts alike, however
 * strong its edges. 0 where there is no such block.
 */
export function detailAgreement(samples: AlignedSamples, side: number): number {
  const one = details(samples.protectedSamples, samples.inBoth, side);
  const other = details(samples.samples, samples.inBoth, side);
  let [numBlocks, numAgreeing] = [0, 0];
  for (let top = 0; top < side; top += BLOCK_SIDE) {
    for (let left = 0; left < side; left += BLOCK_SIDE) {
      const places = placesOfBlock({ top, left, side, inBoth: samples.inBoth });
      const correlation = blockCorrelation(one, other, places);
      if (correlation === undefined) continue;
      numBlocks += 1;
      if (correlation >= AGREEING) numAgreeing += 1;
    }
  }
  return numBlocks === 0 ? 0 : numAgreeing / numBlocks;
}

function placesOfBlock(block: {
  readonly top: number;
  readonly left: number;
  readonly side: number;
  readonly inBoth: Uint8Array;
}): readonly number[] {
  const { top, left, side, inBoth } = block;
  return Array.from(
    { length: BLOCK_SIDE * BLOCK_SIDE },
    (_, at) => (top + Math.floor(at / BLOCK_SIDE)) * side + left + (at % BLOCK_SIDE),
  ).filter((place) => inBoth[place] === 1);
}

/** Undefined where there is too little of the block, or too little in it. */
function blockCorrelation(
  one: Float32Array,
  other: Float32Array,
  places: readonly number[],
): number | undefined {
  const { length } = places;
  if (length < MIN_BLOCK_SAMPLES) return undefined;
  let [sum, otherSum, product, square, otherSquare] = [0, 0, 0, 0, 0];
  for (const place of places) {
    const [a, b] = [one[place] ?? 0, other[place] ?? 0];
    sum += a;
    otherSum += b;
    product += a * b;
    square += a * a;
    otherSquare += b * b;
  }
  const variance = square / length - (sum / length) ** 2;
  const otherVariance = otherSquare / length - (otherSum / length) ** 2;
  if (Math.max(variance, otherVariance) < MIN_DEVIATION ** 2) return undefined;
  if (Math.min(variance, otherVariance) <= 0) return 0;
  const covariance = product / length - (sum / length) * (otherSum / length);
  return covariance / Math.sqrt(variance * otherVariance);
}

/** Each sample less the mean of the samples around it that are in both pictures; 0 where it is not. */
function details(samples: Float32Array, inBoth: Uint8Array, side: number): Float32Array {
  const radius = Math.round(side / DETAIL_SHARE / 2);
  const sums = integral(samples, side);
  const counts = integral(inBoth, side);
  const left = new Float32Array(samples.length);
  for (let y = 0; y < side; y += 1) {
    const [top, bottom] = [Math.max(0, y - radius), Math.min(side, y + radius + 1)];
    for (let x = 0; x < side; x += 1) {
      const at = y * side + x;
      if (inBoth[at] === 0) continue;
      const square = {
        top,
        bottom,
        left: Math.max(0, x - radius),
        right: Math.min(side, x + radius + 1),
      };
      const mean = sumIn(sums, square, side) / sumIn(counts, square, side);
      left[at] = (samples[at] ?? 0) - mean;
    }
  }
  return left;
}

/** Sums of all that is above and to the left: [side + 1, side + 1]. */
function integral(values: Float32Array | Uint8Array, side: number): Float64Array {
  const sums = new Float64Array((side + 1) ** 2);
  for (let y = 0; y < side; y += 1) {
    let row = 0;
    for (let x = 0; x < side; x += 1) {
      row += values[y * side + x] ?? 0;
      sums[(y + 1) * (side + 1) + x + 1] = (sums[y * (side + 1) + x + 1] ?? 0) + row;
    }
  }
  return sums;
}

interface Square {
  readonly top: number;
  readonly bottom: number;
  readonly left: number;
  readonly right: number;
}

function sumIn(sums: Float64Array, { top, bottom, left, right }: Square, side: number): number {
  const at = (y: number, x: number): number => sums[y * (side + 1) + x] ?? 0;
  return at(bottom, right) - at(top, right) - at(bottom, left) + at(top, left);
}
