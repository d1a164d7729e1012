import type { AnnotationAudit } from "../../../../src/cli/annotation-audit/annotation-report.ts";
import type { NamedPictures } from "../../../../src/ingest/exclusion/leak-policy.ts";
import type { Truth } from "./photo-world.ts";

/** A cell that an audit counted, and what truly is. */
export interface CheckedCell {
  readonly of: string;
  readonly in: string;
  readonly found: number;
  readonly truly: number;
}

/** Every cell of the audit beside the truth of the world. */
export function checkedCells(audit: AnnotationAudit, truth: Truth): readonly CheckedCell[] {
  return audit.cells.map(({ row, column, pictures }) => {
    const [one, other] = [audit.groups[column], audit.groups[row]];
    return {
      of: one?.name ?? "",
      in: other?.name ?? "",
      found: pictures,
      truly: truth.shared(truePartsOf(one?.members, truth), truePartsOf(other?.members, truth)),
    };
  });
}

/** The parts of the truth that pictures are named by. */
export function truePartsOf(
  members: readonly Pick<NamedPictures, "dataset" | "parts" | "split">[] | undefined,
  truth: Truth,
): readonly string[] {
  return (members ?? []).flatMap(({ dataset, split, parts }) => {
    const named = split === "Karpathy split" || split === "Entities split" ? ` (${split})` : "";
    return parts === "everything"
      ? truth.names.filter((name) => name.split(" ")[0] === dataset)
      : parts.map((part) => `${dataset}${named} ${part}`);
  });
}
