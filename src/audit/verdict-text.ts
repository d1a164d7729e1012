import type { MeasuredRecall, PolicyNote } from "./findings.ts";
import { sharedByRule } from "./rules.ts";
import type { AuditVerdict, CheckedSplit, WitnessSplit } from "./verdict.ts";

/**
 * The verdict in a sentence that always says against what: the evaluation splits with their pictures and the
 * digest of their set, the rules, and whether and how well near-duplicates were looked for. It claims no more than was compared.
 */
export function verdictSummary(verdict: AuditVerdict): string {
  const { policy } = verdict;
  const found = findingsSummary(verdict);
  return policy === null ? found : `by the policy ${policy.name} ${found}${policyClause(policy)}`;
}

/** What the verdict says nothing of although the policy evaluates on it. */
function policyClause({ notCompared, trainsOnEvaluation }: PolicyNote): string {
  const unsaid = notCompared.length === 0 ? "" : `; not compared with ${notCompared.join(", ")}`;
  if (trainsOnEvaluation.length === 0) return unsaid;
  const [verb, its] = trainsOnEvaluation.length === 1 ? ["trains", "its"] : ["train", "their"];
  return `${unsaid}; ${listed(trainsOnEvaluation, "and")} by ${its} recipe ${verb} on what the policy evaluates on`;
}

function findingsSummary(verdict: AuditVerdict): string {
  const { checked, outcome } = verdict;
  if (outcome === "unchecked") return uncheckedSummary(verdict);
  const training = `${count(checked.train, "training picture")} of ${describeSplits(checked.training)}`;
  const evaluation = `${count(checked.eval, "evaluation picture")} of ${describeSplits(checked.against, true)}`;
  const names = Object.values(sharedByRule);
  const shared = listed(names, "or");
  const way = `itself or by a chain${throughClause(checked.through)}`;
  if (outcome === "clean") {
    return `no picture of ${training} shares ${shared}, ${way}, with ${evaluation}; ${nearClause(verdict)}`;
  }
  const numTrain = sumOf(checked.training, ({ leaked }) => leaked);
  const numEval = sumOf(checked.against, ({ leaked }) => leaked);
  const verb = numTrain === 1 ? "shares" : "share";
  const found =
    verdict.near === null ? shared : listed([...names, "verified near-duplicate pixels"], "or");
  return `${numTrain.toLocaleString("en-US")} of ${training} ${verb} ${found}, ${way}, with ${numEval.toLocaleString("en-US")} of ${evaluation}; ${nearClause(verdict)}`;
}

function throughClause(through: readonly WitnessSplit[]): string {
  return through.length === 0 ? "" : ` through ${describeSplits(through, true)} too`;
}

/** What is said of near-duplicates, with the measured recall of the search. */
function nearClause({ near, numSuspects }: AuditVerdict): string {
  if (near === null) return "near-duplicates were not looked for";
  const suspects = numSuspects === 0 ? "" : `, ${count(numSuspects, "suspect")} left to look at`;
  return `of near-duplicates ${near.verified.toLocaleString("en-US")} ${near.verified === 1 ? "pair was" : "pairs were"} verified${suspects} (${recallText(near.recall)})`;
}

/** "measured recall 0.981, at least 0.962 with 95 % confidence; at most 2 false verified pairs per million". */
export function recallText(recall: MeasuredRecall | null): string {
  if (recall === null) return "recall not measured";
  const { confidence, falseUpperBound, lowerBound, recall: measured } = recall;
  return `measured recall ${measured.toFixed(3)}, at least ${lowerBound.toFixed(3)} with ${(confidence * 100).toFixed(0)} % confidence; at most ${perMillionText(falseUpperBound)} false verified pairs per million`;
}

/** A share for a million, rounded up: "1,054", "0.3". */
export function perMillionText(share: number): string {
  const number = share * 1e6;
  const digits = number < 10 ? 10 : 1;
  return (Math.ceil(number * digits) / digits).toLocaleString("en-US");
}

function uncheckedSummary({ checked }: AuditVerdict): string {
  const { training, against } = checked;
  const seen =
    `${count(checked.train, "training picture")}${inSplits(training)} and ` +
    `${count(checked.eval, "evaluation picture")}${inSplits(against)}`;
  const lacking = checked.eval === 0 ? "evaluation" : "training";
  return `nothing could be checked: there is no ${lacking} picture to compare with (${seen})`;
}

function inSplits(splits: readonly CheckedSplit[]): string {
  return splits.length === 0 ? "" : ` in ${describeSplits(splits)}`;
}

const DIGEST_LENGTH = 12;

function describeSplits(splits: readonly WitnessSplit[], withDigests = false): string {
  return listed(
    splits.map(({ set, split, digest }) =>
      withDigests ? `${set}/${split} (${digest.slice(0, DIGEST_LENGTH)})` : `${set}/${split}`,
    ),
    "and",
  );
}

function listed(items: readonly string[], conjunction: "and" | "or"): string {
  return items.length < 2
    ? items.join("")
    : `${items.slice(0, -1).join(", ")} ${conjunction} ${items.at(-1)}`;
}

function count(number: number, noun: string): string {
  return `${number.toLocaleString("en-US")} ${noun}${number === 1 ? "" : "s"}`;
}

function sumOf<T>(items: readonly T[], value: (item: T) => number): number {
  return items.reduce((sum, item) => sum + value(item), 0);
}
