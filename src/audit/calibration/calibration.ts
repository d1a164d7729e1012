import type { MeasuredRecall } from "../findings.ts";
import { lowerBound, type Trials, upperBound } from "./binomial-bounds.ts";
import type { DifferentPairs, TransformCounts } from "./planted-counts.ts";

/** How sure the bounds are. */
export const CONFIDENCE = 0.95;

/** The settings of a search for near-duplicates, by name, as a verdict states them. */
export type MethodSettings = Readonly<Record<string, string | number | boolean>>;

/** Which pictures a calibration was made with. */
export interface CalibrationPictures {
  /** SHA-256 of the sorted digests of the pictures that were drawn. */
  readonly sha256: string;
  /** All that there are to draw from. */
  readonly offered: number;
  readonly drawn: number;
  /** Of those drawn, pictures with too little in them to be told apart by hashes: nothing is planted of them. */
  readonly notComparable: number;
  /** Passed over: files that do not decode, and pictures with the bytes or pixels of one that was drawn before. */
  readonly unreadable: number;
  readonly repeated: number;
}

/** How far apart different pictures are, by their nearest views. */
export interface DistanceCounts {
  readonly pictures: number;
  readonly pairs: number;
  /** Bits, and how many pairs are so far apart; ascending. */
  readonly histogram: readonly (readonly [bits: number, pairs: number])[];
}

/** What would have been found within a smaller distance. */
export interface DistanceFigures extends DifferentPairs {
  readonly distance: number;
  readonly found: number;
  readonly copiesVerified: number;
}

/** Two pictures that pixels verified as they are. */
export interface NamedPair {
  readonly one: string;
  readonly other: string;
  readonly distanceBits: number;
  readonly correlation: number;
  readonly agreement: number;
}

/** What was measured; all figures follow from it. */
export interface CalibrationCounts {
  readonly seed: number;
  readonly suiteVersion: number;
  readonly settings: MethodSettings;
  readonly pictures: CalibrationPictures;
  readonly transforms: readonly TransformCounts[];
  readonly different: DifferentPairs;
  readonly distances: DistanceCounts;
  readonly byDistance: readonly DistanceFigures[];
  /** The first of them are named. */
  readonly numToLookAt: number;
  readonly toLookAt: readonly NamedPair[];
}

/** A share as it was measured, with the bounds that hold at `CONFIDENCE` each. */
export interface MeasuredShare extends Trials {
  readonly share: number;
  readonly lowerBound: number;
  readonly upperBound: number;
}

export interface CalibrationFigures {
  /** Of all copies: those that a hash found, and those that pixels verified as well. */
  readonly found: MeasuredShare;
  readonly verified: MeasuredShare;
  readonly transforms: readonly (MeasuredShare & { readonly name: string })[];
  readonly falseCandidates: MeasuredShare;
  readonly falseVerified: MeasuredShare;
  /** The same if none of the pairs to look at were copies of one another. */
  readonly falseVerifiedAtWorst: MeasuredShare;
}

/** All shares and bounds of a calibration. */
export function figuresOf(counts: CalibrationCounts): CalibrationFigures {
  const { different, numToLookAt, transforms } = counts;
  const tried = sumOf(transforms.map((transform) => transform.tried));
  return {
    found: measured({ hits: sumOf(transforms.map(({ found }) => found)), tried }),
    verified: measured({ hits: sumOf(transforms.map(({ verified }) => verified)), tried }),
    transforms: transforms.map((transform) => ({
      name: transform.name,
      ...measured({ hits: transform.verified, tried: transform.tried }),
    })),
    falseCandidates: measured({ hits: different.candidates, tried: different.pairs }),
    falseVerified: measured({ hits: different.verified, tried: different.pairs }),
    falseVerifiedAtWorst: measured({
      hits: different.verified + numToLookAt,
      tried: different.pairs + numToLookAt,
    }),
  };
}

/** What a verdict states of a calibration with a digest. */
export function measuredRecall(counts: CalibrationCounts, digest: string): MeasuredRecall {
  const { falseVerified, verified } = figuresOf(counts);
  return {
    recall: verified.share,
    lowerBound: verified.lowerBound,
    confidence: CONFIDENCE,
    numPairs: verified.tried,
    differentPairs: falseVerified.tried,
    falseVerified: falseVerified.hits,
    falseUpperBound: falseVerified.upperBound,
    digest,
  };
}

/** What in the settings of an audit differs from what a calibration measured: name, measured, audit's. */
export function settingsDifferences(
  measuredWith: MethodSettings,
  audit: MethodSettings,
): readonly string[] {
  const names = [...new Set([...Object.keys(measuredWith), ...Object.keys(audit)])].toSorted();
  return names
    .filter((name) => measuredWith[name] !== audit[name])
    .map((name) => `${name} ${measuredWith[name] ?? "none"} there, ${audit[name] ?? "none"} here`);
}

function measured(trials: Trials): MeasuredShare {
  const { hits, tried } = trials;
  return {
    hits,
    tried,
    share: tried === 0 ? 0 : Math.round((hits / tried) * SHARE_UNITS) / SHARE_UNITS,
    lowerBound: Math.floor(lowerBound(trials, CONFIDENCE) * SHARE_UNITS) / SHARE_UNITS,
    upperBound: Math.ceil(upperBound(trials, CONFIDENCE) * BOUND_UNITS) / BOUND_UNITS,
  };
}

// Rounded away from what is good: a bound that is printed holds.
const SHARE_UNITS = 1e6;
const BOUND_UNITS = 1e9;

function sumOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0);
}
