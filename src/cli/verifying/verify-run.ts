import { existsSync } from "node:fs";
import { join } from "node:path";
import type { AuditVerdict } from "../../audit/verdict.ts";
import { verdictSummary } from "../../audit/verdict-text.ts";
import { ShardError, StateError } from "../../core/errors.ts";
import type { Progress } from "../../core/progress.ts";
import { readIndex } from "../../shards/shard-set-index.ts";
import { validateShardSet } from "../../shards/validation/validate-shard-set.ts";
import { STATE_FILE } from "../../train/checkpoints/checkpoint-parts.ts";
import {
  latestCheckpoint,
  verifyCheckpoint,
  verifyCheckpointOf,
  type VerifiedCheckpoint,
} from "../../train/checkpoints/read-checkpoint.ts";
import { CHECKPOINTS_FOLDER, readRunRecord } from "../../train/run/run-folder.ts";
import type { RunRecord } from "../../train/run/run-record.ts";
import { readDecisions } from "../audit-report/decision-file.ts";
import type { NearChoice } from "../auditing/near-audit.ts";
import { auditShardSets } from "../auditing/shard-set-audit.ts";

export interface VerifyCall {
  /** The folder of a run, whose newest checkpoint is taken, or of a checkpoint. */
  readonly checkpoint: string;
  /** The sets that were trained on, and any others that the checkpoint is to be proven against. */
  readonly folders: readonly string[];
  /** How the audit of the training looked for near-duplicates. */
  readonly near?: NearChoice | undefined;
  readonly through?: readonly string[] | undefined;
  readonly decisionsFile?: string | undefined;
}

interface VerifyContext {
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/** What was found true of a checkpoint. */
export interface VerifiedRun {
  readonly step: number;
  readonly recipe: string;
  readonly runDigest: string;
  /** Of the audit's verdict, found again from the shards. */
  readonly auditDigest: string;
  /** "leaking" where the run was trained in spite of leaks. */
  readonly outcome: AuditVerdict["outcome"];
  readonly summary: string;
  /** Sets that it was not trained on, which share no picture with it. */
  readonly others: readonly string[];
}

/**
 * Verifies a checkpoint against the shards: its own bytes, the bytes of the sets, that they are the sets it was trained on, and
 * that their audit, done again, says what the checkpoint says. StateError wherever one of these is not so.
 */
export async function verifyRun(call: VerifyCall, context: VerifyContext): Promise<VerifiedRun> {
  const { progress } = context;
  const { record, step } = await checkpointAt(call.checkpoint);
  progress.say(`step ${step}: every file has the digest that the checkpoint names`);
  const { others, trained } = await sortedFolders(call, record);
  for (const folder of call.folders) await requireWhole(folder, context);
  const verdict = await auditOf(trained, call, context);
  requireSameVerdict(verdict, record, call);
  if (others.length > 0) {
    requireNoLeaks(await auditOf([...trained, ...others], call, context), record, call);
  }
  return {
    step,
    recipe: record.recipe.name,
    runDigest: record.digest,
    auditDigest: verdict.digest,
    outcome: verdict.outcome,
    summary: verdictSummary(verdict),
    others,
  };
}

async function checkpointAt(folder: string): Promise<VerifiedCheckpoint> {
  if (existsSync(join(folder, STATE_FILE))) return await verifyCheckpoint(folder);
  const record = await readRunRecord(folder);
  const latest = await latestCheckpoint(join(folder, CHECKPOINTS_FOLDER));
  if (latest !== undefined) return await verifyCheckpointOf(latest.folder, record);
  throw new StateError(`${folder} has no checkpoint yet`, {
    file: folder,
    remedy: "let crossweave train come to its first checkpoint",
  });
}

/** The given sets that the run was trained on, in its order, and the others. StateError when one is not given. */
async function sortedFolders(
  { folders }: VerifyCall,
  { setDigests }: RunRecord,
): Promise<{ readonly trained: readonly string[]; readonly others: readonly string[] }> {
  const given = await Promise.all(
    folders.map(async (folder) => ({ folder, digest: (await readIndex(folder)).digest })),
  );
  const trained = setDigests.map((digest) => {
    const found = given.find((set) => set.digest === digest);
    if (found !== undefined) return found.folder;
    const seen = given.map((set) => `${set.folder} is ${set.digest.slice(0, 12)}`).join(", ");
    throw new StateError(`trained on the set ${digest.slice(0, 12)}, which is not given: ${seen}`, {
      remedy:
        "name the very sets with --data; one that was prepared anew with other pictures is another",
    });
  });
  return { trained, others: folders.filter((folder) => !trained.includes(folder)) };
}

async function requireWhole(folder: string, context: VerifyContext): Promise<void> {
  const { faults, isValid, numFaults } = await validateShardSet(folder, context);
  if (isValid) return;
  const [first] = faults;
  throw new StateError(
    `${folder} is not what its index says: ${numFaults} faults, the first: ${JSON.stringify(first)}`,
    { file: folder, remedy: `crossweave validate ${folder} tells all of them` },
  );
}

async function auditOf(
  folders: readonly string[],
  { decisionsFile, near, through }: VerifyCall,
  context: VerifyContext,
): Promise<AuditVerdict> {
  try {
    const decisions = await readDecisions(decisionsFile);
    return (await auditShardSets(folders, { ...context, near, through, decisions })).verdict;
  } catch (error) {
    if (!(error instanceof ShardError)) throw error;
    const { file, message, record, remedy } = error;
    throw new StateError(message, { file, record, remedy, cause: error });
  }
}

function requireSameVerdict(
  verdict: AuditVerdict,
  { audit }: RunRecord,
  { checkpoint }: VerifyCall,
): void {
  const isClean = verdict.outcome === "clean";
  if (verdict.digest === audit.digest && isClean === audit.clean) return;
  throw new StateError(
    `${checkpoint}: the audit of its sets says ${verdictSummary(verdict)} (${verdict.digest.slice(0, 12)}), the checkpoint ${audit.clean ? "clean" : "not clean"} (${audit.digest.slice(0, 12)})`,
    {
      file: checkpoint,
      remedy:
        "give the --no-near, --windows, --near-distance, --through and --decisions of the training; if they are the same, do not trust the checkpoint",
    },
  );
}

function requireNoLeaks(
  verdict: AuditVerdict,
  { recipe }: RunRecord,
  { checkpoint }: VerifyCall,
): void {
  if (verdict.outcome !== "leaking") return;
  const [first] = verdict.leaks;
  const example =
    first === undefined
      ? ""
      : `; ${first.train.picture} of ${first.train.set} is ${first.eval.picture} of ${first.eval.set}: ${first.evidence}`;
  throw new StateError(
    `${checkpoint}: ${recipe.name} was trained on pictures that these sets evaluate on: ${verdictSummary(verdict)}${example}`,
    { file: checkpoint, remedy: "evaluate on other pictures, or train without these" },
  );
}
