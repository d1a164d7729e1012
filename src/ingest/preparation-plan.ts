import assert from "node:assert/strict";
import { stat } from "node:fs/promises";
import { canonicalJson, sha256 } from "../core/digest.ts";
import { SourceError } from "../core/errors.ts";
import type { LedgerEntry, RecordCounts } from "../core/records.ts";
import type { FileDigest } from "./annotations/annotation-file.ts";
import {
  type PreparationRecipe,
  type QuarantineLimit,
  recipeJson,
  sourceSplitsOf,
} from "./recipe.ts";
import { openRegions, type RegionSource } from "./regions/region-source.ts";
import { requireRegions } from "./regions/required-regions.ts";
import type { PlannedScene, PlannedSplit, SourceOptions, SourcePlan } from "./source.ts";
import { sourceOf } from "./sources.ts";

export interface PlanOptions extends Omit<
  SourceOptions,
  "splits" | "publishedSplit" | "textKinds"
> {
  readonly allowMissing: boolean;
  readonly quarantineLimit: QuarantineLimit;
}

/** What a preparation will write, and what became of all other records: known before a picture is opened. */
export interface PreparationPlan extends Disposable {
  /** Names all that decides the set: recipe, files, exclusions, and which picture files there are. */
  readonly digest: string;
  readonly release: string;
  readonly partial: boolean;
  readonly files: readonly FileDigest[];
  /** Where region features come from, when the recipe wants any; open until disposal. */
  readonly regions: RegionSource | undefined;
  readonly splits: readonly PlannedSplit[];
  readonly counts: readonly RecordCounts[];
  /** The scenes of a split from the given one on. */
  scenes(split: string, firstScene?: number): AsyncGenerator<PlannedScene>;
  ledger(): AsyncGenerator<LedgerEntry>;
}

/** Another version may make other scenes of the same files. */
const PLAN_VERSION = 2;

/**
 * Reads all annotation files of a recipe's datasets and decides what becomes of every record.
 * Throws SourceError when files are missing or damaged, counts are not the published ones, pictures or
 * their region features are missing and that is not allowed, too many records are faulty, or nothing is left to write.
 */
export async function planPreparation(
  recipe: PreparationRecipe,
  options: PlanOptions,
): Promise<PreparationPlan> {
  await requireFolder(options.folder);
  using held = new DisposableStack();
  const annotated = await planSources(recipe, options, held);
  const regions = await regionsOf(recipe, options);
  if (regions !== undefined) held.use(regions);
  const isRequired = recipe.regions?.required === true;
  const plans =
    regions !== undefined && isRequired ? await requiring(annotated, regions) : annotated;
  const counts = plans.flatMap((plan) => plan.counts);
  for (const count of counts) requireConservation(count);
  const ledger = (): AsyncGenerator<LedgerEntry> => inOrder(plans.map((plan) => plan.ledger()));
  await requireFewQuarantined(counts, options.quarantineLimit, ledger());
  const splits = recipe.splits.map(({ name }) => plannedSplit(name, plans));
  if (!options.allowMissing) {
    requireListed(plans);
    requirePictures(plans, splits);
  }
  await requireScenes(splits, ledger());
  const files = [...distinctFiles(plans), ...(regions?.files ?? [])];
  const opened = held.move();
  return {
    digest: sha256(
      canonicalJson({
        version: PLAN_VERSION,
        recipe: recipeJson(recipe),
        files: files.map((file) => ({ ...file })),
        exclusions: options.exclusions.digest,
        pictures: plans.map(({ picturesDigest }) => picturesDigest),
        regions: regions?.digest,
      }),
    ),
    release: plans.map((plan) => plan.release).join("; "),
    partial: plans.some((plan) => plan.partial),
    files,
    regions,
    splits,
    counts,
    scenes: (split, firstScene = 0) => scenesOf(plans, split, firstScene),
    ledger,
    [Symbol.dispose]: () => opened[Symbol.dispose](),
  };
}

async function planSources(
  recipe: PreparationRecipe,
  options: PlanOptions,
  held: DisposableStack,
): Promise<readonly SourcePlan[]> {
  const plans: SourcePlan[] = [];
  for (const { name, split, textKinds } of recipe.datasets) {
    const splits = sourceSplitsOf(recipe, name);
    const chosen = { ...options, splits, publishedSplit: split, textKinds };
    plans.push(held.use(await sourceOf(name).plan(chosen)));
  }
  return plans;
}

// Features are as large as pictures: who has no pictures at hand has no features either.
async function regionsOf(
  { regions: policy }: PreparationRecipe,
  { folder: sourceFolder, annotationsOnly, progress, signal }: PlanOptions,
): Promise<RegionSource | undefined> {
  if (policy === undefined || annotationsOnly) return undefined;
  return await openRegions({ policy, sourceFolder, progress, signal });
}

async function requiring(
  plans: readonly SourcePlan[],
  regions: RegionSource,
): Promise<readonly SourcePlan[]> {
  const required: SourcePlan[] = [];
  for (const plan of plans) required.push(await requireRegions(plan, regions));
  return required;
}

async function* scenesOf(
  plans: readonly SourcePlan[],
  split: string,
  firstScene: number,
): AsyncGenerator<PlannedScene> {
  let numBefore = 0;
  for (const plan of plans) {
    const numScenes = plan.splits.find(({ name }) => name === split)?.numScenes ?? 0;
    const numSkipped = Math.min(numScenes, Math.max(0, firstScene - numBefore));
    if (numSkipped < numScenes) yield* plan.scenes(split, numSkipped);
    numBefore += numScenes;
  }
}

