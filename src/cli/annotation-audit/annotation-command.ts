import type { Command } from "commander";
import type { JsonValue } from "../../core/digest.ts";
import { runCommand, type CommandContext, type CommandOutcome } from "../frame.ts";
import { collect } from "../program.ts";

/** The flags of `crossweave audit` by which it reads annotation files instead of shard sets. */
export interface AnnotationFlags {
  readonly annotations?: string;
  readonly policy?: string;
  readonly backbone?: readonly string[];
  /** False with --no-texts. */
  readonly texts?: boolean;
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
  { policy, backbone: backbones, texts }: AnnotationFlags,
): Promise<void> {
  const activity = `comparing the pictures that the annotation files of ${folder} list`;
  return runCommand({ command, activity }, (context) =>
    audit({ folder, policy, backbones, withTexts: texts !== false }, context),
  );
}

interface AnnotationCall {
  readonly folder: string;
  readonly policy: string | undefined;
  readonly backbones: readonly string[] | undefined;
  readonly withTexts: boolean;
}

const exitCodeOf = { clean: 0, leaking: 20, unchecked: 2 } as const;

async function audit(
  call: AnnotationCall,
  context: CommandContext,
): Promise<CommandOutcome<JsonValue>> {
  const { auditAnnotations } = await import("./audit-annotations.ts");
  const { annotationAuditJson } = await import("./annotation-report.ts");
  const { annotationAuditText, annotationSummary } = await import("./annotation-text.ts");
  const found = await auditAnnotations(call, context);
  return {
    result: { summary: annotationSummary(found), ...annotationAuditJson(found) },
    text: annotationAuditText(found),
    exitCode: exitCodeOf[found.outcome],
  };
}
