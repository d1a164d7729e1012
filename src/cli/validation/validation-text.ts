import { escapeControls } from "../../core/text.ts";
import { isRemote } from "../../shards/remote/location.ts";
import type { ValidationFault } from "../../shards/validation/faults.ts";
import type { TimedReport } from "../commands/validate.ts";
import { formatBytes, formatDuration } from "../terminal/terminal-text.ts";
import { styled } from "../terminal/text-style.ts";

/** A validation as a person reads it: the verdict, what was looked at, and the faults with their places. */
export function validationText(report: TimedReport): string {
  const { isValid, numFaults, folder, faults } = report;
  const verdict = isValid
    ? styled("green", "valid")
    : styled("red", `invalid: ${counted(numFaults, "fault")}`);
  const lines = [`${escapeControls(folder)}: ${verdict}`, `checked ${workText(report)}`];
  const { repaired } = report;
  if (repaired.length > 0) lines.push(`made again: ${repaired.map(escapeControls).join(", ")}`);
  if (report.digest !== null) lines.push(`set ${report.digest}`);
  lines.push(...faults.map((fault) => faultText(fault)));
  const numUnlisted = numFaults - faults.length;
  if (numUnlisted > 0) lines.push(`… and ${counted(numUnlisted, "more fault")}`);
  if (!isValid) lines.push(`next: ${remedyText(report)}`);
  return lines.join("\n");
}

function remedyText({ folder, digest }: TimedReport): string {
  if (isRemote(folder)) return "upload the set again, from a folder that validates";
  const again = "build the set again with crossweave prepare … --fresh";
  // Without its index, nobody knows what the files should be.
  return digest === null
    ? `bring index.json back, or ${again}`
    : `crossweave validate ${escapeControls(folder)} --repair --source …, or ${again}`;
}

function workText({ checked, seconds }: TimedReport): string {
  const decoded =
    checked.numDecoded === checked.numPictures
      ? "all decoded"
      : `${checked.numDecoded.toLocaleString("en-US")} decoded`;
  const rate = formatBytes(Math.round(checked.sizeBytes / Math.max(seconds, 0.001)));
  return [
    `${formatBytes(checked.sizeBytes)} in ${counted(checked.numFiles, "file")}`,
    counted(checked.numScenes, "scene"),
    `${counted(checked.numPictures, "picture")} (${decoded})`,
    counted(checked.numTexts, "text"),
    counted(checked.numLedgerRows, "ledger row"),
    `in ${seconds < 10 ? `${seconds.toFixed(1)} s` : formatDuration(seconds)} (${rate}/s)`,
  ].join(", ");
}

function counted(count: number, noun: string): string {
  return `${count.toLocaleString("en-US")} ${noun}${count === 1 ? "" : "s"}`;
}

function faultText({ file, batch, row, message }: ValidationFault): string {
  const place = [file, batch === null ? "" : `batch ${batch}`, row === null ? "" : `row ${row}`]
    .filter((part) => part !== "")
    .join(", ");
  return `  ${escapeControls(place)}: ${escapeControls(message)}`;
}