// Two datasets may read one file: COCO's pictures are described for RefCOCO too.
function distinctFiles(plans: readonly SourcePlan[]): FileDigest[] {
  const files = plans.flatMap((plan) => plan.files);
  return files.filter((file, at) => files.findIndex((one) => one.file === file.file) === at);
}

async function requireFolder(folder: string): Promise<void> {
  const found = await stat(folder).catch(() => undefined);
  if (found?.isDirectory() === true) return;
  throw new SourceError(`there is no source folder ${folder}`, {
    file: folder,
    remedy: "name the folder that holds the official downloads, unpacked, with --source",
  });
}

async function* inOrder<T>(
  sequences: readonly (AsyncIterable<T> | Iterable<T>)[],
): AsyncGenerator<T> {
  for (const sequence of sequences) yield* sequence;
}

function plannedSplit(name: string, plans: readonly SourcePlan[]): PlannedSplit {
  const ofName = plans.flatMap((plan) => plan.splits.filter((split) => split.name === name));
  const sum = (count: (split: PlannedSplit) => number): number =>
    ofName.reduce((total, split) => total + count(split), 0);
  return {
    name,
    numScenes: sum((split) => split.numScenes),
    numPictures: sum((split) => split.numPictures),
    numTexts: sum((split) => split.numTexts),
  };
}

/** What was read is what was written, excluded, quarantined or missing; anything else is a bug of ours. */
export function requireConservation(count: RecordCounts): void {
  const { file, kind, read, written, excluded, quarantined, missing } = count;
  const sum = written + excluded + quarantined + missing;
  assert.equal(sum, read, `${file}: ${read} ${kind} records were read and ${sum} accounted for`);
}

/** How many records may be quarantined of those read. */
export function allowedQuarantined(
  counts: readonly RecordCounts[],
  { share, records }: QuarantineLimit,
): number {
  const read = counts.reduce((sum, count) => sum + count.read, 0);
  return Math.max(records, Math.floor(read * share));
}

/** Throws SourceError, with the reasons, when more records are quarantined than the limit allows. */
export async function requireFewQuarantined(
  counts: readonly RecordCounts[],
  limit: QuarantineLimit,
  ledger: AsyncIterable<LedgerEntry> | Iterable<LedgerEntry>,
): Promise<void> {
  const allowed = allowedQuarantined(counts, limit);
  const quarantined = counts.reduce((sum, count) => sum + count.quarantined, 0);
  if (quarantined <= allowed) return;
  const read = counts.reduce((sum, count) => sum + count.read, 0);
  const reasons = await reasonsOf(ledger, "quarantined");
  throw new SourceError(
    `${quarantined} of ${read} records are faulty, ${allowed} are allowed:\n${reasons}`,
    {
      file: counts.find((count) => count.quarantined > 0)?.file,
      remedy: "repair or download the files again, or allow more with --max-bad",
    },
  );
}

async function requireScenes(
  splits: readonly PlannedSplit[],
  ledger: AsyncIterable<LedgerEntry>,
): Promise<void> {
  if (splits.some(({ numScenes }) => numScenes > 0)) return;
  throw new SourceError(`nothing is left to write:\n${await reasonsOf(ledger)}`, {
    remedy: "check that annotation files, split and pictures belong together",
  });
}

async function reasonsOf(
  ledger: AsyncIterable<LedgerEntry> | Iterable<LedgerEntry>,
  outcome?: LedgerEntry["outcome"],
): Promise<string> {
  const reasons = new Map<string, { count: number; first: LedgerEntry }>();
  for await (const entry of ledger) {
    if (outcome !== undefined && entry.outcome !== outcome) continue;
    const name = `${entry.kind} ${entry.outcome}: ${entry.reason}`;
    const known = reasons.get(name);
    if (known === undefined) reasons.set(name, { count: 1, first: entry });
    else known.count += 1;
  }
  const lines = Array.from(
    reasons,
    ([name, { count, first }]) =>
      `  ${count} ${name}; first ${first.file}#${first.record}: ${first.evidence}`,
  );
  return lines.length === 0 ? "  there are no records" : lines.join("\n");
}

function requireListed(plans: readonly SourcePlan[]): void {
  for (const { dataset, unlisted } of plans) {
    const { absentFiles, numPictures } = unlisted;
    if (numPictures === 0) continue;
    const names = absentFiles.join(", ");
    const what = `the split of ${dataset} names ${numPictures} pictures that no annotation file lists`;
    throw new SourceError(names === "" ? what : `${what}; not there: ${names}`, {
      file: absentFiles[0],
      remedy: "put the whole files there, or add --allow-missing: the set is then marked partial",
    });
  }
}

function requirePictures(plans: readonly SourcePlan[], splits: readonly PlannedSplit[]): void {
  const numMissing = plans.reduce((sum, { missing }) => sum + missing.numPictures, 0);
  const examples = plans.flatMap(({ missing }) => missing.examples);
  const [first] = examples;
  if (first === undefined) return;
  const shown = examples.map((path) => `  ${path}`);
  const more = numMissing > examples.length ? `\n  … and ${numMissing - examples.length} more` : "";
  const total = splits.reduce((sum, { numScenes }) => sum + numScenes, numMissing);
  const found = `${numMissing} of ${total} pictures are missing`;
  throw new SourceError(`${found}:\n${shown.join("\n")}${more}`, {
    file: first,
    remedy: "put them there, or add --allow-missing: the set is then marked partial",
  });
}
