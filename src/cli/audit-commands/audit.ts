import { dirname } from "node:path";
import type { Command } from "commander";
import type { Calibration } from "../../audit/calibration/calibration-file.ts";
import type { AuditVerdict } from "../../audit/verdict.ts";
import type { JsonValue } from "../../core/digest.ts";
import { escapeControls } from "../../core/text.ts";
import {
  addAnnotationOptions,
  type AnnotationFlags,
  runAnnotationAudit,
} from "../annotation-audit/annotation-command.ts";
import { runCommand, type CommandContext, type CommandOutcome } from "../frame.ts";
import {
  addCalibrationOption,
  addNearOptions,
  nearChoiceOf,
  type NearFlags,
} from "../auditing/near-flags.ts";
import { addExamples, collect, packageVersion } from "../program.ts";
import type { NearChoice } from "../auditing/near-audit.ts";
import type { AuditedSet } from "../auditing/shard-set-audit.ts";
import { addResultOptions, type ResultFlags } from "../audit-report/result-files.ts";
import type { AuditedPolicy } from "../policy-audit/audited-policy.ts";
import type { ProofFlags, WrittenProof } from "../proving/proof-writing.ts";
import { shellWord } from "../terminal/shell-word.ts";

/** Adds `crossweave audit`. */
export function addAuditCommand(program: Command): void {
  const command = program
    .command("audit")
    .description(
      "Compare every training picture with every evaluation picture of the sets: key, Flickr photo, URL, bytes, pixels, and copies that were scaled, cropped, turned or edited.",
    )
    .argument(
      "[set...]",
      "folders of shard sets, or https://… or s3://…; all are compared with one another",
    )
    .option(
      "--exclusions <file>",
      "write the training pictures that have to go, for crossweave prepare --exclude: as JSON, and beside it as an Arrow file",
    )
    .option(
      "--proof <file>",
      "where nothing leaks: write what was compared, signed, and put it into the sets",
    )
    .option("--key <file>", "the private key that signs --proof; crossweave proof keygen makes one")
    .option("--unsigned", "with --proof: sign nothing, so that nobody vouches for it")
    .option("--no-bind", "with --proof: leave the folders of the sets as they are")
    .option(
      "--against <file>",
      "a hidden test set by its hashes, of crossweave hashes export; repeatable",
      collect,
    )
    .option(
      "--through <set...>",
      "sets on neither side, through whose pictures a training picture may be an evaluation picture",
    )
    .option("--no-texts", "compare pictures alone, and say so in the verdict")
    .option("--dry-run", "compare, but write no file")
    .action((folders: readonly string[], options: AuditFlags) => {
      if (options.annotations !== undefined && folders.length === 0) {
        return runAnnotationAudit(command, options.annotations, options);
      }
      requireSets(command, folders, options);
      return runCommand(
        {
          command,
          activity: `comparing the pictures of ${folders.join(", ")}`,
          writesTo: options.exclusions === undefined ? undefined : dirname(options.exclusions),
        },
        (context) => audit(auditCallOf(folders, options), context),
      );
    });
  addResultOptions(command);
  addNearOptions(command);
  addCalibrationOption(command);
  addAnnotationOptions(command);
  addExamples(command, [
    "crossweave audit shards/coco",
    "crossweave audit shards/coco shards/coco-fit --exclusions exclusions.json",
    "crossweave audit shards/coco --proof proof.json --key keys/audit",
    "crossweave audit shards/coco --against hidden-test.hashes",
    "crossweave audit --annotations downloads --policy soho",
    "crossweave audit --annotations downloads --policy uniter --exclusions uniter.json",
    "crossweave audit shards/coco shards/coco-fit --policy uniter",
  ]);
}

