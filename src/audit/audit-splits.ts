import type { PolicyNote } from "./findings.ts";
import { LeakCollector } from "./leak-collector.ts";
import { relateSplits, type RelatedSplits, type RelateOptions } from "./relate-splits.ts";
import { reviewNote, undismissed } from "./review/review-note.ts";
import { leakRules } from "./rules.ts";
import type { TextFindings } from "./texts/text-findings.ts";
import type {
  AuditedSplit,
  AuditVerdict,
  CheckedSplit,
  ListingLimits,
  MatrixCell,
  WitnessSplit,
} from "./verdict.ts";
import { sealVerdict } from "./verdict-json.ts";

export interface AuditOptions extends RelateOptions {
  readonly listing?: Partial<ListingLimits> | undefined;
  /** What a comparison of the texts of these splits has found. */
  readonly texts?: TextFindings | undefined;
  /** What the policy that gave the splits their roles adds, once it is known what they share. */
  readonly policy?: ((matrix: readonly MatrixCell[]) => PolicyNote) | undefined;
}

export const defaultListing: ListingLimits = {
  maxPairs: 10_000,
  maxPairsPerGroup: 100,
  maxPartners: 10,
};

/**
 * Every picture of every training split against every picture of every evaluation split, whatever set they belong to, by
 * names, by verified near-duplicates when they were looked for, and by chains of these through pictures of any split. All
 * of it is held in memory: some 150 bytes a picture. The verdict does not depend on the order in which the splits are given.
 *
 * Throws ConfigError when a split is given twice.
 */
export async function auditSplits(
  splits: readonly AuditedSplit[],
  options: AuditOptions = {},
): Promise<AuditVerdict> {
  return auditRelated(await relateSplits(splits, options), options);
}

/** The verdict on splits whose pictures have been related, with the same `near` and `decisions`. */
export function auditRelated(
  related: RelatedSplits,
  options: Pick<AuditOptions, "decisions" | "listing" | "near" | "policy" | "texts"> = {},
): AuditVerdict {
  const listing = { ...defaultListing, ...options.listing };
  const collector = new LeakCollector(related, listing);
  const checked = checkedSplits(related, collector.leakedBySource());
  const exclusions = collector.exclusions();
  const outcome = outcomeOf(checked, exclusions.length);
  const { decisions, near: { suspects = [] } = {} } = options;
  const numPairs = collector.numPairs();
  const matrix = collector.matrix();
  return sealVerdict({
    outcome,
    clean: outcome === "clean",
    leaks: collector.leaks(),
    numPairs,
    kinds: collector.kinds(),
    matrix,
    ...collector.suspects(undismissed(suspects, decisions)),
    textLeaks: options.texts?.leaks ?? [],
    numTextLeaks: options.texts?.numLeaks ?? 0,
    texts: options.texts?.summary ?? null,
    near: options.near?.summary ?? null,
    policy: options.policy?.(matrix) ?? null,
    review: reviewNote(related, { decisions, listing, numPairs, suspects }),
    checked,
    yields: collector.yields(options.near?.summary.hashed),
    listing,
    exclusions,
  });
}

function checkedSplits(
  { splits }: RelatedSplits,
  leaked: readonly number[],
): AuditVerdict["checked"] {
  const training: CheckedSplit[] = [];
  const against: CheckedSplit[] = [];
  const through: WitnessSplit[] = [];
  for (const [source, { role, ...split }] of splits.entries()) {
    const checked = { ...split, leaked: leaked[source] ?? 0 };
    if (role === "train") training.push(checked);
    else if (role === "eval") against.push(checked);
    else through.push(split);
  }
  return {
    train: countPictures(training),
    eval: countPictures(against),
    rules: leakRules,
    training,
    against,
    through,
  };
}

function outcomeOf(
  checked: Pick<AuditVerdict["checked"], "train" | "eval">,
  numExclusions: number,
): AuditVerdict["outcome"] {
  if (checked.train === 0 || checked.eval === 0) return "unchecked";
  return numExclusions === 0 ? "clean" : "leaking";
}

function countPictures(splits: readonly WitnessSplit[]): number {
  return splits.reduce((sum, { pictures }) => sum + pictures, 0);
}
