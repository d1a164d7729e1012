import assert from "node:assert/strict";
import { join } from "node:path";
import type { JsonValue } from "../../core/digest.ts";
import { StateError } from "../../core/errors.ts";
import type { Progress } from "../../core/progress.ts";
import { type LedgerEntry, ledgerOutcomes, type RecordCounts } from "../../core/records.ts";
import { FaultJournal } from "../../ingest/fault-journal.ts";
import type { ExclusionRules } from "../../ingest/exclusion/exclusion-rules.ts";
import {
  allowedQuarantined,
  planPreparation,
  type PreparationPlan,
  requireConservation,
  requireFewQuarantined,
} from "../../ingest/preparation-plan.ts";
import {
  type PreparationRecipe,
  type QuarantineLimit,
  type RecipeSplit,
  recipeJson,
} from "../../ingest/recipe.ts";
import { PicturePool } from "../../ingest/pictures/picture-pool.ts";
import { pictureConversion } from "../../ingest/pictures/store-picture.ts";
import { storeScenes } from "../../ingest/scenes.ts";
import { writeLedger } from "../../shards/ledger.ts";
import {
  commitIndex,
  type ShardSetIndex,
  type SplitEntry,
  UNFINISHED_FOLDER,
} from "../../shards/shard-set-index.ts";
import { SplitWriter } from "../../shards/split-writer.ts";
import type { ExclusionNotes } from "./exclusions.ts";
import {
  type Claim,
  claimFolder,
  clearFolder,
  finishedSet,
  isSetOf,
  refuseAccount,
  refuseFinished,
  removeLeftovers,
} from "./set-folder.ts";

/** One recipe prepared into one folder. */
export interface PrepareCall {
  readonly recipe: PreparationRecipe;
  readonly sourceFolder: string;
  readonly outFolder: string;
  readonly allowMissing: boolean;
  readonly acceptUnknownRelease: boolean;
  /** Which pictures may not be trained on. */
  readonly exclusions: ExclusionRules;
  /** Where they come from, for whoever reads the index. */
  readonly exclusionNotes?: ExclusionNotes | undefined;
  /** Stop at the first faulty record. */
  readonly strict: boolean;
  /** The recipe's, unless the command line says otherwise. */
  readonly quarantineLimit: QuarantineLimit;
  readonly numWorkers: number;
  readonly fresh: boolean;
}

