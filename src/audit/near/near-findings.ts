import type { NearEvidence, NearSummary, Suspect } from "../findings.ts";
import { VERIFIED_AGREEMENT, VERIFIED_SCORE } from "../perceptual/verify-pair.ts";
import { type BankView, bankViews } from "../perceptual/window-bank.ts";
import type { PicturePlace } from "../verdict.ts";
import type { Candidate } from "./shard-candidates.ts";
import {
  type NearSettings,
  recordedViews,
  settingsForVerdict,
  trainingKind,
} from "./near-settings.ts";

/** A training and an evaluation picture of which pixels show that one is made from the other. */
interface NearPair {
  readonly train: PicturePlace;
  readonly eval: PicturePlace;
  readonly near: NearEvidence;
  /** For a person. */
  readonly evidence: string;
}

/** What the search for near-duplicates hands to the audit. */
export interface NearFindings {
  readonly summary: NearSummary;
  /** By training, then by evaluation picture in the fixed order of the audit. */
  readonly verified: readonly NearPair[];
  /** All candidates that pixels did not verify, the best first. */
  readonly suspects: readonly Suspect[];
}

/** What the pixels of a candidate say. */
export interface PixelScore {
  readonly isVerified: boolean;
  /** -1 to 1. */
  readonly correlation: number;
  /** 0 to 1. */
  readonly agreement: number;
}

export interface ComparedCandidate {
  readonly candidate: Candidate;
  readonly score: PixelScore;
  readonly train: PicturePlace;
  readonly eval: PicturePlace;
}

/** What was looked at, beside the pairs. */
export interface NearScope {
  readonly settings: NearSettings;
  readonly hashed: NearSummary["hashed"];
  readonly notComparable: NearSummary["notComparable"];
  readonly listedNotComparable: readonly PicturePlace[];
  readonly numUncompared: number;
}

/** The findings of a search whose candidates have been compared. */
export function nearFindings(
  compared: readonly ComparedCandidate[],
  scope: NearScope,
): NearFindings {
  const kind = trainingKind(scope.settings);
  const pairs = compared.map(({ candidate, score, train, eval: evalPlace }) => ({
    train,
    eval: evalPlace,
    near: evidenceOf(candidate, score, recordedViews[kind]),
    isVerified: score.isVerified,
  }));
  const verified = pairs.filter(({ isVerified }) => isVerified);
  const rest = pairs.filter(({ isVerified }) => !isVerified);
  const suspects = rest
    .map(({ train, eval: evalPlace, near }): Suspect => ({
      train,
      eval: evalPlace,
      near,
      score: nearnessOf(near),
    }))
    .toSorted((one, other) => other.score - one.score);
  return {
    summary: {
      method: methodText(scope),
      settings: settingsForVerdict(scope.settings),
      hashed: scope.hashed,
      notComparable: scope.notComparable,
      listedNotComparable: scope.listedNotComparable,
      candidates: pairs.length,
      verified: verified.length,
      suspects: suspects.length,
      recall: null,
    },
    verified: verified.map(({ train, eval: evalPlace, near }) => ({
      train,
      eval: evalPlace,
      near,
      evidence: evidenceText(near),
    })),
    suspects,
  };
}

/** A picture's view, for a person: "as it is", "mirrored left to right", "part 5.3–93.2 % across, 0.9–98.5 % down". */
export function viewText(view: BankView): string {
  if (view.kind === "symmetry") return view.symmetry.name;
  if (view.kind === "turned") return `turned by ${view.degrees} degrees`;
  const { left, top, right, bottom } = view.window;
  return `part ${rangeText(left, right)} across, ${rangeText(top, bottom)} down`;
}

function rangeText(from: number, to: number): string {
  return `${(100 * from).toFixed(1)}–${(100 * to).toFixed(1)} %`;
}

const UNITS = 10_000;

function evidenceOf(
  candidate: Candidate,
  { agreement, correlation }: PixelScore,
  trainViews: readonly BankView[],
): NearEvidence {
  const [trainView, evalView] = [trainViews[candidate.trainView], bankViews[candidate.evalView]];
  return {
    distanceBits: candidate.distanceBits,
    trainView: trainView === undefined ? "" : viewText(trainView),
    evalView: evalView === undefined ? "" : viewText(evalView),
    correlation: rounded(correlation),
    agreement: rounded(agreement),
  };
}

function evidenceText(near: NearEvidence): string {
  const { agreement = 0, correlation, distanceBits, evalView, trainView } = near;
  const views =
    trainView === evalView
      ? `both ${trainView}`
      : `training picture ${trainView}, evaluation picture ${evalView}`;
  const agreeing = `${Math.round(100 * agreement)} % of the places`;
  return `aligned pixels correlate by ${correlation ?? 0} and agree in ${agreeing}; hashes differ in ${distanceBits} of 256 bits (${views})`;
}

/** 0 to 1: how much of what would verify a pair is there. */
function nearnessOf({ agreement = 0, correlation }: NearEvidence): number {
  const shares = [(correlation ?? 0) / VERIFIED_SCORE, agreement / VERIFIED_AGREEMENT];
  return rounded(Math.max(0, Math.min(1, ...shares)));
}

function rounded(value: number): number {
  return Math.round(value * UNITS) / UNITS;
}

function methodText({ settings, numUncompared }: NearScope): string {
  const { windowDistance, wholeDistance } = settings;
  const sides =
    settings.windows === "both"
      ? "of both sides' pictures, whole and in 48 parts"
      : "of training pictures as a whole and of evaluation pictures whole and in 48 parts";
  const distance =
    windowDistance === wholeDistance
      ? `${wholeDistance}`
      : `${wholeDistance} (parts: ${windowDistance})`;
  const uncompared =
    numUncompared === 0
      ? ""
      : `; ${numUncompared} pairs of views with equal hashes were counted, not compared`;
  return `PDQ hashes ${sides}, evaluation pictures also turned and mirrored; all pairs within ${distance} of 256 bits, each verified by the correlation of aligned pixels${uncompared}`;
}