/** Ends the command as misused unless it has sets, no --annotations, and a policy where a backbone is declared. */
function requireSets(
  command: Command,
  folders: readonly string[],
  { annotations, policy, backbone, calibration, near }: AuditFlags,
): void {
  if (annotations !== undefined) {
    command.error("--annotations compares annotation files, and sets are named as well");
  }
  if (backbone !== undefined && policy === undefined) {
    command.error("--backbone goes with --policy");
  }
  if (folders.length === 0) command.error("no shard set is named, and no --annotations");
  if (near === false && calibration !== undefined) {
    command.error("--calibration says how near-duplicates are found, and --no-near looks for none");
  }
}

interface AuditFlags extends ProofFlags, ResultFlags, AnnotationFlags, NearFlags {
  readonly exclusions?: string;
  readonly against?: readonly string[];
  /** A person's allow/deny list. */
  readonly decisions?: string;
  readonly through?: readonly string[];
  /** Of crossweave calibrate. */
  readonly calibration?: string;
  /** False with --no-texts. */
  readonly texts?: boolean;
  readonly dryRun?: true;
}

function exclusionsFileOf({ dryRun, exclusions }: AuditFlags): string | undefined {
  return dryRun === true ? undefined : exclusions;
}

function auditCallOf(folders: readonly string[], options: AuditFlags): AuditCall {
  return {
    folders,
    exclusionsFile: exclusionsFileOf(options),
    near: nearChoiceOf(options),
    through: options.through,
    withTexts: options.texts !== false,
    hashesFiles: options.against ?? [],
    policyName: options.policy,
    backbones: options.backbone,
    decisionsFile: options.decisions,
    calibrationFile: options.calibration,
    proofFlags: options,
    resultFlags: options.dryRun === true ? {} : options,
  };
}

interface AuditCall {
  readonly folders: readonly string[];
  readonly exclusionsFile: string | undefined;
  readonly near: NearChoice | undefined;
  /** Sets on neither side. */
  readonly through: readonly string[] | undefined;
  /** Whether texts are compared as well. */
  readonly withTexts: boolean;
  /** Files of hashes of hidden test sets. */
  readonly hashesFiles: readonly string[];
  /** A policy by its name or file, and what its backbone had seen, if declared. */
  readonly policyName: string | undefined;
  readonly backbones: readonly string[] | undefined;
  readonly decisionsFile: string | undefined;
  readonly calibrationFile: string | undefined;
  readonly proofFlags: AuditFlags;
  readonly resultFlags: ResultFlags;
}

interface AuditResult {
  readonly summary: string;
  readonly verdict: JsonValue;
  readonly sets: readonly AuditedSet[];
  readonly exclusionsFile: string | null;
  /** The proof, where one was asked for and nothing leaks. */
  readonly proof: WrittenProof | null;
  readonly notes: readonly string[];
  readonly next: string | null;
}

async function audit(
  call: AuditCall,
  context: CommandContext,
): Promise<CommandOutcome<AuditResult>> {
  const { folders, exclusionsFile, hashesFiles, proofFlags, resultFlags } = call;
  const { auditShardSets } = await import("../auditing/shard-set-audit.ts");
  const { verdictJson } = await import("../../audit/verdict-json.ts");
  const { verdictSummary } = await import("../../audit/verdict-text.ts");
  const { verdictText } = await import("../auditing/audit-text.ts");
  const { planProof, proofNotes, writeProof } = await import("../proving/proof-writing.ts");
  const { refuseOtherResults, writeResults } = await import("../audit-report/result-files.ts");
  const { proof: proofFile } = proofFlags;
  await refuseOtherResults({ ...resultFlags, exclusions: exclusionsFile, proof: proofFile });
  const plan = await planProof(proofFlags);
  const { readHashes } = await import("../proving/hashes-files.ts");
  const hidden = await Promise.all(hashesFiles.map((file) => readHashes(file)));
  const { decisionNotes, readDecisions } = await import("../audit-report/decision-file.ts");
  const decisions = await readDecisions(call.decisionsFile);
  const { verdict, sets } = await auditShardSets(folders, {
    ...call,
    ...context,
    hidden,
    decisions,
    policy: await readPolicy(call),
    calibration: await calibrationIn(call.calibrationFile),
  });
  const written = verdict.outcome === "unchecked" ? undefined : exclusionsFile;
  if (written !== undefined) await writeExclusions(written, verdict);
  const summary = verdictSummary(verdict);
  const proof =
    plan === undefined || !verdict.clean ? null : await writeProof(plan, { verdict, sets });
  const known = [
    ...sets.flatMap(partialNotes),
    ...proofNotes(plan, verdict),
    ...decisionNotes(verdict, call.decisionsFile),
  ];
  const results = {
    verdict,
    sets: sets.slice(0, folders.length),
    summary,
    notes: known,
    decisions: decisions?.decisions ?? [],
    version: packageVersion(),
  };
  const notes = [...known, ...(await writeResults(resultFlags, results, context))];
  const next = nextStep(verdict, { ...call, exclusionsFile: written });
  return {
    result: {
      summary,
      verdict: verdictJson(verdict),
      sets,
      exclusionsFile: written ?? null,
      proof,
      notes,
      next,
    },
    text: await withProof(verdictText({ verdict, summary, notes, next }), proof),
    exitCode: exitCodeOf[verdict.outcome],
  };
}