export interface PrepareContext {
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/** What a preparation led to, or was found to have led to before. */
export interface PreparedSet {
  readonly index: ShardSetIndex;
  readonly wasComplete: boolean;
}

/** Plans a preparation without writing anything; `annotationsOnly` as if every picture were there. */
export function planOf(
  call: PrepareCall,
  context: PrepareContext,
  { annotationsOnly = false }: { readonly annotationsOnly?: boolean } = {},
): Promise<PreparationPlan> {
  const { recipe, sourceFolder: folder, ...options } = call;
  return planPreparation(recipe, { ...options, ...context, folder, annotationsOnly });
}

/**
 * Prepares a shard set, or goes on with an interrupted preparation of the same recipe and source. The
 * set's bytes depend on recipe and source alone.
 */
export async function prepareSet(call: PrepareCall, context: PrepareContext): Promise<PreparedSet> {
  using plan = await planOf(call, context);
  const { recipe, outFolder } = call;
  const splits = recipe.splits.map(({ name }) => name);
  const claim: Claim = { folder: outFolder, recipe: recipe.name, planDigest: plan.digest, splits };
  if (call.fresh) await clearFolder(claim);
  const before = await completeSet(claim);
  if (before !== undefined) {
    await removeLeftovers(outFolder);
    return { index: before, wasComplete: true };
  }
  refuseAccount(claim);
  using held = new DisposableStack();
  held.use(await claimFolder(claim));
  return { index: await writeSet(plan, call, context), wasComplete: false };
}

async function completeSet(claim: Claim): Promise<ShardSetIndex | undefined> {
  const index = await finishedSet(claim.folder);
  if (index !== undefined && !isSetOf(index, claim)) refuseFinished(claim, index);
  return index;
}

async function writeSet(
  plan: PreparationPlan,
  call: PrepareCall,
  context: PrepareContext,
): Promise<ShardSetIndex> {
  const { recipe, sourceFolder, outFolder, numWorkers } = call;
  await using pictures = new PicturePool({ sourceFolder, policy: recipe.pictures, numWorkers });
  const faults: LedgerEntry[] = [];
  const splits: SplitEntry[] = [];
  for (const split of recipe.splits) {
    const written = await writeSplit({ split, plan, call, faults, pictures }, context);
    splits.push(written.entry);
    faults.push(...written.faults);
  }
  context.progress.report({ activity: "ledger and index", done: 0, total: 1, unit: "sets" });
  const counts = plan.counts.map((count) => withFaults(count, faults));
  return commitIndex(outFolder, {
    format: "crossweave-shards",
    version: 1,
    name: recipe.name,
    recipe: preparationJson(plan, call),
    partial: isPartial(plan, call),
    splits,
    counts,
    sources: plan.files,
    ledger: await writeLedger(outFolder, countedLedger(counts, wholeLedger(plan, faults))),
  });
}

function preparationJson(plan: PreparationPlan, call: PrepareCall): JsonValue {
  return {
    ...recipeJson(call.recipe),
    pictureConversion,
    release: plan.release,
    planDigest: plan.digest,
    exclusions: exclusionsJson(call),
  };
}

/** What an index says of the exclusions. */
export function exclusionsJson({ exclusions, exclusionNotes }: PrepareCall): JsonValue {
  return { sha256: exclusions.digest, ...exclusionNotes };
}

/** Whether a set lacks records, or may hold evaluation pictures because their lists were not there. */
export function isPartial(plan: PreparationPlan, { exclusionNotes }: PrepareCall): boolean {
  return plan.partial || (exclusionNotes?.notKnown.length ?? 0) > 0;
}

async function* wholeLedger(
  plan: PreparationPlan,
  faults: readonly LedgerEntry[],
): AsyncGenerator<LedgerEntry> {
  yield* plan.ledger();
  yield* faults;
}

/** Passes the ledger on, and proves that it has a row for each record that the counts do not call written. */
export async function* countedLedger(
  counts: readonly RecordCounts[],
  ledger: AsyncIterable<LedgerEntry>,
): AsyncGenerator<LedgerEntry> {
  const rows = new Map<string, number>();
  for await (const entry of ledger) {
    const name = `${entry.file} ${entry.kind} ${entry.outcome}`;
    rows.set(name, (rows.get(name) ?? 0) + 1);
    yield entry;
  }
  for (const { file, kind, ...count } of counts) {
    for (const outcome of ledgerOutcomes) {
      const found = rows.get(`${file} ${kind} ${outcome}`) ?? 0;
      const what = `${file}: ${count[outcome]} ${kind} records are ${outcome}, the ledger has ${found}`;
      assert.equal(found, count[outcome], what);
    }
  }
}

function withFaults(count: RecordCounts, faults: readonly LedgerEntry[]): RecordCounts {
  const { length } = faults.filter(({ file, kind }) => file === count.file && kind === count.kind);
  const { written, quarantined } = count;
  const total = { ...count, written: written - length, quarantined: quarantined + length };
  requireConservation(total);
  return total;
}

interface SplitJob {
  readonly split: RecipeSplit;
  readonly plan: PreparationPlan;
  readonly call: PrepareCall;
  /** Of the splits before. */
  readonly faults: readonly LedgerEntry[];
  readonly pictures: PicturePool;
}

async function writeSplit(
  job: SplitJob,
  { progress, signal }: PrepareContext,
): Promise<{ entry: SplitEntry; faults: readonly LedgerEntry[] }> {
  const { split, plan, call } = job;
  const { recipe, outFolder } = call;
  const { name, role } = split;
  const target = { folder: outFolder, split: name, role };
  const planDigest = plan.digest;
  await using writer = await SplitWriter.create({ ...target, planDigest, layout: recipe.shards });
  const journalPath = join(outFolder, UNFINISHED_FOLDER, `${name}.faults.jsonl`);
  await using journal = await FaultJournal.open(journalPath, writer.numScenesDone);
  const total = plan.splits.find((planned) => planned.name === name)?.numScenes ?? 0;
  let sceneIndex = journal.numSettled;
  const options = { pictures: job.pictures, regions: plan.regions, signal };
  for await (const outcome of storeScenes(plan.scenes(name, sceneIndex), options)) {
    signal.throwIfAborted();
    if (outcome.scene !== undefined) await writer.append(outcome.scene);
    else {
      await journal.add(sceneIndex, outcome.quarantined);
      await requireFewFaults(job, journal.entries);
    }
    sceneIndex += 1;
    progress.report({ activity: `pictures of ${name}`, done: sceneIndex, total, unit: "pictures" });
  }
  const entry = await writer.finish();
  requireAllScenes(entry, total - journal.numFaulty, outFolder);
  return { entry, faults: journal.entries };
}

// Checked at each fault, so that a folder of broken pictures does not take hours to be refused.
async function requireFewFaults(
  { plan, call, faults }: SplitJob,
  ofSplit: readonly LedgerEntry[],
): Promise<void> {
  const planned = plan.counts.reduce((sum, { quarantined }) => sum + quarantined, 0);
  const limit = call.quarantineLimit;
  const total = planned + faults.length + ofSplit.length;
  if (total <= allowedQuarantined(plan.counts, limit)) return;
  const all = [...faults, ...ofSplit];
  const counts = plan.counts.map((count) => withFaults(count, all));
  await requireFewQuarantined(counts, limit, wholeLedger(plan, all));
}

// A shard folder and a journal that do not belong together: somebody changed the folder by hand.
function requireAllScenes(entry: SplitEntry, expected: number, folder: string): void {
  if (entry.numScenes === expected) return;
  throw new StateError(
    `${folder}: split ${entry.name} has ${entry.numScenes} scenes where ${expected} should be`,
    { file: folder, remedy: "start over with --fresh" },
  );
}
