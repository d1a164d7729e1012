import { textTable } from "../text-table.ts";
import type { AnnotationAudit, CellReport } from "./annotation-report.ts";
import { ruleText } from "./rule-text.ts";

/** Every two parts, and every two datasets, that share pictures, once, the smaller one first. */
export function pairTable({ cells, groups }: AnnotationAudit): string {
  const isWhole = (group: number): boolean => groups[group]?.role === "whole";
  const rows = cells
    .filter(({ row, column, pictures }) => pictures > 0 && isWhole(row) === isWhole(column))
    .filter((cell) => isSmallerFirst(cell, groups))
    .map(({ row, column, pictures, byRule, isAtLeast }) => {
      const [one, other] = [groups[column], groups[row]];
      const shared = `${isAtLeast ? "≥ " : ""}${pictures.toLocaleString("en-US")}`;
      return [
        one?.name ?? "",
        one?.pictures ?? 0,
        shared,
        other?.name ?? "",
        other?.pictures ?? 0,
        ruleText(byRule),
      ];
    });
  if (rows.length === 0) return "";
  return textTable([["of", "pictures", "there are", "in", "pictures", "by"], ...rows]);
}

function isSmallerFirst({ row, column }: CellReport, groups: AnnotationAudit["groups"]): boolean {
  const [inColumn, inRow] = [groups[column]?.pictures ?? 0, groups[row]?.pictures ?? 0];
  return inColumn < inRow || (inColumn === inRow && column < row);
}
