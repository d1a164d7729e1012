import {
  type AlignedSamples,
  type Alignment,
  sampleAligned,
  type SampleGrid,
  sampleWhole,
} from "./alignment.ts";
import { halve, type LumaPlane, reduceToLuma, turnPlane } from "./luma-plane.ts";
import type { RgbPicture } from "./pdq.ts";

/** What the pixels say of a pair that hashes suggest. */
export interface Verification {
  /** Verified: one is made from the other. Refuted: they are different pictures. Suspect: a person must look. */
  readonly verdict: "verified" | "suspect" | "refuted";
  /** Correlation of the details where the pictures lie on each other, -1 to 1. */
  readonly score: number;
  readonly alignment: Alignment;
  /** Share of the other picture's area that lies on the protected one. */
  readonly overlap: number;
}

/** Details that correlate so well are of one photograph. */
const VERIFIED_SCORE = 0.6;
/** Below it, pictures have no more in common than any two. */
const SUSPECT_SCORE = 0.35;
/** Less overlap can correlate by chance. */
const MIN_OVERLAP = 0.5;

const FINE_SIDE = 128;
const COARSE_SAMPLES = 32;
const FINE_SAMPLES = 64;
/** Details are what is left when the mean of a square of this part of the side is taken away. */
const DETAIL_SHARE = 8;

/** First steps of the search: shares of the sides, and degrees. */
const COARSE_STEP = 0.02;
const FINE_STEP = 0.004;
const LAST_STEP = 0.001;
const DEGREES_PER_STEP = 50;
const COARSE_ROUNDS = 24;
const FINE_ROUNDS = 8;

/** A picture as it is compared, at two sizes. */
export interface ComparedPicture {
  readonly fine: LumaPlane;
  readonly coarse: LumaPlane;
}

/** What of a picture is kept to compare it with others. */
export function comparedPicture(picture: RgbPicture): ComparedPicture {
  const fine = reduceToLuma(picture, FINE_SIDE);
  return { fine, coarse: halve(fine) };
}

/**
 * Compares the pixels of a pair. From the alignment that the hashes suggest, the place where the details of
 * the two correlate best is searched for step by step, first coarsely; brightness and contrast do not matter.
 */
export function verifyPair(
  protectedPicture: ComparedPicture,
  picture: ComparedPicture,
  suggested: Alignment,
): Verification {
  const { symmetry } = suggested;
  const coarse = {
    onto: turnPlane(protectedPicture.coarse, symmetry),
    grid: sampleWhole(picture.coarse, COARSE_SAMPLES),
  };
  const fine = {
    onto: turnPlane(protectedPicture.fine, symmetry),
    grid: sampleWhole(picture.fine, FINE_SAMPLES),
  };
  const near = climb(coarse, suggested, { first: COARSE_STEP, maxRounds: COARSE_ROUNDS });
  const alignment = climb(fine, near, { first: FINE_STEP, maxRounds: FINE_ROUNDS });
  const samples = sampleAligned(fine.onto, fine.grid, alignment);
  const score = detailCorrelation(samples, FINE_SAMPLES);
  const overlap = samples.numInBoth / FINE_SAMPLES ** 2;
  return { verdict: verdictOf(score), score, alignment, overlap };
}

function verdictOf(score: number): Verification["verdict"] {
  if (score >= VERIFIED_SCORE) return "verified";
  return score >= SUSPECT_SCORE ? "suspect" : "refuted";
}

interface Planes {
  readonly onto: LumaPlane;
  readonly grid: SampleGrid;
}

/** Tries a step in each direction of each parameter as long as one is better, then half steps. */
function climb(
  planes: Planes,
  start: Alignment,
  { first, maxRounds }: { readonly first: number; readonly maxRounds: number },
): Alignment {
  let best = { alignment: start, score: scoreOf(planes, start) };
  let step = first;
  for (let round = 0; round < maxRounds && step >= LAST_STEP; round += 1) {
    const before = best.score;
    for (const move of moves(step)) {
      const alignment = moved(best.alignment, move);
      const score = scoreOf(planes, alignment);
      if (score > best.score) best = { alignment, score };
    }
    if (best.score === before) step /= 2;
  }
  return best.alignment;
}

type Move = Readonly<Partial<Omit<Alignment, "symmetry">>>;

function moves(step: number): readonly Move[] {
  const degrees = step * DEGREES_PER_STEP;
  return [step, -step].flatMap((by): Move[] => [
    { middleX: by },
    { middleY: by },
    { halfWidth: by, halfHeight: by },
    { halfWidth: by },
    { halfHeight: by },
    { degrees: by > 0 ? degrees : -degrees },
  ]);
}

function moved(alignment: Alignment, move: Move): Alignment {
  return {
    symmetry: alignment.symmetry,
    middleX: alignment.middleX + (move.middleX ?? 0),
    middleY: alignment.middleY + (move.middleY ?? 0),
    halfWidth: alignment.halfWidth + (move.halfWidth ?? 0),
    halfHeight: alignment.halfHeight + (move.halfHeight ?? 0),
    degrees: alignment.degrees + (move.degrees ?? 0),
  };
}

function scoreOf(planes: Planes, alignment: Alignment): number {
  return detailCorrelation(sampleAligned(planes.onto, planes.grid, alignment), planes.grid.side);
}

/** The correlation of what is left of both when local means are taken away; -1 with too little overlap. */
function detailCorrelation(samples: AlignedSamples, side: number): number {
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
