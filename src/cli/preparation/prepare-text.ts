import { escapeControls } from "../../core/text.ts";
import type { RecordCounts, SplitRole } from "../../core/records.ts";
import { textTable } from "../text-table.ts";
import type { ExclusionNotes } from "./exclusions.ts";

/** How many ledger rows have one reason. */
export interface ReasonCount {
  readonly kind: string;
  readonly outcome: string;
  readonly reason: string;
  readonly records: number;
  /** The first of them: where it stands and what shows the reason. */
  readonly first: { readonly file: string; readonly record: string; readonly evidence: string };
}

interface SplitSummary {
  readonly name: string;
  readonly role: SplitRole;
  readonly scenes: number;
  readonly pictures: number;
  readonly texts: number;
}

/** What `crossweave prepare` did with one recipe; an entry of `sets` in its `--json` document. */
export interface PreparedSummary {
  readonly recipe: string;
  readonly folder: string;
  /** "prepared", "complete" (it was there already), "planned" (a dry run) or "accounted" (annotations only). */
  readonly status: "prepared" | "complete" | "planned" | "accounted";
  /** Null of a dry run. */
  readonly digest: string | null;
  readonly release: string;
  /** Which evaluation pictures were kept out of training; null of sets that were written without a word of it. */
  readonly exclusions: ExclusionNotes | null;
  readonly partial: boolean;
  readonly splits: readonly SplitSummary[];
  readonly counts: readonly RecordCounts[];
  readonly reasons: readonly ReasonCount[];
  readonly next: string | null;
}

const headline = {
  prepared: "prepared",
  complete: "is complete already; nothing was done",
  accounted: "is accounted for, as if every picture were there (annotations.json, ledger.arrow)",
  planned: "would be prepared (dry run: no picture was read, nothing was written)",
} as const;

/** A summary as a person reads it. */
export function preparedText(summary: PreparedSummary): string {
  const { recipe, folder, status, release, partial, digest, next } = summary;
  const parts = [
    `${recipe}: ${escapeControls(folder)} ${headline[status]}`,
    countTable(summary.counts),
    splitTable(summary.splits),
  ];
  if (summary.reasons.length > 0) parts.push(reasonTable(summary.reasons));
  const faults = summary.reasons.filter(({ outcome }) => outcome === "quarantined");
  if (faults.length > 0) parts.push(faults.map(firstFault).join("\n"));
  const closing = [
    `source: ${release}`,
    ...exclusionLines(summary.exclusions),
    partial
      ? "partial: records that the split or the release names are not in the set"
      : "complete: every record that the files name was there",
    ...(digest === null ? [] : [`digest: ${digest}`]),
    ...(next === null ? [] : [`next: ${next}`]),
  ];
  return [...parts, closing.map(escapeControls).join("\n")].join("\n\n");
}

function exclusionLines(notes: ExclusionNotes | null): string[] {
  if (notes === null) return [];
  const { policy, protectedPictures, listedPictures, notKnown } = notes;
  const numbers = [
    ...(protectedPictures === 0 ? [] : [`protects ${grouped(protectedPictures)} pictures`]),
    ...(listedPictures === 0
      ? []
      : [`a list names ${grouped(listedPictures)} pictures to leave out`]),
  ];
  return [
    `policy: ${[policy, ...numbers].join("; ")}`,
    ...notKnown.map((what) => `not known to it: ${what}`),
  ];
}

function grouped(count: number): string {
  return count.toLocaleString("en-US");
}

function countTable(counts: readonly RecordCounts[]): string {
  const table = textTable([
    ["records", "read", "= written", "+ excluded", "+ quarantined", "+ missing"],
    ...counts.map(({ kind, read, written, excluded, quarantined, missing }) => [
      `  ${kind}`,
      read,
      written,
      excluded,
      quarantined,
      missing,
    ]),
  ]);
  // File names are long: each stands on a line of its own, so that 80 columns hold the table.
  const [heading = "", ...rows] = table.split("\n");
  const lines = rows.flatMap((row, index) => {
    const file = counts[index]?.file ?? "";
    return file === counts[index - 1]?.file ? [row] : [escapeControls(file), row];
  });
  return [heading, ...lines].join("\n");
}

function splitTable(splits: readonly SplitSummary[]): string {
  return textTable([
    ["split", "role", "scenes", "pictures", "texts"],
    ...splits.map(({ name, role, scenes, pictures, texts }) => [
      name,
      role,
      scenes,
      pictures,
      texts,
    ]),
  ]);
}

function reasonTable(reasons: readonly ReasonCount[]): string {
  return textTable([
    ["not written", "outcome", "reason", "records"],
    ...reasons.map(({ kind, outcome, reason, records }) => [kind, outcome, reason, records]),
  ]);
}

function firstFault({ kind, reason, first }: ReasonCount): string {
  const heading = `first ${kind} quarantined for ${reason}:`;
  const lines = [heading, `  ${first.file}#${first.record}`, `  ${first.evidence}`];
  return lines.map(escapeControls).join("\n");
}
