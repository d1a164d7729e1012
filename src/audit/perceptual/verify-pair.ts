import { type Alignment, sampleAligned, type SampleGrid, sampleWhole } from "./alignment.ts";
import { detailAgreement, detailCorrelation } from "./details.ts";
import { halve, type LumaPlane, reduceToLuma, turnPlane } from "./luma-plane.ts";
import type { RgbPicture } from "./pdq.ts";

/** What the pixels say of a pair that hashes suggest. */
export interface Verification {
  /** Verified: one is made from the other. Refuted: they are different pictures. Suspect: a person must look. */
  readonly verdict: "verified" | "suspect" | "refuted";
  /** Correlation of the details where the pictures lie on each other, -1 to 1. */
  readonly score: number;
  /** Share of the places with anything to see in which the details agree, 0 to 1. */
  readonly agreement: number;
  readonly alignment: Alignment;
  /** Share of the other picture's area that lies on the protected one. */
  readonly overlap: number;
}

/** Details that correlate so well may be of one photograph. */
export const VERIFIED_SCORE = 0.6;
/**
 * A few strong edges correlate well when a shape lies on another of its kind; of one photograph, the two also agree in
 * most other places where there is anything to see. Copies of the 27 transforms: 0.86 and more; different
 * pictures that correlate by 0.6 and more: 0.55 at most (drawn scenes of few shapes; photographs: 0.25).
 */
export const VERIFIED_AGREEMENT = 0.7;
/** Below it, pictures have no more in common than any two. */
const SUSPECT_SCORE = 0.35;

const FINE_SIDE = 128;
const COARSE_SAMPLES = 32;
const FINE_SAMPLES = 64;
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
  const agreement = detailAgreement(samples, FINE_SAMPLES);
  const overlap = samples.numInBoth / FINE_SAMPLES ** 2;
  return { verdict: verdictOf(score, agreement), score, agreement, alignment, overlap };
}

function verdictOf(score: number, agreement: number): Verification["verdict"] {
  if (score >= VERIFIED_SCORE && agreement >= VERIFIED_AGREEMENT) return "verified";
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
