import { join } from "node:path";
import { z } from "zod";
import { RefusedError } from "../../core/errors.ts";
import type { Progress } from "../../core/progress.ts";
import type { LedgerEntry, Scene } from "../../core/records.ts";
import type { ExclusionRules } from "../../ingest/exclusion/exclusion-rules.ts";
import { PicturePool } from "../../ingest/pictures/picture-pool.ts";
import { planPreparation, type PreparationPlan } from "../../ingest/preparation-plan.ts";
import { type PreparationRecipe, recipeOf } from "../../ingest/recipe.ts";
import { type SceneOutcome, storeScenes } from "../../ingest/scenes.ts";
import type { PlannedScene } from "../../ingest/source.ts";
import { writeLedger } from "../../shards/ledger.ts";
import { rebuildShard } from "../../shards/rebuild-shard.ts";
import {
  CROISSANT_FILE,
  INDEX_FILE,
  LEDGER_FILE,
  readIndex,
  rewriteIndex,
  type ShardEntry,
  type ShardSetIndex,
  type SplitEntry,
} from "../../shards/shard-set-index.ts";
import { ShardSetReader } from "../../shards/shard-set-reader.ts";
import { exclusionNotesSchema, type ExclusionNotes } from "../preparation/exclusions.ts";
import { lockFolder, removeLeftovers } from "../preparation/set-folder.ts";

/** What a finished set says of its preparation. */
export interface KnownPreparation {
  readonly recipe: PreparationRecipe;
  readonly planDigest: string;
  readonly exclusionNotes: ExclusionNotes | undefined;
}

/** A set to repair, and what it is to be repaired from. */
export interface RepairCall {
  readonly folder: string;
  readonly sourceFolder: string;
  readonly known: KnownPreparation;
  readonly exclusions: ExclusionRules;
  readonly numWorkers: number;
}

