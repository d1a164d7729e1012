import { escapeControls } from "../../core/text.ts";
import { textTable } from "../text-table.ts";
import type { AnnotationAudit, CellReport, GroupReport } from "./annotation-report.ts";
import { pairTable } from "./pair-text.ts";
import { publishedTable } from "./published-numbers.ts";
import { ruleText } from "./rule-text.ts";
import { spellingTable } from "./spelling-text.ts";
import { textsText } from "../annotation-texts/texts-text.ts";

const MAX_CHAINS = 12;

/** An audit of annotation files as a person reads it. */
export function annotationAuditText(audit: AnnotationAudit): string {
  const parts =
    audit.policy === undefined
      ? [sentence(audit), pairTable(audit), spellingTable(audit)]
      : [
          sentence(audit),
          trainingTable(audit),
          evaluationTable(audit),
          ...audit.backbones.map((backbone) => backboneText(audit, backbone)),
          chainText(audit),
          spellingTable(audit),
        ];
  return [
    ...parts,
    ...textsText(audit),
    publishedTable(audit),
    statedText(audit),
    unknownText(audit),
    scopeText(audit),
  ]
    .filter(Boolean)
    .join("\n\n");
}

/** The audit in one sentence that says against what. */
export function annotationSummary(audit: AnnotationAudit): string {
  const { outcome, policy } = audit;
  const known = groupsOf(audit, audit.evaluations).filter(({ pictures }) => pictures > 0);
  const against = `${count(known.length, "evaluation split")} that ${known.length === 1 ? "is" : "are"} known here`;
  const numUnknown = audit.evaluations.length - known.length;
  const unknown = numUnknown === 0 ? "" : `; ${numUnknown} more are not known here`;
  if (outcome === "unchecked") {
    return "nothing could be compared: the folder lists no training pictures, or no evaluation pictures";
  }
  if (policy === undefined) {
    return outcome === "leaking"
      ? `training and evaluation parts of the datasets here share pictures, of ${against}${unknown}`
      : `no training part of the datasets here has a picture of the ${against}${unknown}, by names in annotation files`;
  }
  const hit = known.filter(({ number }) => keptIn(audit, number) > 0);
  const name = `the policy ${escapeControls(policy.name)}`;
  const seen = groupsOf(
    audit,
    audit.backbones.flatMap(({ groups }) => groups),
  );
  const [were, was] = seen.length === 0 ? ["", ""] : [saw("were"), saw("was")];
  return outcome === "leaking"
    ? `by ${name} pictures of ${hit.length} of the ${against} are trained on${were}${unknown}`
    : `by ${name} no picture of the ${against} is trained on${was}, by names in annotation files${unknown}`;
}

function saw(verb: string): string {
  return ` or ${verb} seen by its backbone before`;
}

