import { auditSplits } from "../../audit/audit-splits.ts";
import type { AuditedSplit, AuditVerdict } from "../../audit/verdict.ts";
import { pictureNames } from "../../core/keys.ts";
import type { Progress } from "../../core/progress.ts";
import type { SceneHead } from "../../core/records.ts";
import { ShardSetReader } from "../../shards/shard-set-reader.ts";
import type { NearAudit, NearChoice, OpenedSet } from "./near-audit.ts";

export interface AuditedSet {
  readonly folder: string;
  readonly name: string;
  readonly digest: string;
  /** Whether the set was prepared although pictures were missing; those were not compared. */
  readonly partial: boolean;
}

export interface ShardSetAudit {
  readonly verdict: AuditVerdict;
  readonly sets: readonly AuditedSet[];
}

export interface ShardSetAuditOptions {
  readonly progress: Progress;
  readonly signal: AbortSignal;
  /** How near-duplicates are looked for; they are not when left out. */
  readonly near?: NearChoice | undefined;
}

/**
 * Audits all splits of the sets in `folders` against one another. Throws SourceError when a folder holds no
 * finished set, ShardError when one is damaged, ConfigError when one is given twice.
 */
export async function auditShardSets(
  folders: readonly string[],
  { near: choice, ...context }: ShardSetAuditOptions,
): Promise<ShardSetAudit> {
  await using opened = new AsyncDisposableStack();
  const sets: AuditedSet[] = [];
  const readers: OpenedSet[] = [];
  for (const folder of folders) {
    const reader = opened.use(await ShardSetReader.open(folder));
    const { name, digest, partial } = reader.index;
    sets.push({ folder, name, digest, partial });
    readers.push({ location: folder, reader });
  }
  const near =
    choice === undefined || !hasBothSides(readers)
      ? undefined
      : await nearDuplicates(readers, choice, context);
  const splits = readers.flatMap(({ reader }, setIndex) =>
    splitsOf(reader, context.signal).map((split) => ({
      ...split,
      heads: near?.withHashes({ setIndex, split: split.split }, split.heads) ?? split.heads,
    })),
  );
  return { verdict: await auditSplits(splits, { ...context, near: near?.findings }), sets };
}

/** Whether there is anything to compare, for which pictures have to be hashed. */
function hasBothSides(sets: readonly OpenedSet[]): boolean {
  const splits = sets.flatMap(({ reader }) => reader.index.splits);
  const roles = new Set(splits.filter((split) => split.numPictures > 0).map(({ role }) => role));
  return roles.has("train") && roles.has("eval");
}

async function nearDuplicates(
  sets: readonly OpenedSet[],
  choice: NearChoice,
  context: { readonly progress: Progress; readonly signal: AbortSignal },
): Promise<NearAudit> {
  // What hashes and compares pictures is loaded where that is wanted.
  const { auditNear } = await import("./near-audit.ts");
  return auditNear(sets, { ...context, choice });
}

/** All names of the pictures that the sets evaluate on: what a loader must refuse. The same errors as `auditShardSets`. */
export async function protectedNames(
  folders: readonly string[],
  signal: AbortSignal,
): Promise<readonly string[]> {
  const names = new Set<string>();
  for (const folder of folders) {
    await using reader = await ShardSetReader.open(folder);
    const evaluated = reader.index.splits.filter(({ role }) => role === "eval");
    for (const { name } of evaluated) await addNames(names, reader.split(name).heads(signal));
  }
  return [...names];
}

async function addNames(names: Set<string>, heads: AsyncIterable<SceneHead>): Promise<void> {
  for await (const { pictures } of heads) {
    for (const name of pictures.flatMap((picture) => pictureNames(picture))) names.add(name);
  }
}

function splitsOf(reader: ShardSetReader, signal: AbortSignal): AuditedSplit[] {
  const { name: set, digest: setDigest, splits } = reader.index;
  return splits.map(({ name: split, role, numPictures }) => ({
    set,
    setDigest,
    split,
    role,
    numPictures,
    heads: reader.split(split).heads(signal),
  }));
}
