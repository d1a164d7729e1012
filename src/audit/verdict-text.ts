import { sharedByRule } from "./rules.ts";
import type { AuditVerdict, CheckedSplit } from "./verdict.ts";

/**
 * The verdict in a sentence that always says against what: the evaluation splits with their pictures and the
 * digest of their set. It claims no more than the rules compared.
 */
export function verdictSummary(verdict: AuditVerdict): string {
  const { checked, outcome } = verdict;
  if (outcome === "unchecked") return uncheckedSummary(verdict);
  const training = `${count(checked.train, "training picture")} of ${describeSplits(checked.training)}`;
  const evaluation = `${count(checked.eval, "evaluation picture")} of ${describeSplits(checked.against, true)}`;
  const shared = listed(Object.values(sharedByRule), "or");
  if (outcome === "clean") return `no picture of ${training} shares ${shared} with ${evaluation}`;
  const numTrain = sumOf(checked.training, ({ leaked }) => leaked);
  const numEval = sumOf(checked.against, ({ leaked }) => leaked);
  const verb = numTrain === 1 ? "shares" : "share";
  return `${numTrain.toLocaleString("en-US")} of ${training} ${verb} ${shared} with ${numEval.toLocaleString("en-US")} of ${evaluation}`;
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

function describeSplits(splits: readonly CheckedSplit[], withDigests = false): string {
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
