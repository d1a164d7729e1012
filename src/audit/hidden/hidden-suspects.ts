import type { NearSummary, Suspect } from "../findings.ts";
import type { Candidate } from "../near/shard-candidates.ts";
import { nearFindings, type NearFindings, viewText } from "../near/near-findings.ts";
import { type NearSettings, recordedViews, trainingKind } from "../near/near-settings.ts";
import { HASH_BYTES } from "../perceptual/hash.ts";
import { bankViews } from "../perceptual/window-bank.ts";
import type { PicturePlace } from "../verdict.ts";

const HASH_BITS = 8 * HASH_BYTES;

/** A training picture whose hashes are like those of a hidden one. */
export interface HiddenCandidate {
  readonly candidate: Candidate;
  readonly train: PicturePlace;
  readonly eval: PicturePlace;
}

/** A search between training pictures and hidden test sets. */
export interface HiddenSearch {
  readonly candidates: readonly HiddenCandidate[];
  readonly settings: NearSettings;
  readonly hashed: NearSummary["hashed"];
  readonly notComparable: NearSummary["notComparable"];
  /** Hidden pictures that come without perceptual hashes. */
  readonly numWithoutHashes: number;
  readonly numUncompared: number;
}

/**
 * What a search found, with what it found between other sets where there were any. Nobody has the hidden pictures' pixels, so
 * that no candidate can be verified: all of them are suspects, and the method says so.
 */
export function withHiddenSuspects(
  found: NearFindings | undefined,
  search: HiddenSearch,
): NearFindings {
  const { candidates, hashed, notComparable, numUncompared, settings } = search;
  const scope = { settings, hashed, notComparable, listedNotComparable: [], numUncompared };
  const other = found ?? nearFindings([], scope);
  const suspects = candidates.map((candidate) => suspectOf(candidate, settings));
  const { summary } = other;
  const method = `${summary.method}; ${hiddenMethod(search)}`;
  const total = {
    candidates: summary.candidates + suspects.length,
    suspects: summary.suspects + suspects.length,
    hashed: found === undefined ? hashed : added(summary.hashed, hashed),
    notComparable:
      found === undefined ? notComparable : added(summary.notComparable, notComparable),
  };
  return {
    verified: other.verified,
    suspects: [...other.suspects, ...suspects].toSorted((one, next) => next.score - one.score),
    summary: { ...summary, ...total, method },
  };
}

function hiddenMethod({ hashed, numWithoutHashes }: HiddenSearch): string {
  const without =
    numWithoutHashes === 0 ? "" : `, ${numWithoutHashes} of them without perceptual hashes`;
  return `${hashed.eval} hidden pictures by their hashes alone${without}: their candidates are suspects that no pixels can verify`;
}

/** The training pictures are the same ones in both. */
function added(one: NearSummary["hashed"], other: NearSummary["hashed"]): NearSummary["hashed"] {
  return { train: one.train, eval: one.eval + other.eval };
}

function suspectOf(
  { candidate, eval: evaluated, train }: HiddenCandidate,
  settings: NearSettings,
): Suspect {
  const { distanceBits } = candidate;
  const trainView = recordedViews[trainingKind(settings)][candidate.trainView];
  const evalView = bankViews[candidate.evalView];
  return {
    train,
    eval: evaluated,
    near: {
      distanceBits,
      trainView: trainView === undefined ? "" : viewText(trainView),
      evalView: evalView === undefined ? "" : viewText(evalView),
      correlation: null,
    },
    score: Math.round(1000 * (1 - distanceBits / HASH_BITS)) / 1000,
  };
}
