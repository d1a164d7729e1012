import type { Suspect } from "../findings.ts";
import { LeakCollector } from "../leak-collector.ts";
import type { RelatedSplits } from "../relate-splits.ts";
import { pairKey, type ReviewDecisions } from "../results/decisions.ts";
import type { ListingLimits, ReviewNote } from "../verdict.ts";

interface ReviewedAudit {
  readonly decisions: ReviewDecisions | undefined;
  readonly suspects: readonly Suspect[];
  readonly listing: ListingLimits;
  /** All leaking pairs that are left, exact. */
  readonly numPairs: number;
}

/** What a person's decisions changed in an audit; null without any. */
export function reviewNote(
  related: RelatedSplits,
  { decisions, listing, numPairs, suspects }: ReviewedAudit,
): ReviewNote | null {
  const { review } = related;
  if (review === null || decisions === undefined) return null;
  const before = new LeakCollector({ ...related, identities: review.before }, listing);
  const listed = review.allowed.slice(0, listing.maxPairs);
  return {
    sha256: decisions.sha256,
    allowed: listed.flatMap((pair) => before.leakBetween(pair) ?? []),
    numAllowed: before.numPairs() - numPairs,
    numDenied: review.numDenied,
    numDismissed: suspects.length - undismissed(suspects, decisions).length,
    numOverruled: review.numOverruled,
    numUnmatched: review.numUnmatched,
  };
}

/** The suspects that the decisions do not allow. */
export function undismissed(
  suspects: readonly Suspect[],
  decisions: ReviewDecisions | undefined,
): readonly Suspect[] {
  const allowed = new Set(
    (decisions?.decisions ?? [])
      .filter(({ decision }) => decision === "allow")
      .map((made) => pairKey(made.train, made.eval)),
  );
  return allowed.size === 0
    ? suspects
    : suspects.filter(
        ({ train, eval: evaluated }) => !allowed.has(pairKey(train.picture, evaluated.picture)),
      );
}
