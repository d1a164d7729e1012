import { canonicalJson, sha256, type JsonValue } from "../core/digest.ts";
import { digestOfExclusions, stepJson } from "./exclusions.ts";
import type { NearSummary, Suspect, TextLeak } from "./findings.ts";
import type { TextSummary } from "./texts/text-findings.ts";
import type { AuditVerdict, CheckedSplit, Leak, RuleYield, WitnessSplit } from "./verdict.ts";

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
  const { checked, exclusions, kinds, leaks, matrix, near, policy, review, suspects } = findings;
  const { textLeaks, texts, yields } = findings;
  const { clean, listing, numPairs, numSuspects, numTextLeaks, outcome } = findings;
  return {
    format: "crossweave-audit",
    version: 2,
    outcome,
    clean,
    checked: {
      train: checked.train,
      eval: checked.eval,
      rules: checked.rules,
      training: checked.training.map(splitJson),
      against: checked.against.map(splitJson),
      through: checked.through.map(splitJson),
    },
    yields: yields.map(yieldJson),
    kinds: kinds.map(({ kind, pictures }) => ({ kind: { ...kind }, pictures })),
    matrix: matrix.map((cell) => ({ ...cell })),
    listing: { ...listing },
    numPairs,
    leaks: leaks.map(leakJson),
    numSuspects,
    suspects: suspects.map(suspectJson),
    numTextLeaks,
    textLeaks: textLeaks.map(textLeakJson),
    texts: texts === null ? null : textsJson(texts),
    near: nearJson(near),
    policy: policy === null ? null : { ...policy },
    review: review === null ? null : { ...review, allowed: review.allowed.map(leakJson) },
    exclusions: { count: exclusions.length, sha256: digestOfExclusions(exclusions) },
  };
}

function splitJson(split: CheckedSplit | WitnessSplit): JsonValue {
  return { ...split };
}

function yieldJson(ruleYield: RuleYield): JsonValue {
  return { ...ruleYield, comparable: { ...ruleYield.comparable } };
}

function leakJson({ chain, contradiction, ...leak }: Leak): JsonValue {
  return {
    ...leak,
    train: { ...leak.train },
    eval: { ...leak.eval },
    kind: { ...leak.kind },
    chain: chain.map(stepJson),
    contradiction: contradiction === null ? null : { ...contradiction },
  };
}

function suspectJson(suspect: Suspect): JsonValue {
  const { eval: evaluated, near, train } = suspect;
  return { ...suspect, train: { ...train }, eval: { ...evaluated }, near: { ...near } };
}

/** A text leak as a part of a document. */
export function textLeakJson(leak: TextLeak): JsonValue {
  return { ...leak, kind: { ...leak.kind }, train: { ...leak.train }, eval: { ...leak.eval } };
}

/** What was found of texts, as a part of a document. */
export function textsJson(texts: TextSummary): JsonValue {
  return {
    ...texts,
    settings: { ...texts.settings },
    compared: { ...texts.compared },
    withoutWords: { ...texts.withoutWords },
    yields: texts.yields.map((textYield) => ({ ...textYield })),
    matrix: texts.matrix.map((cell) => ({ ...cell })),
    alike: texts.alike.map(textLeakJson),
  };
}

function nearJson(near: NearSummary | null): JsonValue {
  if (near === null) return null;
  const { hashed, listedNotComparable, notComparable, recall, settings } = near;
  return {
    ...near,
    settings: { ...settings },
    hashed: { ...hashed },
    notComparable: { ...notComparable },
    listedNotComparable: listedNotComparable.map((place) => ({ ...place })),
    recall: recall === null ? null : { ...recall },
  };
}
