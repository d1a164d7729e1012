import assert from "node:assert/strict";
import type { LedgerEntry } from "../../src/core/records.ts";
import { parseImageKey } from "../../src/core/keys.ts";
import type {
  PlannedScene,
  Source,
  SourceOptions,
  SourcePlan,
  SourceSplit,
} from "../../src/ingest/source.ts";
import { planOptions } from "../ingest/plan-options.ts";

/** A source with a folder it can read; adding a dataset adds one. */
export interface SourceCase {
  readonly source: Source;
  readonly folder: string;
  readonly splits: readonly SourceSplit[];
  readonly choice?: Partial<SourceOptions>;
}

/**
 * What every source keeps, whatever its dataset: each record has one fate, counts add up, scenes are
 * well-formed and come in the same order each time. Throws AssertionError otherwise.
 */
export async function checkSourceContract({
  source,
  folder,
  splits,
  choice,
}: SourceCase): Promise<void> {
  const options = { ...planOptions(folder), splits, ...choice };
  using plan = await source.plan(options);
  assert.equal(plan.dataset, source.dataset);
  assert.deepEqual(
    plan.splits.map(({ name }) => name),
    splits.map(({ name }) => name),
  );
  const scenes = await allScenes(plan);
  const ledger = await Array.fromAsync(plan.ledger());
  checkFates(plan, scenes, ledger);
  for (const scene of scenes) checkScene(scene);
  // A picture that is in two parts is a scene of each: a leak that the audit finds.
  checkDistinct(
    scenes.map(({ draft }) => `${draft.split} ${draft.sceneKey}`),
    "scene keys of a split",
  );
  for (const { name, numScenes, numPictures, numTexts } of plan.splits) {
    const ofSplit = scenes.filter(({ draft }) => draft.split === name);
    assert.equal(ofSplit.length, numScenes);
    assert.equal(ofSplit.flatMap(({ draft }) => draft.pictures).length, numPictures);
    assert.equal(ofSplit.flatMap(({ draft }) => draft.texts).length, numTexts);
  }
  using again = await source.plan(options);
  assert.deepEqual(await allScenes(again), scenes);
  assert.deepEqual(await Array.fromAsync(again.ledger()), ledger);
  assert.deepEqual(again.files, plan.files);
  assert.equal(again.picturesDigest, plan.picturesDigest);
  await checkLaterStarts(plan);
}

/** A preparation that goes on asks for the scenes from some number on. */
async function checkLaterStarts(plan: SourcePlan): Promise<void> {
  for (const { name, numScenes } of plan.splits) {
    const all = await Array.fromAsync(plan.scenes(name));
    const later = Math.floor(numScenes / 2);
    assert.deepEqual(await Array.fromAsync(plan.scenes(name, later)), all.slice(later));
  }
}

async function allScenes(plan: SourcePlan): Promise<PlannedScene[]> {
  const scenes: PlannedScene[] = [];
  for (const { name } of plan.splits) scenes.push(...(await Array.fromAsync(plan.scenes(name))));
  return scenes;
}

function checkFates(
  plan: SourcePlan,
  scenes: readonly PlannedScene[],
  ledger: readonly LedgerEntry[],
): void {
  const written = scenes.flatMap(({ records }) => records);
  checkDistinct(
    [...written, ...ledger].map(({ file, record }) => `${file}#${record}`),
    "records",
  );
  for (const { file, kind, ...counts } of plan.counts) {
    const count = (records: readonly { file: string; kind: string }[]): number =>
      records.filter((record) => record.file === file && record.kind === kind).length;
    const outcome = (name: string): number =>
      count(ledger.filter((entry) => entry.outcome === name));
    assert.deepEqual(counts, {
      read: count(written) + count(ledger),
      written: count(written),
      excluded: outcome("excluded"),
      quarantined: outcome("quarantined"),
      missing: outcome("missing"),
    });
  }
  const kinds = new Set(plan.counts.map(({ file, kind }) => `${file} ${kind}`));
  for (const { file, kind } of [...written, ...ledger]) assert.ok(kinds.has(`${file} ${kind}`));
  for (const { reason, evidence, record } of ledger) {
    assert.ok(reason !== "" && evidence !== "" && record !== "");
  }
}

function checkScene({ draft, records }: PlannedScene): void {
  assert.ok(draft.pictures.length > 0 && draft.texts.length > 0);
  assert.ok(records.length > 0);
  for (const { key, path } of draft.pictures) {
    assert.equal(parseImageKey(key), key);
    assert.ok(!path.startsWith("/") && !path.split("/").includes(".."));
  }
  for (const { text } of draft.texts) assert.ok(text.isWellFormed() && text.trim() !== "");
}

function checkDistinct(names: readonly string[], what: string): void {
  assert.equal(new Set(names).size, names.length, `${what} are not distinct`);
}
