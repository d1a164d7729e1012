import { canonicalJson, sha256 } from "../../core/digest.ts";
import { writeResultFile } from "../../core/files.ts";
import {
  type AnnotationAudit,
  annotationAuditJson,
} from "../annotation-audit/annotation-report.ts";
import { annotationSummary } from "../annotation-audit/annotation-text.ts";
import { packageVersion } from "../program.ts";
import type { AnnotationResultFlags } from "./result-flags.ts";

/** An audit with what stands beside it in every file. */
export interface SummedAudit {
  readonly audit: AnnotationAudit;
  /** SHA-256 of the canonical JSON of the audit. */
  readonly digest: string;
  readonly summary: string;
  readonly version: string;
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
