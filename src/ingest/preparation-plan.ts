import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { canonicalJson, type JsonValue, sha256 } from "../core/digest.ts";
import { SourceError } from "../core/errors.ts";
import type { ImageKey } from "../core/keys.ts";
import type { LedgerEntry, RecordCounts } from "../core/records.ts";
import type { FileDigest } from "./annotations/annotation-file.ts";
import type { PreparationRecipe, QuarantineLimit } from "./recipe.ts";
import type { Exclusion, PlannedScene, PlannedSplit, SourceOptions, SourcePlan } from "./source.ts";
import { sourceOf } from "./sources.ts";

export interface PlanOptions extends Omit<SourceOptions, "splits"> {
  readonly allowMissing: boolean;
  readonly quarantineLimit: QuarantineLimit;
}

/** What a preparation will write, and what became of all other records: known before a picture is opened. */
export interface PreparationPlan {
  /** Names all that decides the set: recipe, files, exclusions, and which picture files there are. */
  readonly digest: string;
  readonly release: string;
  readonly partial: boolean;
  readonly files: readonly FileDigest[];
  readonly splits: readonly PlannedSplit[];
  readonly counts: readonly RecordCounts[];
  scenes(split: string): AsyncGenerator<PlannedScene>;
  ledger(): AsyncGenerator<LedgerEntry>;
}

/**
 * Reads all annotation files of a recipe's datasets and decides what becomes of every record.
 * Throws SourceError when files are missing or damaged, counts are not the published ones, pictures
 * are missing and that is not allowed, too many records are faulty, or nothing is left to write.
 */
export async function planPreparation(
  recipe: PreparationRecipe,
  options: PlanOptions,
): Promise<PreparationPlan> {
  await requireFolder(options.folder);
  const plans: SourcePlan[] = [];
  for (const dataset of recipe.datasets) {
    plans.push(await sourceOf(dataset).plan({ ...options, splits: recipe.splits }));
  }
  const counts = plans.flatMap((plan) => plan.counts);
  const ledger = (): AsyncGenerator<LedgerEntry> => inOrder(plans.map((plan) => plan.ledger()));
  const scenes = (split: string): AsyncGenerator<PlannedScene> =>
    inOrder(plans.map((plan) => plan.scenes(split)));
  await requireFewQuarantined(counts, options.quarantineLimit, ledger());
  const splits = recipe.splits.map(({ name }) => plannedSplit(name, plans));
  if (!options.allowMissing) {
    requireListed(plans);
    requirePictures(plans, splits);
  }
  await requireScenes(splits, ledger());
  const files = plans.flatMap((plan) => plan.files);
  const content = await digestOfScenes(recipe, scenes, counts);
  return {
    digest: sha256(
      canonicalJson({
        recipe: recipeJson(recipe),
        files: files.map((file) => ({ ...file })),
        exclusions: digestOfExclusions(options.exclusions),
        content,
      }),
    ),
    release: plans.map((plan) => plan.release).join("; "),
    partial: plans.some((plan) => plan.partial),
    files,
    splits,
    counts,
    scenes,
    ledger,
  };
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

/** A recipe as it stands in a set's index. */
export function recipeJson(recipe: PreparationRecipe): { readonly [key: string]: JsonValue } {
  const splits = recipe.splits.map(({ name, role, parts }) => ({ name, role, parts }));
  const { pictures, shards, quarantineLimit } = recipe;
  return {
    ...recipe,
    splits,
    pictures: { ...pictures },
    shards: { ...shards },
    quarantineLimit: { ...quarantineLimit },
  };
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

/** The exclusions' digest: one line of canonical JSON for each, by key. */
export function digestOfExclusions(exclusions: ReadonlyMap<ImageKey, Exclusion>): string {
  const hash = createHash("sha256");
  for (const key of Array.from(exclusions.keys()).toSorted()) {
    const { rule = "", evidence = "" } = exclusions.get(key) ?? {};
    hash.update(`${canonicalJson({ key, rule, evidence })}\n`);
  }
  return hash.digest("hex");
}

// Also proves that the sources' counts are true: each record of a scene was counted as written.
async function digestOfScenes(
  recipe: PreparationRecipe,
  scenes: (split: string) => AsyncIterable<PlannedScene>,
  counts: readonly RecordCounts[],
): Promise<string> {
  const hash = createHash("sha256");
  const written = new Map<string, number>();
  for (const { name } of recipe.splits) {
    for await (const scene of scenes(name)) {
      hash.update(`${JSON.stringify(scene)}\n`);
      for (const { file, kind } of scene.records) {
        const list = `${file} ${kind}`;
        written.set(list, (written.get(list) ?? 0) + 1);
      }
    }
  }
  for (const count of counts) {
    assert.equal(written.get(`${count.file} ${count.kind}`) ?? 0, count.written, count.file);
    requireConservation(count);
  }
  return hash.digest("hex");
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

const PATHS_SHOWN = 5;

function requirePictures(plans: readonly SourcePlan[], splits: readonly PlannedSplit[]): void {
  const missing = plans.flatMap((plan) => plan.missingPictures);
  const [first] = missing;
  if (first === undefined) return;
  const shown = missing.slice(0, PATHS_SHOWN).map((path) => `  ${path}`);
  const more = missing.length > PATHS_SHOWN ? `\n  … and ${missing.length - PATHS_SHOWN} more` : "";
  const total = splits.reduce((sum, { numScenes }) => sum + numScenes, missing.length);
  const found = `${missing.length} of ${total} pictures are missing`;
  throw new SourceError(`${found}:\n${shown.join("\n")}${more}`, {
    file: first,
    remedy: "put them there, or add --allow-missing: the set is then marked partial",
  });
}
