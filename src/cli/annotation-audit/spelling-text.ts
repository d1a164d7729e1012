import { usedSpellings } from "../../audit/crosswalk/name-spellings.ts";
import { textTable } from "../text-table.ts";
import type { AnnotationAudit } from "./annotation-report.ts";

/** How names did as evidence, where hashes that came with the annotations can tell. */
export function spellingTable({ spellings }: AnnotationAudit): string {
  const rows = spellings
    .filter(({ pairs }) => pairs > 0)
    .map(({ parts, spelling, pairs, added, confirmed, contradicted, unknown }) => [
      parts.join(" x "),
      `${spelling === "Flickr photo" ? "" : "address "}${spelling}`,
      pairs,
      added,
      confirmed,
      contradicted,
      unknown,
      usedSpellings.has(spelling) ? "yes" : spelling === "without query" ? "no" : "in canonical",
    ]);
  if (rows.length === 0) return "";
  const heading = [
    "parts",
    "name",
    "pairs",
    "adds",
    "confirmed",
    "contradicted",
    "no hash",
    "used",
  ];
  const title = "names against the perceptual hashes that came with the annotations";
  return `${title}\n${textTable([heading, ...rows])}`;
}