function sentence(audit: AnnotationAudit): string {
  const text = annotationSummary(audit);
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

function groupsOf({ groups }: AnnotationAudit, numbers: readonly number[]): readonly GroupReport[] {
  return numbers.flatMap((number) => groups[number] ?? []);
}

function cellOf({ cells }: AnnotationAudit, row: number, column: number): CellReport | undefined {
  return cells.find((cell) => cell.row === row && cell.column === column);
}

/** The row that stands for all training sets. */
function wholeRow({ allTraining, training }: AnnotationAudit): number {
  return allTraining ?? training[0] ?? 0;
}

/** Pictures of an evaluation split that are trained on or were seen after what the policy leaves out. */
function keptIn(audit: AnnotationAudit, column: number): number {
  const rows = [wholeRow(audit), ...audit.backbones.flatMap(({ groups }) => groups)];
  return Math.max(0, ...rows.map((row) => cellOf(audit, row, column)?.kept ?? 0));
}

function trainingTable(audit: AnnotationAudit): string {
  const leavesOut = audit.leftOut !== undefined;
  const rows = groupsOf(audit, audit.training).map((group, at) => [
    `[${at + 1}]`,
    group.name,
    group.pictures === 0 ? "not known" : group.pictures,
    ...(leavesOut ? [ruleText(group.leftOut) || "none"] : []),
    group.because,
  ]);
  const heading = ["", "trained on", "pictures", ...(leavesOut ? ["left out by the policy"] : [])];
  return textTable([[...heading, "where it is said"], ...rows]);
}

function evaluationTable(audit: AnnotationAudit): string {
  const known = groupsOf(audit, audit.evaluations).filter(({ pictures }) => pictures > 0);
  const shown = groupsOf(audit, audit.training).filter(({ pictures }) => pictures > 0);
  const hasSum = audit.allTraining !== undefined;
  const leavesOut = audit.leftOut !== undefined;
  const numberOf = (group: GroupReport): string => `[${audit.training.indexOf(group.number) + 1}]`;
  const whole = wholeRow(audit);
  const rows = known.map((column) => {
    const sum = cellOf(audit, whole, column.number);
    return [
      column.name,
      column.pictures,
      ...shown.map((row) => cellText(cellOf(audit, row.number, column.number), column)),
      ...(hasSum ? [cellText(sum, column)] : []),
      ...(leavesOut ? [keptText(sum)] : []),
      sum === undefined ? "" : ruleText(sum.byRule),
    ];
  });
  const heading = ["evaluation split", "pictures", ...shown.map(numberOf)];
  const more = [...(hasSum ? ["in any"] : []), ...(leavesOut ? ["with the policy"] : []), "by"];
  return textTable([[...heading, ...more], ...rows]);
}

function cellText(cell: CellReport | undefined, { pictures: total }: GroupReport): string {
  if (cell === undefined) return "";
  const least = cell.isAtLeast ? "≥ " : "";
  return `${least}${cell.pictures.toLocaleString("en-US")}${shareText(cell.pictures, total)}`;
}

function keptText(cell: CellReport | undefined): string {
  if (cell === undefined) return "";
  return `${cell.isAtLeast ? "≥ " : ""}${cell.kept.toLocaleString("en-US")}`;
}

function shareText(number: number, total: number): string {
  if (number === 0) return "";
  const percent = ((100 * number) / total).toFixed(1);
  return percent === "0.0" ? " (< 0.1 %)" : ` (${percent} %)`;
}

function backboneText(
  audit: AnnotationAudit,
  { name, untold, groups }: AnnotationAudit["backbones"][number],
): string {
  const lines = groupsOf(audit, groups).flatMap((row) => {
    if (row.pictures === 0) return [`${row.name}: not known here (${row.lacks ?? ""})`];
    const hits = groupsOf(audit, audit.evaluations).flatMap((column) => {
      const cell = cellOf(audit, row.number, column.number);
      return cell === undefined || cell.pictures === 0
        ? []
        : [[column.name, column.pictures, cellText(cell, column), ruleText(cell.byRule)]];
    });
    const what = `${row.name} (${row.pictures.toLocaleString("en-US")} pictures)`;
    if (hits.length === 0) return [`${what}: saw no picture of the evaluation splits known here`];
    return [
      `${what} had seen:`,
      textTable([["evaluation split", "pictures", "seen", "by"], ...hits]),
    ];
  });
  return [
    `backbone ${name}, as declared`,
    ...lines,
    ...untold.map((what) => `not known: ${what}`),
  ].join("\n");
}

function chainText(audit: AnnotationAudit): string {
  const rows = new Set([...audit.training, ...audit.backbones.flatMap(({ groups }) => groups)]);
  const lines = audit.cells
    .filter(({ row }) => rows.has(row))
    .flatMap(({ row, column, chains: [chain] }) => {
      if (chain === undefined || chain.steps.length === 0) return [];
      const names = `${audit.groups[column]?.name ?? ""} in ${audit.groups[row]?.name ?? ""}`;
      const steps = chain.steps.map(({ evidence }) => `    ${evidence}`);
      return [[`  ${names}: ${chain.train.picture} is ${chain.eval.picture}`, ...steps].join("\n")];
    });
  if (lines.length === 0) return "";
  const shown = lines.slice(0, MAX_CHAINS).map(escapeLines);
  const more = lines.length > MAX_CHAINS ? [`  … --json gives ${lines.length} and more`] : [];
  return ["one picture of each, and how it is the same", ...shown, ...more].join("\n");
}

function escapeLines(text: string): string {
  return text.split("\n").map(escapeControls).join("\n");
}

function statedText({ stated }: AnnotationAudit): string {
  if (stated === undefined) return "";
  const { pictures, parts, alsoByName, needed } = stated;
  const where = parts.map((part) => `${part.pictures} in ${part.name}`).join(", ");
  const names =
    alsoByName === undefined
      ? ""
      : `; a name shows it of ${alsoByName === 0 ? "none" : alsoByName}`;
  return [
    `stated to have the bytes of a Flickr30K picture, not of which: ${count(pictures, "COCO picture")} (${where || "in no part compared here"})${names}`,
    `  to see which, prepare sets with the pictures of ${needed.join(", ")} and audit these`,
  ].join("\n");
}

function unknownText(audit: AnnotationAudit): string {
  const named = [
    ...audit.evaluations,
    ...audit.training,
    ...(audit.leftOut === undefined ? [] : [audit.leftOut]),
  ];
  const byLack = new Map<string, string[]>();
  for (const { name, pictures, lacks } of groupsOf(audit, named)) {
    if (lacks === undefined) continue;
    const names = byLack.get(lacks) ?? [];
    byLack.set(lacks, [...names, pictures > 0 ? `${name} in part` : name]);
  }
  const lines = Array.from(byLack, ([lack, names]) =>
    escapeControls(`  ${names.join(", ")} (${lack})`),
  );
  if (lines.length === 0) return "";
  return ["not known here, and so never counted as free of leaks", ...lines].join("\n");
}

function scopeText(audit: AnnotationAudit): string {
  const untold = groupsOf(audit, audit.evaluations).reduce((sum, group) => sum + group.untold, 0);
  const least =
    untold === 0
      ? ""
      : `; "≥" because of ${count(untold, "evaluation picture")} no file tells the photo or the links`;
  return `compared: keys, linked keys, Flickr photos and addresses of ${count(audit.files.length, "annotation file")}; no picture was opened, so that copies under other names are not found${least}`;
}

function count(number: number, noun: string): string {
  return `${number.toLocaleString("en-US")} ${noun}${number === 1 ? "" : "s"}`;
}
