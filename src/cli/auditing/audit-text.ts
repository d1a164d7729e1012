import type { Suspect } from "../../audit/findings.ts";
import { recallText } from "../../audit/verdict-text.ts";
import type { AuditVerdict, Leak, PicturePlace } from "../../audit/verdict.ts";
import { escapeControls } from "../../core/text.ts";
import { textTable } from "../text-table.ts";
import { comparedTexts } from "./compared-texts.ts";

const MAX_LISTED = 20;
const MAX_SUSPECTS = 10;

export interface ExplainedVerdict {
  readonly verdict: AuditVerdict;
  /** The verdict in one sentence. */
  readonly summary: string;
  readonly notes: readonly string[];
  /** What to do next, or null. */
  readonly next: string | null;
}

/**
 * A verdict as a person reads it: the sentence, what was compared and how, what each rule found and, if any, the leaks
 * by kind and by pair, the matches that hashes contradict and the suspects.
 */
export function verdictText({ verdict, summary, notes, next }: ExplainedVerdict): string {
  const parts = [
    `${escapeControls(summary.charAt(0).toUpperCase() + summary.slice(1))}.`,
    splitTable(verdict),
    ruleTable(verdict),
    nearText(verdict),
    ...policyText(verdict),
  ];
  if (verdict.leaks.length > 0) parts.push(matrixTable(verdict), kindTable(verdict));
  if (verdict.leaks.length > 0) parts.push(leakTable(verdict));
  if (verdict.leaks.some(({ contradiction }) => contradiction !== null)) {
    parts.push(contradictionTable(verdict));
  }
  if (verdict.suspects.length > 0) parts.push(suspectTable(verdict));
  parts.push(...comparedTexts(verdict));
  const closing = [`audit ${verdict.digest}`, ...notes.map((note) => `note: ${note}`)];
  parts.push(closing.map(escapeControls).join("\n"));
  if (next !== null) parts.push(next);
  return parts.join("\n\n");
}

/** What each rule found; rules that nothing was compared by are left out. */
function ruleTable({ yields }: AuditVerdict): string {
  const compared = yields.filter(
    ({ comparable, pairs }) => pairs > 0 || (comparable.train > 0 && comparable.eval > 0),
  );
  return textTable([
    [
      "rule",
      "pairs",
      "leaking pictures it adds",
      "hashes compared",
      "contradicted",
      "known of training",
      "known of evaluation",
    ],
    ...compared.map((its) => [
      its.rule === "chain" ? "any, or a chain" : its.rule,
      its.pairs,
      its.added,
      its.compared,
      its.contradicted,
      its.comparable.train,
      its.comparable.eval,
    ]),
  ]);
}

function nearText({ near }: AuditVerdict): string {
  if (near === null) return "Near-duplicates were not looked for.";
  const { candidates, hashed, method, notComparable, recall, suspects, verified } = near;
  const counts = [
    `${candidates.toLocaleString("en-US")} candidates`,
    `${verified.toLocaleString("en-US")} verified`,
    `${suspects.toLocaleString("en-US")} not verified`,
  ];
  const lacking = notComparable.train + notComparable.eval;
  const blank =
    lacking === 0
      ? ""
      : `; ${lacking.toLocaleString("en-US")} pictures have too little in them to be compared`;
  const all = (hashed.train + hashed.eval).toLocaleString("en-US");
  return escapeControls(
    `Near-duplicates: ${method}. ${counts.join(", ")} of ${all} pictures; ${recallText(recall)}${blank}.`,
  );
}

function policyText({ policy }: AuditVerdict): readonly string[] {
  if (policy === null) return [];
  const lines = [
    `Policy ${policy.name}, ${policy.digest}`,
    ...policy.notes.map((note) => `- ${note}`),
  ];
  return [lines.map(escapeControls).join("\n")];
}

