import type { MappingReport } from "../../models/exchange/mapping.ts";
import { escapeControls } from "../../core/text.ts";

/** What became of each tensor and of each weight; every name that is left over on either side. */
export function reportText(report: MappingReport): string {
  const { derived, fitted, folded, layout, loaded, missing, outside, unused } = report;
  return [
    `by the names of ${layout}: ${loaded.length} weights`,
    ...listed("in the model and not in the file", missing),
    ...listed("in the file and taken by no weight", unused),
    ...listed("in the file, but follow from others or from the configuration", derived),
    ...listed(
      "in the model, and no names of this layout: they start as they would without it",
      outside,
    ),
    ...listed("fitted to the model's size", fitted),
    ...listed("added to every row of another weight, as the model has no such table", folded),
  ].join("\n");
}

function listed(what: string, names: readonly string[]): string[] {
  if (names.length === 0) return [];
  return [`${names.length} ${what}:`, ...names.map((name) => `  ${escapeControls(name)}`)];
}
