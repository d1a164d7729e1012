import type { AuditVerdict, Leak, PicturePlace } from "../../audit/verdict.ts";
import { escapeControls } from "../../core/text.ts";
import { textTable } from "../text-table.ts";

const MAX_LISTED = 20;

export interface ExplainedVerdict {
  readonly verdict: AuditVerdict;
  /** The verdict in one sentence. */
  readonly summary: string;
  readonly notes: readonly string[];
  /** What to do next, or null. */
  readonly next: string | null;
}

/** A verdict as a person reads it: the sentence, what was compared, what each rule found and, if any, the leaks. */
export function verdictText({ verdict, summary, notes, next }: ExplainedVerdict): string {
  const parts = [
    `${escapeControls(summary.charAt(0).toUpperCase() + summary.slice(1))}.`,
    splitTable(verdict),
    ruleTable(verdict),
  ];
  if (verdict.leaks.length > 0) parts.push(leakTable(verdict));
  const closing = [`audit ${verdict.digest}`, ...notes.map((note) => `note: ${note}`)];
  parts.push(closing.map(escapeControls).join("\n"));
  if (next !== null) parts.push(next);
  return parts.join("\n\n");
}

function ruleTable({ yields }: AuditVerdict): string {
  return textTable([
    ["rule", "pairs", "leaking pictures it adds", "known of training", "known of evaluation"],
    ...yields.map(({ rule, pairs, added, comparable }) => [
      rule,
      pairs,
      added,
      comparable.train,
      comparable.eval,
    ]),
  ]);
}

function splitTable({ checked }: AuditVerdict): string {
  const sides = [
    ...checked.training.map((split) => ({ split, role: "training" })),
    ...checked.against.map((split) => ({ split, role: "evaluation" })),
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

function leakTable({ leaks, yields }: AuditVerdict): string {
  const table = textTable([
    ["leak", "training picture", "evaluation picture", "evidence"],
    ...leaks
      .slice(0, MAX_LISTED)
      .map((leak) => [leak.rule, placeText(leak.train), placeText(leak.eval), evidenceText(leak)]),
  ]);
  if (leaks.length <= MAX_LISTED) return table;
  const numPairs = Math.max(leaks.length, ...yields.map(({ pairs }) => pairs));
  return `${table}\nthe first ${MAX_LISTED} of at least ${numPairs.toLocaleString("en-US")} pairs; --json gives ${leaks.length.toLocaleString("en-US")}, --exclusions every training picture`;
}

function placeText({ picture, set, split }: PicturePlace): string {
  return `${picture} (${set}/${split})`;
}

const WHOLE_DIGEST = /\b([0-9a-f]{12})[0-9a-f]{52}\b/g;

function evidenceText({ evidence, alsoBy }: Leak): string {
  const short = evidence.replace(WHOLE_DIGEST, "$1…");
  return alsoBy.length === 0 ? short : `${short}; also ${alsoBy.join(", ")}`;
}
