import type { Command } from "commander";
import type { JsonValue } from "../../core/digest.ts";
import { escapeControls } from "../../core/text.ts";
import {
  type AnnotationResultFlags,
  refuseOtherFlags,
} from "../annotation-results/result-flags.ts";
import { runCommand, type CommandContext, type CommandOutcome } from "../frame.ts";
import { collect } from "../program.ts";
import { shellWord } from "../terminal/shell-word.ts";

/** The flags of `crossweave audit` by which it reads annotation files instead of shard sets. */
export interface AnnotationFlags extends AnnotationResultFlags {
  readonly annotations?: string;
  readonly policy?: string;
  readonly backbone?: readonly string[];
  /** False with --no-texts. */
  readonly texts?: boolean;
  readonly dryRun?: true;
}

/** Adds them. */
export function addAnnotationOptions(command: Command): Command {
  return command
    .option(
      "--annotations <folder>",
      "instead of sets: compare what the official annotation files in a folder list; no picture is opened",
    )
    .option(
      "--policy <name>",
      "what is trained and evaluated on: none, uniter, soho, visual-parsing, vilt, strict or a .json file; without it sets go by their recipes, and of --annotations every part is compared with every other",
    )
    .option(
      "--backbone <name>",
      "with --policy: what the backbone had seen, instead of the policy's own: imagenet, vg-butd, coco-detection, coco-detection-2014 or a .json file; may be given several times",
      collect,
    );
}

/** Runs the audit of a folder of annotation files. */
export function runAnnotationAudit(
  command: Command,
  folder: string,
  flags: AnnotationFlags,
): Promise<void> {
  refuseOtherFlags(command, flags);
  const { policy, backbone: backbones, dryRun, texts } = flags;
  const results = dryRun === true ? {} : flags;
  const activity = `comparing the pictures that the annotation files of ${folder} list`;
  return runCommand({ command, activity }, (context) =>
    audit({ folder, policy, backbones, withTexts: texts !== false, results }, context),
  );
}

interface AnnotationCall {
  readonly folder: string;
  readonly policy: string | undefined;
  readonly backbones: readonly string[] | undefined;
  readonly withTexts: boolean;
  readonly results: AnnotationResultFlags;
}

const exitCodeOf = { clean: 0, leaking: 20, unchecked: 2 } as const;

async function audit(
  call: AnnotationCall,
  context: CommandContext,
): Promise<CommandOutcome<JsonValue>> {
  const { auditAnnotations } = await import("./audit-annotations.ts");
  const { annotationAuditJson } = await import("./annotation-report.ts");
  const { annotationAuditText, annotationSummary } = await import("./annotation-text.ts");
  const { refuseOtherResults } = await import("../audit-report/result-files.ts");
  const { exclusions: file } = call.results;
  await refuseOtherResults(call.results);
  const found = await auditAnnotations({ ...call, withExclusions: file !== undefined }, context);
  const { writeAnnotationResults } = await import("../annotation-results/result-files.ts");
  await writeAnnotationResults(call, found);
  const next = file === undefined ? "" : exclusionText(file, found.exclusions?.length ?? 0);
  return {
    result: {
      summary: annotationSummary(found),
      ...annotationAuditJson(found),
      exclusionsFile: file ?? null,
    },
    text: [annotationAuditText(found), next].filter(Boolean).join("\n\n"),
    exitCode: exitCodeOf[found.outcome],
  };
}

function exclusionText(file: string, numPictures: number): string {
  const pictures = `${numPictures.toLocaleString("en-US")} training picture${numPictures === 1 ? "" : "s"}`;
  return [
    `${escapeControls(file)} names ${pictures} to leave out: those that the policy leaves out, and those that are evaluated on`,
    `next: crossweave prepare … --exclude ${shellWord(escapeControls(file))}`,
  ].join("\n");
}