function splitTable({ checked }: AuditVerdict): string {
  const sides = [
    ...checked.training.map((split) => ({ split, role: "training" })),
    ...checked.against.map((split) => ({ split, role: "evaluation" })),
    ...checked.through.map((split) => ({ split: { ...split, leaked: "" }, role: "neither" })),
  ];
  return textTable([
    ["split", "role", "pictures", "leaked", "set digest"],
    ...sides.map(({ split, role }) => [
      `${split.set}/${split.split}`,
      role,
      split.pictures,
      split.leaked,
      split.digest,
    ]),
  ]);
}

function matrixTable({ matrix }: AuditVerdict): string {
  return textTable([
    ["training split", "evaluation split", "training pictures in it", "evaluation pictures in it"],
    ...matrix.map((cell) => [cell.train, cell.eval, cell.trainPictures, cell.evalPictures]),
  ]);
}

/** The taxonomy of Ramos, Ramos and Garcia: what is shared, between what, and how exactly. */
function kindTable({ kinds }: AuditVerdict): string {
  return textTable([
    ["shared", "coverage", "degree", "leaking pictures"],
    ...kinds.map(({ kind, pictures }) => [kind.modality, kind.coverage, kind.degree, pictures]),
  ]);
}

function leakTable({ leaks, numPairs }: AuditVerdict): string {
  const table = textTable([
    ["leak", "training picture", "evaluation picture", "evidence"],
    ...leaks
      .slice(0, MAX_LISTED)
      .map((leak) => [leak.rule, placeText(leak.train), placeText(leak.eval), evidenceText(leak)]),
  ]);
  if (numPairs <= MAX_LISTED) return table;
  return `${table}\nthe first ${MAX_LISTED} of ${numPairs.toLocaleString("en-US")} pairs; --json gives ${leaks.length.toLocaleString("en-US")}, --exclusions every training picture`;
}

function contradictionTable({ leaks }: AuditVerdict): string {
  const contradicted = leaks.filter(({ contradiction }) => contradiction !== null);
  return textTable([
    ["contradicted by hashes", "training picture", "evaluation picture", "distance"],
    ...contradicted
      .slice(0, MAX_LISTED)
      .map((leak) => [
        leak.rule,
        placeText(leak.train),
        placeText(leak.eval),
        `${leak.contradiction?.distanceBits ?? 0} of ${leak.contradiction?.hashBits ?? 0} bits`,
      ]),
  ]);
}

function suspectTable({ numSuspects, suspects }: AuditVerdict): string {
  const table = textTable([
    ["suspect", "training picture", "evaluation picture", "hashes", "correlation"],
    ...suspects
      .slice(0, MAX_SUSPECTS)
      .map(({ eval: evaluated, near, score, train }: Suspect) => [
        score.toFixed(2),
        placeText(train),
        placeText(evaluated),
        `${near.distanceBits} of 256 bits`,
        near.correlation === null ? "not compared" : near.correlation.toFixed(2),
      ]),
  ]);
  return numSuspects <= MAX_SUSPECTS
    ? table
    : `${table}\nthe first ${MAX_SUSPECTS} of ${numSuspects.toLocaleString("en-US")} suspects, which are no leaks by themselves`;
}

function placeText({ picture, set, split }: PicturePlace): string {
  return `${picture} (${set}/${split})`;
}

// The pictures and their places stand in columns of their own.
const BEARERS = / \((?:in |[^()]+ of )[^]*\)$/;
const WHOLE_DIGEST = /\b([0-9a-f]{12})[0-9a-f]{52}\b/g;

/** What shows a leak: for one step the evidence, for a chain the pictures that it leads through. */
function evidenceText({ alsoBy, chain, evidence }: Leak): string {
  const [first, second] = chain;
  const shown =
    first === undefined || second === undefined
      ? evidence.replace(BEARERS, "").replace(WHOLE_DIGEST, "$1…")
      : `${first.from}${chain.map(({ rule, to }) => ` -> ${to} (${rule})`).join("")}`;
  return alsoBy.length === 0 ? shown : `${shown}; also ${alsoBy.join(", ")}`;
}
