import type { PublishedOverlap } from "../../ingest/exclusion/published-overlaps.ts";
import type { NamedPictures } from "../../ingest/exclusion/leak-policy.ts";
import { textTable } from "../text-table.ts";
import type { AnnotationAudit, CellReport, GroupReport } from "./annotation-report.ts";

/** A published number beside what the files here show. */
export interface PublishedNumber {
  readonly of: string;
  readonly in: string;
  readonly published: number;
  readonly source: string;
  /** Undefined where one of the two is not known here. */
  readonly found: number | undefined;
  readonly isAtLeast: boolean;
}

/** The published numbers of sets that were compared. */
export function publishedNumbers(
  overlaps: readonly PublishedOverlap[],
  groups: readonly GroupReport[],
  cells: readonly CellReport[],
): readonly PublishedNumber[] {
  return overlaps.flatMap(({ of, in: within, pictures: published, source }) => {
    const [one, other] = [groupOf(of, groups), groupOf(within, groups)];
    if (one === undefined || other === undefined) return [];
    const cell = cells.find(({ row, column }) => row === other.number && column === one.number);
    const isKnown = one.pictures > 0 && other.pictures > 0;
    const found = isKnown ? cell?.pictures : undefined;
    const isAtLeast = cell?.isAtLeast ?? false;
    return [{ of: one.name, in: other.name, published, source, found, isAtLeast }];
  });
}

function groupOf(
  wanted: Pick<NamedPictures, "dataset" | "split" | "parts">,
  groups: readonly GroupReport[],
): GroupReport | undefined {
  return groups.find(
    ({ role, members: [member, ...others] }) =>
      role !== "stated" &&
      others.length === 0 &&
      member?.dataset === wanted.dataset &&
      String(member.parts) === String(wanted.parts) &&
      (wanted.split ?? member.split) === member.split,
  );
}

/** As a table; empty where no number could be compared. */
export function publishedTable({ published }: AnnotationAudit): string {
  const rows = published
    .filter(({ found }) => found !== undefined)
    .map((one) => {
      const found = `${one.isAtLeast ? "≥ " : ""}${(one.found ?? 0).toLocaleString("en-US")}`;
      return [one.of, one.in, one.published, found, one.source];
    });
  if (rows.length === 0) return "";
  const heading = ["of", "in", "published", "here", "source"];
  return `numbers that others have published\n${textTable([heading, ...rows])}`;
}
