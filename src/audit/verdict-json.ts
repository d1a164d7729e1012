import { canonicalJson, sha256, type JsonValue } from "../core/digest.ts";
import { digestOfExclusions } from "./exclusions.ts";
import type { AuditVerdict, CheckedSplit, Leak, RuleYield } from "./verdict.ts";

type Findings = Omit<AuditVerdict, "digest">;

/** The verdict with its digest, which covers everything but itself. */
export function sealVerdict(findings: Findings): AuditVerdict {
  return { ...findings, digest: sha256(canonicalJson(findingsJson(findings))) };
}

/** Whether the digest is that of the verdict. */
export function isSealed(verdict: AuditVerdict): boolean {
  return sealVerdict(verdict).digest === verdict.digest;
}

/** The verdict as a document; the exclusions, which have a file of their own, stand in it by count and digest. */
export function verdictJson(verdict: AuditVerdict): JsonValue {
  return { ...findingsJson(verdict), digest: verdict.digest };
}

function findingsJson(findings: Findings): { readonly [key: string]: JsonValue } {
  const { outcome, clean, checked, yields, listing, leaks, exclusions } = findings;
  return {
    format: "crossweave-audit",
    version: 1,
    outcome,
    clean,
    checked: {
      train: checked.train,
      eval: checked.eval,
      rules: checked.rules,
      training: checked.training.map(checkedSplitJson),
      against: checked.against.map(checkedSplitJson),
    },
    yields: yields.map(yieldJson),
    listing: { ...listing },
    leaks: leaks.map(leakJson),
    exclusions: { count: exclusions.length, sha256: digestOfExclusions(exclusions) },
  };
}

function checkedSplitJson(split: CheckedSplit): JsonValue {
  return { ...split };
}

function yieldJson(ruleYield: RuleYield): JsonValue {
  return { ...ruleYield, comparable: { ...ruleYield.comparable } };
}

function leakJson(leak: Leak): JsonValue {
  return { ...leak, train: { ...leak.train }, eval: { ...leak.eval } };
}
