import type { Command } from "commander";
import { canonicalJson, sha256 } from "../../core/digest.ts";
import { writeResultFile } from "../../core/files.ts";
import {
  type AnnotationAudit,
  annotationAuditJson,
} from "../annotation-audit/annotation-report.ts";
import { annotationSummary } from "../annotation-audit/annotation-text.ts";
import { packageVersion } from "../program.ts";

/** The files that an audit of annotation files writes for other programs. */
export interface AnnotationResultFlags {
  readonly sarif?: string;
  readonly junit?: string;
  readonly exclusions?: string;
}

/** An audit with what stands beside it in every file. */
export interface SummedAudit {
  readonly audit: AnnotationAudit;
  /** SHA-256 of the canonical JSON of the audit. */
  readonly digest: string;
  readonly summary: string;
  readonly version: string;
}

const needsPictures = "it takes the pictures, and --annotations opens none";
/** Flags that mean nothing where annotation files are compared, and why. */
const refusals: Readonly<Record<string, string>> = {
  report: `it shows pairs of pictures side by side: ${needsPictures}`,
  decisions: "it decides about pairs of the page of --report",
  proof: "it is bound to shards",
  key: "it signs --proof",
  unsigned: "it is of --proof",
  against: "a hidden test set is compared with shard sets",
  through: "it names shard sets",
  calibration: `it is of the search for near-duplicates: ${needsPictures}`,
  windows: `it is of the search for near-duplicates: ${needsPictures}`,
  nearDistance: `it is of the search for near-duplicates: ${needsPictures}`,
};

/** Ends the command as misused where it is given a flag that means nothing of annotation files. */
export function refuseOtherFlags(
  command: Command,
  { exclusions, policy }: AnnotationResultFlags & { readonly policy?: string },
): void {
  for (const [name, why] of Object.entries(refusals)) {
    if (command.getOptionValueSource(name) !== "cli") continue;
    const flag = name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    command.error(`--${flag} goes with shard sets, not with --annotations: ${why}`);
  }
  if (exclusions !== undefined && policy === undefined) {
    command.error(
      "--exclusions goes with --policy where annotation files are compared: a policy says what is trained on",
    );
  }
}

/** What was asked for, and by which policy. */
interface ResultCall {
  readonly results: AnnotationResultFlags;
  readonly policy: string | undefined;
  readonly backbones: readonly string[] | undefined;
}

/** Writes the files that were asked for. */
export async function writeAnnotationResults(
  { backbones, policy, results: flags }: ResultCall,
  audit: AnnotationAudit,
): Promise<void> {
  const digest = sha256(canonicalJson(annotationAuditJson(audit)));
  const summed = { audit, digest, summary: annotationSummary(audit), version: packageVersion() };
  if (flags.sarif !== undefined) {
    const { annotationSarif } = await import("./annotation-sarif.ts");
    await writeResultFile(flags.sarif, [annotationSarif(summed)]);
  }
  if (flags.junit !== undefined) {
    const { annotationJunit } = await import("./annotation-junit.ts");
    await writeResultFile(flags.junit, [annotationJunit(summed)]);
  }
  if (flags.exclusions === undefined || policy === undefined) return;
  const { annotationExclusions } = await import("./annotation-exclusions.ts");
  const { readAuditedPolicy } = await import("../policy-audit/audited-policy.ts");
  const { writeManifest } = await import("../proving/manifest-files.ts");
  const { digest: policyDigest } = await readAuditedPolicy(policy, backbones);
  await writeManifest(flags.exclusions, annotationExclusions({ ...summed, policyDigest }));
}
