import type { Alignment } from "./alignment.ts";
import { type AlignedDetails, detailAgreement } from "./details.ts";
import { type InnerLoop, innerLoops } from "./inner-loops.ts";
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

/** Less overlap can correlate by chance. */
export const MIN_OVERLAP = 0.5;
/** Details are what is left when the mean of a square of this part of the side is taken away. */
const DETAIL_SHARE = 8;
/** What correlates less where it was looked for coarsely is not looked for further. */
const PROMISING_SCORE = 0.25;

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

const PAGE_BYTES = 65_536;
const NUMBER_BYTES = Float32Array.BYTES_PER_ELEMENT;
// native/alignment.c's room first: three sums of 64 bits, then five numbers a sample; then a plane and samples.
const SUM_BYTES = 3 * 8 * (FINE_SAMPLES + 1) ** 2;
const PLANE_AT = SUM_BYTES + 5 * NUMBER_BYTES * FINE_SAMPLES ** 2;
const SAMPLES_AT = PLANE_AT + NUMBER_BYTES * FINE_SIDE ** 2;
const END = SAMPLES_AT + NUMBER_BYTES * FINE_SAMPLES ** 2;

/** Compares pictures pair by pair, in memory of its own. */
export class PairVerifier {
  readonly #memory = new WebAssembly.Memory({ initial: Math.ceil(END / PAGE_BYTES) });
  readonly #sampleWhole: InnerLoop;
  readonly #correlation: InnerLoop;

  constructor() {
    const loop = innerLoops("alignment", this.#memory);
    this.#sampleWhole = loop("sampleWhole");
    this.#correlation = loop("correlation");
  }

  /**
   * Compares the pixels of a pair. From the alignment that the hashes suggest, the place where the details of
   * the two correlate best is searched for step by step, first coarsely; brightness and contrast do not matter.
   */
  verify(
    protectedPicture: ComparedPicture,
    picture: ComparedPicture,
    suggested: Alignment,
  ): Verification {
    const { symmetry } = suggested;
    const coarse = { onto: turnPlane(protectedPicture.coarse, symmetry), side: COARSE_SAMPLES };
    this.#load(coarse, picture.coarse);
    const near = this.#climb(coarse, suggested, { first: COARSE_STEP, maxRounds: COARSE_ROUNDS });
    const fine = { onto: turnPlane(protectedPicture.fine, symmetry), side: FINE_SAMPLES };
    this.#load(fine, picture.fine);
    const maxRounds = near.score < PROMISING_SCORE ? 0 : FINE_ROUNDS;
    const { alignment } = this.#climb(fine, near.alignment, { first: FINE_STEP, maxRounds });
    const score = this.#scoreOf(fine, alignment);
    const details = this.#details();
    const agreement = detailAgreement(details);
    const overlap = details.inBoth.reduce((sum, here) => sum + here, 0) / FINE_SAMPLES ** 2;
    return { verdict: verdictOf(score, agreement), score, agreement, alignment, overlap };
  }

  #load({ onto, side }: Stage, plane: LumaPlane): void {
    const numbers = new Float32Array(this.#memory.buffer);
    numbers.set(plane.data, PLANE_AT / NUMBER_BYTES);
    this.#sampleWhole(PLANE_AT, plane.width, plane.height, side, SAMPLES_AT);
    numbers.set(onto.data, PLANE_AT / NUMBER_BYTES);
  }

  /** Tries a step in each direction of each parameter as long as one is better, then half steps. */
  #climb(
    stage: Stage,
    start: Alignment,
    { first, maxRounds }: { readonly first: number; readonly maxRounds: number },
  ): { readonly alignment: Alignment; readonly score: number } {
    let best = { alignment: start, score: this.#scoreOf(stage, start) };
    let step = first;
    for (let round = 0; round < maxRounds && step >= LAST_STEP; round += 1) {
      const before = best.score;
      for (const move of moves(step)) {
        const alignment = moved(best.alignment, move);
        const score = this.#scoreOf(stage, alignment);
        if (score > best.score) best = { alignment, score };
      }
      if (best.score === before) step /= 2;
    }
    return best;
  }

  #scoreOf({ onto, side }: Stage, alignment: Alignment): number {
    const { middleX, middleY, halfWidth, halfHeight, degrees } = alignment;
    const angle = (degrees * Math.PI) / 180;
    const radius = Math.round(side / DETAIL_SHARE / 2);
    const plane = [PLANE_AT, onto.width, onto.height];
    const samples = [SAMPLES_AT, side, radius, MIN_OVERLAP * side * side];
    const place = [middleX, middleY, halfWidth, halfHeight, Math.cos(angle), Math.sin(angle)];
    return this.#correlation(...plane, ...samples, ...place, 0);
  }

  /** Of what was correlated last, on the fine grid; good until the next. */
  #details(): AlignedDetails {
    const area = FINE_SAMPLES ** 2;
    const part = (at: number): Float32Array =>
      new Float32Array(this.#memory.buffer, SUM_BYTES + at * NUMBER_BYTES * area, area);
    return { side: FINE_SAMPLES, inBoth: part(2), onto: part(3), of: part(4) };
  }
}

function verdictOf(score: number, agreement: number): Verification["verdict"] {
  if (score >= VERIFIED_SCORE && agreement >= VERIFIED_AGREEMENT) return "verified";
  return score >= SUSPECT_SCORE ? "suspect" : "refuted";
}

/** The turned protected picture in one size, and how many samples of the other lie on it in each direction. */
interface Stage {
  readonly onto: LumaPlane;
  readonly side: number;
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
