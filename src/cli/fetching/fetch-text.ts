import type { HandFiles, OfficialFile } from "../../ingest/fetch/official-files.ts";
import type { PictureSummary } from "../../ingest/fetch/web-pictures.ts";
import { escapeControls } from "../../core/text.ts";
import { formatBytes } from "../terminal/terminal-text.ts";
import { textTable } from "../text-table.ts";
import type { FetchPlan, FetchReport } from "./fetch-run.ts";

const SHOWN_MEMBERS = 5;

/** What a fetch did: a line for each official file, and how the pictures of a list ended. */
export function fetchText(report: FetchReport): string {
  return [
    ...report.files.map(fileLines),
    ...report.byHand.map(handLines),
    ...report.pictures.map(pictureLines),
    ...leftOutLines(report.picturesLeftOut),
  ].join("\n");
}

function fileLines({ to, url, fetched, unpacked, failure }: OfficialFile): string {
  const lines = [];
  if (fetched !== undefined) {
    const { outcome, sizeBytes, proof } = fetched;
    const against = proof === "nothing" ? "" : `, compared with ${proof}`;
    lines.push(`${outcome}: ${to} (${formatBytes(sizeBytes)}${against})`);
  } else if (failure === undefined) lines.push(`there already: ${to}, unpacked and removed`);
  if (unpacked !== undefined) {
    const { numFiles, sizeBytes, numLeftOut, leftOut } = unpacked;
    lines.push(`  unpacked: ${numFiles.toLocaleString("en")} files (${formatBytes(sizeBytes)})`);
    if (numLeftOut > 0) lines.push(`  left out: ${numLeftOut.toLocaleString("en")} members`);
    for (const { member, code, message } of leftOut.slice(0, SHOWN_MEMBERS))
      lines.push(`    ${member}: ${code}: ${message}`);
  }
  if (failure !== undefined) {
    const { code, message, isFinal } = failure;
    lines.push(
      `failed: ${to}: ${code}: ${escapeControls(message)}`,
      `  ${isFinal ? remedyOf(code) : "the same command tries again"} (${url})`,
    );
  }
  return lines.join("\n");
}

function remedyOf(code: string): string {
  if (code === "NET_HASH_MISMATCH")
    return "if the change is meant, add --trust-new; remove a file that is in the way";
  if (code === "NET_STATUS")
    return "its publisher has moved it: look at the dataset's page, or name a --mirror";
  if (code.startsWith("ARC_"))
    return "nothing more of the archive is unpacked; report it to its publisher";
  return "the same command would fail again";
}

function handLines({ dataset, what, page, why, missing, files }: HandFiles): string {
  if (missing.length === 0) return `there already: ${what} (${files.join(", ")})`;
  return [
    `by hand: ${dataset}: ${what}: ${why}`,
    `  ask at ${page}, then put them where they belong: ${missing.join(", ")}`,
  ].join("\n");
}

function pictureLines(summary: PictureSummary): string {
  const { dataset, numUrls, numFetched, numThere, numFinal, numLater, outcomes, repeated } =
    summary;
  const lines = [
    `pictures of ${dataset}: ${count(numUrls)} URLs: ${count(numFetched)} fetched, ${count(numThere)} there already, ${count(numFinal)} not to be had, ${count(numLater)} for the next run`,
    textTable(
      outcomes
        .filter(({ code }) => code !== "")
        .map((outcome) => [
          `  ${outcome.code}`,
          outcome.count,
          outcome.state === "later" ? "tried again by the same command" : "final",
        ]),
    ),
    `  one line a URL: ${summary.resultsFile}`,
  ];
  for (const { sha256, count: numUrlsOfIt, url } of repeated)
    lines.push(
      `  the same picture under ${count(numUrlsOfIt)} URLs, perhaps a placeholder: ${sha256} (${escapeControls(url)})`,
    );
  return lines.filter((line) => line !== "").join("\n");
}

function count(value: number): string {
  return value.toLocaleString("en");
}

function leftOutLines(archives: readonly string[]): string[] {
  if (archives.length === 0) return [];
  return [`left out: picture archives: ${archives.join(", ")}; --with-pictures fetches them`];
}

/** What a fetch would do. */
export function planText({ folder, planned, lists, byHand, picturesLeftOut }: FetchPlan): string {
  const rows = planned.map(({ url, to, sizeBytes, isThere }) => [
    isThere ? "there already" : "fetch",
    to,
    sizeBytes === null ? "size unknown" : formatBytes(sizeBytes),
    url,
  ]);
  return [
    `in ${folder}:`,
    ...(rows.length === 0 ? [] : [textTable(rows)]),
    ...lists.map(({ list, numUrls }) => `fetch  ${count(numUrls)} URLs of ${list}`),
    ...byHand.map(handLines),
    ...leftOutLines(picturesLeftOut),
  ].join("\n");
}
