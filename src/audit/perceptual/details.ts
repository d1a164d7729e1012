/** What is left of the samples of two pictures when local means are taken away: [side, side]. */
export interface AlignedDetails {
  readonly side: number;
  readonly onto: Float32Array;
  readonly of: Float32Array;
  /** 1 where both pictures are, else 0. */
  readonly inBoth: Float32Array;
}

/** Samples of a block's side. */
const BLOCK_SIDE = 8;
/** A block with fewer samples in both pictures is left out. */
const MIN_BLOCK_SAMPLES = 48;
/** Of 256 levels, how much details deviate at least where there is anything to see: less is rounding and noise. */
const MIN_DEVIATION = 1;
/** Details of a block that correlate so well agree. */
const AGREEING = 0.4;

/**
 * In what share of the blocks with anything to see in either picture the details agree; every block counts alike, however
 * strong its edges. 0 where there is no such block.
 */
export function detailAgreement(details: AlignedDetails): number {
  const { side } = details;
  let [numBlocks, numAgreeing] = [0, 0];
  for (let top = 0; top < side; top += BLOCK_SIDE) {
    for (let left = 0; left < side; left += BLOCK_SIDE) {
      const correlation = blockCorrelation(details, placesOfBlock(details, { top, left }));
      if (correlation === undefined) continue;
      numBlocks += 1;
      if (correlation >= AGREEING) numAgreeing += 1;
    }
  }
  return numBlocks === 0 ? 0 : numAgreeing / numBlocks;
}

function placesOfBlock(
  { side, inBoth }: AlignedDetails,
  { top, left }: { readonly top: number; readonly left: number },
): readonly number[] {
  return Array.from(
    { length: BLOCK_SIDE * BLOCK_SIDE },
    (_, at) => (top + Math.floor(at / BLOCK_SIDE)) * side + left + (at % BLOCK_SIDE),
  ).filter((place) => inBoth[place] === 1);
}

/** Undefined where there is too little of the block, or too little in it. */
function blockCorrelation(
  { of, onto }: AlignedDetails,
  places: readonly number[],
): number | undefined {
  const { length } = places;
  if (length < MIN_BLOCK_SAMPLES) return undefined;
  let [sum, otherSum, product, square, otherSquare] = [0, 0, 0, 0, 0];
  for (const place of places) {
    const [a, b] = [onto[place] ?? 0, of[place] ?? 0];
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
