import { resolve } from "node:path";
import type { Command } from "commander";
import type { ReviewDecision } from "../../audit/results/decisions.ts";
import type { AuditVerdict } from "../../audit/verdict.ts";
import { ConfigError } from "../../core/errors.ts";
import { refuseOtherFile, writeResultFile } from "../../core/files.ts";
import type { AuditedSet } from "../auditing/shard-set-audit.ts";
import type { CommandContext } from "../frame.ts";

/** The files that an audit writes for people and for other programs. */
export interface ResultFlags {
  /** One HTML page. */
  readonly report?: string;
  readonly sarif?: string;
  readonly junit?: string;
}

/** Adds the flags to a command. */
export function addResultOptions(command: Command): void {
  command
    .option(
      "--report <file>",
      "write one offline HTML page with the pairs side by side, for a review by keyboard",
    )
    .option("--sarif <file>", "write the findings as SARIF 2.1.0")
    .option("--junit <file>", "write the findings as JUnit XML")
    .option(
      "--decisions <file>",
      "follow the allow/deny list that was saved on the page of --report",
    );
}

type ResultKind = keyof ResultFlags;

const kinds: readonly ResultKind[] = ["report", "sarif", "junit"];

// What the beginning of each of these files holds, so that a file of another kind is never overwritten.
const marks: Readonly<Record<ResultKind, string>> = {
  report: "<title>Leak audit ",
  sarif: '"auditDigest"',
  junit: '<testsuites name="crossweave audit"',
};

const MARK_BYTES = 4096;

/**
 * Throws RefusedError where one of the files, or the exclusion list, is there already and is not such a result, and
 * ConfigError where two results, the proof too, have one name.
 */
export async function refuseOtherResults(
  flags: ResultFlags & {
    readonly exclusions?: string | undefined;
    readonly proof?: string | undefined;
  },
): Promise<void> {
  const { exclusions, junit, proof, report, sarif } = flags;
  const { manifestFilesOf, refuseOtherThanManifest } = await import("../proving/manifest-files.ts");
  const lists = exclusions === undefined ? [] : Object.values(manifestFilesOf(exclusions));
  refuseRepeated([junit, proof, report, sarif, ...lists].filter((path) => path !== undefined));
  if (exclusions !== undefined) await refuseOtherThanManifest(exclusions);
  for (const kind of kinds) {
    const path = flags[kind];
    if (path === undefined) continue;
    await refuseOtherFile(path, {
      isEarlier: (bytes) => bytes.toString("utf8", 0, MARK_BYTES).includes(marks[kind]),
      whatItIsNot: `is no --${kind} of an audit`,
    });
  }
}

function refuseRepeated(paths: readonly string[]): void {
  const known = new Set<string>();
  for (const path of paths) {
    if (known.has(resolve(path))) {
      throw new ConfigError(`two results would be written to ${path}`, {
        file: path,
        remedy:
          "name a file for each; beside an exclusion list in JSON stands one that ends in .arrow",
      });
    }
    known.add(resolve(path));
  }
}

export interface AuditResults {
  readonly verdict: AuditVerdict;
  /** The sets that were audited, to draw their pictures from. */
  readonly sets: readonly AuditedSet[];
  readonly summary: string;
  readonly notes: readonly string[];
  readonly decisions: readonly ReviewDecision[];
  readonly version: string;
}

/** Writes the files that were asked for; gives notes on what they lack. */
export async function writeResults(
  flags: ResultFlags,
  results: AuditResults,
  context: CommandContext,
): Promise<readonly string[]> {
  const { summary, verdict, version } = results;
  if (flags.sarif !== undefined) {
    const { sarifLog } = await import("../../audit/results/sarif.ts");
    await writeResultFile(flags.sarif, [sarifLog(verdict, { summary, version })]);
  }
  if (flags.junit !== undefined) {
    const { junitReport } = await import("../../audit/results/junit.ts");
    await writeResultFile(flags.junit, [junitReport(verdict, summary)]);
  }
  return flags.report === undefined ? [] : await writePage(flags.report, results, context);
}

async function writePage(
  path: string,
  { decisions, notes, sets, summary, verdict }: AuditResults,
  context: CommandContext,
): Promise<readonly string[]> {
  const { auditPage, shownPlaces } = await import("./page-model.ts");
  const { pageThumbnails } = await import("./page-pictures.ts");
  const { renderAuditPage } = await import("../../report/audit-page/render-audit-page.ts");
  const thumbnails = await pageThumbnails(shownPlaces(verdict), sets, context);
  const { numUndrawn } = thumbnails;
  const undrawn =
    numUndrawn === 0
      ? []
      : [
          `${numUndrawn.toLocaleString("en-US")} pictures of ${path} could not be drawn as thumbnails`,
        ];
  const page = auditPage(verdict, {
    summary,
    notes: [...notes, ...undrawn],
    decisions,
    thumbnails,
  });
  await writeResultFile(path, renderAuditPage(page));
  return undrawn;
}