export interface RepairContext {
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

const preparationSchema = z.looseObject({
  planDigest: z.string(),
  exclusions: z.unknown(),
});

/** The preparation that an index tells of. Throws `RefusedError` when it tells of none that this version knows. */
export function knownPreparation(folder: string, index: ShardSetIndex): KnownPreparation {
  const preparation = preparationSchema.safeParse(index.recipe).data;
  const recipe = recipeOf(preparation ?? {});
  if (preparation === undefined || recipe === undefined) {
    throw new RefusedError(`${folder}: its index holds no recipe that this version can follow`, {
      file: join(folder, INDEX_FILE),
      remedy: "repair it with the version of crossweave that wrote it",
    });
  }
  const { planDigest, exclusions } = preparation;
  return { recipe, planDigest, exclusionNotes: exclusionNotesSchema.safeParse(exclusions).data };
}

/** Whether files of a set can be put right without its source: they follow from its index. */
export function isMadeFromIndex(file: string): boolean {
  return file === INDEX_FILE || file === CROISSANT_FILE;
}

/** Writes the files that follow from a set's index once more, and gives their names. */
export async function repairDescriptions(
  folder: string,
  faultyFiles: readonly string[],
): Promise<string[]> {
  const files = faultyFiles.filter(isMadeFromIndex);
  if (files.length > 0) await rewriteIndex(folder, await readIndex(folder));
  return files;
}

/**
 * Makes the faulty shards and the ledger of a set again from its source, each one complete before it takes its
 * place, so that an interrupted repair loses nothing that it has done. Gives the names of the files.
 * Throws `RefusedError` when recipe, exclusions or annotation files are not those of the set, `ShardError` when
 * pictures have changed: nothing is replaced by anything but what it was.
 */
export async function repairFromSource(
  call: RepairCall,
  faultyFiles: readonly string[],
  context: RepairContext,
): Promise<string[]> {
  const index = await readIndex(call.folder);
  using plan = await planOf(call, index, context);
  using held = new DisposableStack();
  held.use(await lockFolder(call.folder));
  const repaired = await repairFiles({ call, plan, index }, new Set(faultyFiles), context);
  held.dispose();
  await removeLeftovers(call.folder);
  return repaired;
}

/** A set and what it was made from. */
interface SetJob {
  readonly call: RepairCall;
  readonly plan: PreparationPlan;
  readonly index: ShardSetIndex;
}

async function repairFiles(
  job: SetJob,
  faulty: ReadonlySet<string>,
  context: RepairContext,
): Promise<string[]> {
  const { call, plan, index } = job;
  const repaired: string[] = [];
  for (const split of index.splits) {
    for (const [shardIndex, shard] of split.shards.entries()) {
      if (!faulty.has(shard.file)) continue;
      await rebuild({ call, plan, split, shardIndex, shard }, context);
      repaired.push(shard.file);
    }
  }
  if (faulty.has(LEDGER_FILE)) {
    await writeLedger(call.folder, wholeLedger(job, context));
    repaired.push(LEDGER_FILE);
  }
  return repaired;
}

async function planOf(
  call: RepairCall,
  index: ShardSetIndex,
  context: RepairContext,
): Promise<PreparationPlan> {
  const { recipe, planDigest } = call.known;
  const plan = await planPreparation(recipe, {
    ...context,
    folder: call.sourceFolder,
    exclusions: call.exclusions,
    // Whatever the set was made with, the plan's digest tells whether it is the same.
    allowMissing: true,
    acceptUnknownRelease: true,
    annotationsOnly: false,
    strict: false,
    quarantineLimit: { share: 1, records: 0 },
  });
  if (plan.digest === planDigest) return plan;
  plan[Symbol.dispose]();
  throw new RefusedError(
    `${call.folder} was made from another source: ${sourceDifference(plan, index)}`,
    {
      file: call.sourceFolder,
      remedy:
        "name the source folder it was made from, unchanged, with the same --policy and --exclude; or build the set again with `crossweave prepare … --fresh`",
    },
  );
}

function sourceDifference(plan: PreparationPlan, index: ShardSetIndex): string {
  for (const { file, sha256 } of index.sources) {
    const found = plan.files.find((one) => one.file === file);
    if (found === undefined) return `${file} was read then, and is not now`;
    if (found.sha256 !== sha256) return `${file} has the sha256 ${found.sha256}, then ${sha256}`;
  }
  const added = plan.files.find(({ file }) => !index.sources.some((one) => one.file === file));
  if (added !== undefined) return `${added.file} is read now, and was not then`;
  return "which pictures there are, or which are excluded, has changed";
}

interface RebuildJob {
  readonly call: RepairCall;
  readonly plan: PreparationPlan;
  readonly split: SplitEntry;
  readonly shardIndex: number;
  readonly shard: ShardEntry;
}

async function rebuild(job: RebuildJob, context: RepairContext): Promise<void> {
  const { call, split, shard } = job;
  const { name, role } = split;
  await using pictures = poolOf(call);
  const activity = `rebuilding ${shard.file}`;
  let done = 0;
  const onScene = (): void => {
    done += 1;
    context.progress.report({ activity, done, total: shard.numScenes, unit: "scenes" });
  };
  const outcomes = storeScenes(await scenesOfShard(job), {
    pictures,
    regions: job.plan.regions,
    signal: context.signal,
  });
  const scenes = storedScenes(outcomes, context.signal, onScene);
  try {
    await rebuildShard({ folder: call.folder, split: name, role }, shard, scenes);
  } finally {
    await scenes.return(undefined);
  }
}

function poolOf({ sourceFolder, known, numWorkers }: RepairCall): PicturePool {
  return new PicturePool({ sourceFolder, policy: known.recipe.pictures, numWorkers });
}

async function* storedScenes(
  outcomes: AsyncIterable<SceneOutcome>,
  signal: AbortSignal,
  onScene: () => void,
): AsyncGenerator<Scene, undefined> {
  for await (const { scene } of outcomes) {
    signal.throwIfAborted();
    if (scene === undefined) continue;
    onScene();
    yield scene;
  }
  return undefined;
}

/**
 * The planned scenes from the first of a shard on. Scenes whose pictures were faulty are in the plan and not
 * in the set, so that the one before the shard is found by its key; an earlier faulty shard was rebuilt already.
 */
async function scenesOfShard(job: RebuildJob): Promise<AsyncIterable<PlannedScene>> {
  const { call, plan, split, shardIndex } = job;
  const before = split.shards.slice(0, shardIndex);
  const numBefore = before.reduce((sum, { numScenes }) => sum + numScenes, 0);
  if (numBefore === 0) return plan.scenes(split.name);
  await using reader = await ShardSetReader.open(call.folder);
  const { sceneKey } = await reader.split(split.name).head(numBefore - 1);
  return after(plan.scenes(split.name, numBefore - 1), sceneKey);
}

async function* after(
  scenes: AsyncIterable<PlannedScene>,
  sceneKey: string,
): AsyncGenerator<PlannedScene> {
  let isPast = false;
  for await (const scene of scenes) {
    if (isPast) yield scene;
    else isPast = scene.draft.sceneKey === sceneKey;
  }
}

async function* wholeLedger(job: SetJob, context: RepairContext): AsyncGenerator<LedgerEntry> {
  yield* job.plan.ledger();
  if (quarantined(job.index) > quarantined(job.plan)) yield* faultyPictures(job, context);
}

function quarantined({ counts }: Pick<ShardSetIndex, "counts">): number {
  return counts.reduce((sum, count) => sum + count.quarantined, 0);
}

/** Which pictures are faulty is known only when all of them are looked at. */
async function* faultyPictures(
  { call, plan, index }: SetJob,
  { progress, signal }: RepairContext,
): AsyncGenerator<LedgerEntry> {
  await using pictures = poolOf(call);
  for (const { name, numScenes: total } of index.splits) {
    const activity = `faulty pictures of ${name}`;
    let done = 0;
    const options = { pictures, regions: plan.regions, signal };
    for await (const { quarantined: faults } of storeScenes(plan.scenes(name), options)) {
      signal.throwIfAborted();
      done += 1;
      progress.report({ activity, done, total, unit: "pictures" });
      if (faults !== undefined) yield* faults;
    }
  }
}
