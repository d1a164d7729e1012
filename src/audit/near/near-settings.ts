import { MAX_PDQ_DISTANCE, MIN_QUALITY } from "../perceptual/pdq.ts";
import { MIN_OVERLAP, VERIFIED_AGREEMENT, VERIFIED_SCORE } from "../perceptual/verify-pair.ts";
import { type BankView, bankViews, passingViews } from "../perceptual/window-bank.ts";

/** What decides which pairs are candidates; the rest of the method is in the versions. */
export interface NearSettings {
  /** Bits in which a picture may differ from a whole protected one, turned or mirrored. */
  readonly wholeDistance: number;
  /** Bits in which a picture may differ from a part of a protected one, or a part of it from a protected one. */
  readonly windowDistance: number;
  /** Whether only the evaluation pictures are looked at by their parts, or the training pictures as well. */
  readonly windows: "eval" | "both";
}

/**
 * The distance within which two hashes make a pair a candidate. PDQ's own bound for hashes that nothing else
 * confirms, MAX_PDQ_DISTANCE, loses a watermark in 26 and, of parts, every second crop; within 48 all are found,
 * and no two of 239 photographs come nearer than 80 (shared/AUDIT.md, section 3). Pixels confirm each candidate.
 */
const CANDIDATE_DISTANCE = 48;

/** Up to so many training pictures, their parts are compared as well: 1.6 KB a picture in the cache. */
const MAX_PICTURES_IN_PARTS = 300_000;

/** To be raised when a picture's record changes: its layout, a hash, a view. */
export const RECORD_VERSION = 1;
/** To be raised when other pairs become candidates although the settings are the same. */
export const CANDIDATE_VERSION = 2;
/** To be raised when the comparison of two pictures' pixels changes. */
export const VERIFICATION_VERSION = 2;

/** What is recorded of a picture: the whole, the parts of it as well, and how it looks turned or mirrored. */
export type RecordKind = "whole" | "passing" | "bank";

/** The views of a picture that are hashed. */
export const recordedViews: Readonly<Record<RecordKind, readonly BankView[]>> = {
  whole: passingViews.slice(0, 1),
  passing: passingViews,
  bank: bankViews,
};

/** The settings for so many training pictures, where the user names none. */
export function nearSettings(
  numTraining: number,
  chosen: {
    readonly windows?: "eval" | "both" | undefined;
    readonly distance?: number | undefined;
  },
): NearSettings {
  const { distance = CANDIDATE_DISTANCE } = chosen;
  return {
    wholeDistance: distance,
    windowDistance: distance,
    windows: chosen.windows ?? (numTraining <= MAX_PICTURES_IN_PARTS ? "both" : "eval"),
  };
}

/** What is recorded of training pictures. */
export function trainingKind({ windows }: NearSettings): RecordKind {
  return windows === "both" ? "passing" : "whole";
}

/** Everything that the result depends on beside the pictures, for the verdict. */
export function settingsForVerdict(
  settings: NearSettings,
): Readonly<Record<string, string | number | boolean>> {
  return {
    hash: "PDQ",
    recordVersion: RECORD_VERSION,
    verificationVersion: VERIFICATION_VERSION,
    ...settings,
    evalViews: bankViews.length,
    trainViews: recordedViews[trainingKind(settings)].length,
    hashDistanceAlone: MAX_PDQ_DISTANCE,
    minQuality: MIN_QUALITY,
    verifiedCorrelation: VERIFIED_SCORE,
    verifiedAgreement: VERIFIED_AGREEMENT,
    minOverlap: MIN_OVERLAP,
  };
}
