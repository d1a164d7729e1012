import {
  type CalibrationCounts,
  CONFIDENCE,
  figuresOf,
  type MeasuredShare,
} from "../../audit/calibration/calibration.ts";
import { perMillionText } from "../../audit/verdict-text.ts";
import { escapeControls } from "../../core/text.ts";
import { textTable } from "../text-table.ts";
import type { DrawnPictures } from "./own-pictures.ts";

const SURE = `${CONFIDENCE * 100} %`;
const MAX_NAMED = 10;

/** The threshold and what holds at it, in one sentence. */
export function calibrationSummary(counts: CalibrationCounts): string {
  const { falseVerified, verified } = figuresOf(counts);
  return `within ${counts.settings["wholeDistance"]} of 256 bits: recall >= ${floored(verified.lowerBound)} (${SURE}), <= ${perMillionText(falseVerified.upperBound)} false verified pairs per million pairs (${SURE})`;
}

/** A calibration for a person: what was measured for each transform, at each distance, and between different pictures. */
export function calibrationReport(counts: CalibrationCounts, drawn: DrawnPictures): string {
  return [
    drawnText(counts),
    transformTable(counts),
    distanceTable(counts),
    differentText(counts),
    ...lookText(counts),
    ...passedOver("passed over, they do not decode", drawn.unreadable),
    ...passedOver("passed over, the same picture was drawn before", drawn.repeated),
    calibrationSummary(counts),
  ].join("\n\n");
}

function drawnText({ pictures, seed, transforms }: CalibrationCounts): string {
  const { drawn, notComparable, offered } = pictures;
  const flat =
    notComparable === 0
      ? ""
      : `; ${number(notComparable)} of them have too little in them to be compared, and nothing was planted of these`;
  return `${number(drawn)} of ${number(offered)} pictures drawn with seed ${seed}, ${transforms.length} copies planted of each${flat}.`;
}

function transformTable(counts: CalibrationCounts): string {
  const figures = figuresOf(counts);
  return textTable([
    ["transform", "copies", "found by hash", "verified", "recall", `at least (${SURE})`],
    ...figures.transforms.map((share, at) =>
      transformRow(share.name, counts.transforms[at]?.found ?? 0, share),
    ),
    transformRow("all", figures.found.hits, figures.verified),
  ]);
}

function transformRow(
  name: string,
  found: number,
  { hits, lowerBound, share, tried }: MeasuredShare,
): readonly (string | number)[] {
  return [name, tried, found, hits, percent(share), percent(lowerBound)];
}

function distanceTable({ byDistance, different }: CalibrationCounts): string {
  return textTable([
    ["within bits", "found by hash", "verified", "false candidates", "false verified"],
    ...byDistance.map(({ candidates, copiesVerified, distance, found, verified }) => [
      distance,
      found,
      copiesVerified,
      candidates,
      verified,
    ]),
    ["of", "", "", different.pairs, different.pairs],
  ]);
}

function differentText({ different, distances }: CalibrationCounts): string {
  const { histogram, pairs } = distances;
  const nearest = histogram[0]?.[0] ?? 256;
  const compared = `${number(different.pairs)} pairs of different pictures`;
  return `${compared}, each with all copies of both: ${number(different.candidates)} false candidates, ${number(different.verified)} verified. Nearest views of the pictures themselves: ${nearest} bits apart at least, ${quantile(distances, 0.01)} or less for 1 % and ${quantile(distances, 0.5)} for half of ${number(pairs)} pairs.`;
}

function quantile({ histogram, pairs }: CalibrationCounts["distances"], share: number): number {
  let seen = 0;
  for (const [bits, count] of histogram) {
    seen += count;
    if (seen >= share * pairs) return bits;
  }
  return 256;
}

function lookText(counts: CalibrationCounts): readonly string[] {
  const { numToLookAt, toLookAt } = counts;
  if (numToLookAt === 0) return [];
  const { falseVerifiedAtWorst } = figuresOf(counts);
  const lines = toLookAt
    .slice(0, MAX_NAMED)
    .map(({ agreement, correlation, distanceBits, one, other }) =>
      escapeControls(
        `  ${one} and ${other}: correlation ${correlation}, agreement ${agreement}, ${distanceBits} bits apart`,
      ),
    );
  const more =
    numToLookAt > lines.length ? [`  … and ${number(numToLookAt - lines.length)} more`] : [];
  const head = `To look at: ${number(numToLookAt)} ${numToLookAt === 1 ? "pair is" : "pairs are"} copies of one another as they are, by what the audit says; they count neither way. If none of them were, the bound would be ${perMillionText(falseVerifiedAtWorst.upperBound)} per million.`;
  return [[head, ...lines, ...more].join("\n")];
}

function passedOver(why: string, names: readonly string[]): readonly string[] {
  if (names.length === 0) return [];
  const lines = names.slice(0, MAX_NAMED).map((name) => `  ${escapeControls(name)}`);
  const more =
    names.length > lines.length ? [`  … and ${number(names.length - lines.length)} more`] : [];
  return [[`${number(names.length)} ${why}:`, ...lines, ...more].join("\n")];
}

/** Never more than was measured. */
function floored(share: number): string {
  return (Math.floor(share * 1000) / 1000).toFixed(3);
}

function percent(share: number): string {
  return `${(Math.floor(share * 1000) / 10).toFixed(1)} %`;
}

function number(value: number): string {
  return value.toLocaleString("en-US");
}