async function calibrationIn(file: string | undefined): Promise<Calibration | undefined> {
  if (file === undefined) return undefined;
  const { readCalibration } = await import("../calibration/calibration-files.ts");
  return readCalibration(file);
}

function partialNotes({ folder, partial }: AuditedSet): string[] {
  return partial ? [`${folder} was prepared with pictures missing; those were not compared`] : [];
}

/** A policy's words are read before anything is compared. */
async function readPolicy({
  backbones,
  policyName,
}: AuditCall): Promise<AuditedPolicy | undefined> {
  if (policyName === undefined) return undefined;
  const { readAuditedPolicy } = await import("../policy-audit/audited-policy.ts");
  return readAuditedPolicy(policyName, backbones);
}

async function writeExclusions(file: string, verdict: AuditVerdict): Promise<void> {
  const { writeManifest } = await import("../proving/manifest-files.ts");
  const { manifestOf } = await import("../../audit/manifests/exclusion-manifest.ts");
  await writeManifest(file, manifestOf(verdict, packageVersion()));
}

async function withProof(text: string, proof: WrittenProof | null): Promise<string> {
  if (proof === null) return text;
  const { proofWrittenText } = await import("../proving/proof-text.ts");
  return `${text}\n\n${proofWrittenText(proof)}`;
}

const exitCodeOf = { clean: 0, leaking: 20, unchecked: 2 } as const;

/** What to do about a verdict that is not clean. */
function nextStep(
  verdict: AuditVerdict,
  call: Pick<AuditCall, "folders" | "policyName" | "through" | "exclusionsFile">,
): string | null {
  if (verdict.outcome === "unchecked") {
    const lacking = verdict.checked.eval === 0 ? "evaluation" : "training";
    return `next: name a shard set with ${lacking} pictures as well: crossweave audit <set...>`;
  }
  if (verdict.outcome === "clean") return null;
  const { folders, exclusionsFile, policyName, through = [] } = call;
  if (exclusionsFile === undefined) {
    const [sets, others] = [folders, through].map((some) =>
      some.map((folder) => shellWord(escapeControls(folder))).join(" "),
    );
    const witnesses = through.length === 0 ? "" : ` --through ${others}`;
    const by = policyName === undefined ? "" : ` --policy ${shellWord(escapeControls(policyName))}`;
    return `next: crossweave audit ${sets}${witnesses}${by} --exclusions exclusions.json`;
  }
  const { length } = verdict.exclusions;
  const pictures = `${length.toLocaleString("en-US")} training picture${length === 1 ? "" : "s"}`;
  return [
    `${escapeControls(exclusionsFile)} names ${pictures} to leave out`,
    `next: crossweave prepare … --exclude ${shellWord(escapeControls(exclusionsFile))}`,
  ].join("\n");
}
