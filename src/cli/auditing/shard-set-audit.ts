import { auditRelated, defaultListing } from "../../audit/audit-splits.ts";
import type { Calibration } from "../../audit/calibration/calibration-file.ts";
import { relateSplits, type RelatedSplits } from "../../audit/relate-splits.ts";
import type { HashesFile } from "../../audit/hidden/hashes-file.ts";
import { hiddenNames, hiddenSplit } from "../../audit/hidden/hidden-split.ts";
import type { PictureListing } from "../../audit/listing/picture-listing.ts";
import type { NearFindings } from "../../audit/near/near-findings.ts";
import type { ReviewDecisions } from "../../audit/results/decisions.ts";
import type { TextFindings } from "../../audit/texts/text-findings.ts";
import type { AuditedSplit, AuditVerdict } from "../../audit/verdict.ts";
import type { Progress } from "../../core/progress.ts";
import type { ExcludedName } from "../../loader/options.ts";
import { ShardSetReader } from "../../shards/shard-set-reader.ts";
import type { AuditedPolicy } from "../policy-audit/audited-policy.ts";
import type { PolicySides } from "../policy-audit/policy-sides.ts";
import type { HiddenNear } from "../proving/hidden-near.ts";
import { KeptFiles } from "../audit-memory/kept-files.ts";
import { keptTexts } from "../audit-memory/kept-texts.ts";
import { keptListings, type ListedShards } from "../audit-memory/kept-listings.ts";
import type { NearAudit, NearChoice, OpenedSet } from "./near-audit.ts";
import { protectedNames } from "./protected-names.ts";

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
  /** All names of the pictures that are evaluated on, by chains as well: what a loader must refuse. Empty unless asked for. */
  readonly guard: readonly ExcludedName[];
}

export interface ShardSetAuditOptions {
  readonly progress: Progress;
  readonly signal: AbortSignal;
  /** How near-duplicates are looked for; they are not when left out. */
  readonly near?: NearChoice | undefined;
  /** What was measured of the search for near-duplicates. */
  readonly calibration?: Calibration | undefined;
  /** Hidden test sets, by their hashes alone. */
  readonly hidden?: readonly HashesFile[] | undefined;
  /** Sets on neither side, through whose pictures chains may lead. */
  readonly through?: readonly string[] | undefined;
  /** By whose word splits are training or evaluation; by their recipes' when left out. */
  readonly policy?: AuditedPolicy | undefined;
  /** What a person decided about pairs. */
  readonly decisions?: ReviewDecisions | undefined;
  /** Whether texts are compared as well. */
  readonly withTexts?: boolean | undefined;
  /** Whether `guard` is wanted. */
  readonly withGuard?: boolean | undefined;
}

/** The sets of an audit while they are open, and their pictures in one graph. */
export interface RelatedSets extends NearResult {
  readonly sets: readonly AuditedSet[];
  readonly related: RelatedSplits;
  /** The sets of the two sides, then those on neither. */
  readonly readers: readonly ShardSetReader[];
  /** What a policy adds to the verdict. */
  readonly policy: PolicySides["note"] | undefined;
}

interface NearResult {
  readonly near: Pick<NearAudit, "findings"> | undefined;
}

/**
 * Audits all splits of the sets in `folders` against one another. Throws SourceError when a folder holds no
 * finished set, ShardError when one is damaged, ConfigError when one is given twice.
 */
export function auditShardSets(
  folders: readonly string[],
  options: ShardSetAuditOptions,
): Promise<ShardSetAudit> {
  return withRelatedSets(folders, options, async ({ near, policy, readers, related, sets }) => {
    const { decisions } = options;
    const texts =
      options.withTexts === true ? await textLeaks({ near, readers, related }, options) : undefined;
    const verdict = auditRelated(related, { near: near?.findings, decisions, policy, texts });
    const guard =
      options.withGuard === true ? await protectedNames(related, readers, options.signal) : [];
    return { verdict, sets, guard };
  });
}

/** Relates the pictures of the sets and lets `use` look at them while the sets are open. The same errors as `auditShardSets`. */
export async function withRelatedSets<R>(
  folders: readonly string[],
  options: ShardSetAuditOptions,
  use: (related: RelatedSets) => R | Promise<R>,
): Promise<R> {
  const { decisions, hidden = [], near: choice, through = [], progress, signal } = options;
  await using opened = new AsyncDisposableStack();
  const sets: AuditedSet[] = [];
  const all: OpenedSet[] = [];
  for (const folder of [...folders, ...through]) {
    const reader = opened.use(await ShardSetReader.open(folder));
    const { name, digest, partial } = reader.index;
    sets.push({ folder, name, digest, partial });
    all.push({ location: folder, reader, index: reader.index });
  }
  const { policy, sides } = await sidesOf(all, folders.length, options.policy);
  const context = { progress, signal };
  const { calibration } = options;
  const near =
    choice === undefined
      ? undefined
      : await nearDuplicates(sides, choice, { ...context, calibration });
  const compared = sides.flatMap((side, setIndex) => splitsOf({ ...side, near, setIndex }, signal));
  const witnesses = all
    .slice(folders.length)
    .flatMap((side) => splitsOf({ ...side, near }, signal))
    .map((split) => ({ ...split, role: "witness" as const }));
  const findings =
    choice === undefined || hidden.length === 0
      ? near?.findings
      : await hiddenSuspects({ sets: sides, hidden, choice, found: near?.findings }, context);
  const related = await relateSplits([...compared, ...hidden.map(hiddenSplit), ...witnesses], {
    ...context,
    near: findings,
    decisions,
    moreNames: hidden.length === 0 ? undefined : hiddenNames(hidden),
  });
  const searched = findings === undefined ? undefined : { findings };
  const readers = all.map(({ reader }) => reader);
  return await use({ sets, related, near: searched, readers, policy }); // before they are closed
}

/** The sets that are compared, with the roles of a policy where there is one. */
async function sidesOf(
  all: readonly OpenedSet[],
  numCompared: number,
  policy: AuditedPolicy | undefined,
): Promise<{
  readonly sides: readonly OpenedSet[];
  readonly policy: PolicySides["note"] | undefined;
}> {
  const sides = all.slice(0, numCompared);
  if (policy === undefined) return { sides, policy };
  const { policySides } = await import("../policy-audit/policy-sides.ts");
  const [compared, through] = [sides, all.slice(numCompared)].map((some) =>
    some.map(({ index }) => index),
  );
  const { indexes, note } = policySides(policy, compared ?? [], through ?? []);
  return {
    sides: sides.map((side, at) => ({ ...side, index: indexes[at] ?? side.index })),
    policy: note,
  };
}

async function textLeaks(
  { near, readers, related }: Pick<RelatedSets, "near" | "readers" | "related">,
  { progress, signal }: Pick<ShardSetAuditOptions, "progress" | "signal">,
): Promise<TextFindings> {
  const { findTextLeaks } = await import("../../audit/texts/find-text-leaks.ts");
  const splits = readers.flatMap((reader) => splitsOf({ reader, index: reader.index }, signal));
  // Where hashes are kept, so is what texts are like.
  const memory =
    near === undefined ? undefined : keptTexts(readers, { kept: new KeptFiles(signal), signal });
  return findTextLeaks({ splits, related, listing: defaultListing, memory, progress, signal });
}

async function nearDuplicates(
  sets: readonly OpenedSet[],
  choice: NearChoice,
  context: Pick<ShardSetAuditOptions, "calibration" | "progress" | "signal">,
): Promise<NearAudit | undefined> {
  if (!hasBothSides(sets)) return undefined;
  // What hashes and compares pictures is loaded where that is wanted.
  const { auditNear } = await import("./near-audit.ts");
  return auditNear(sets, { ...context, choice });
}

/** Whether there is anything to compare, for which pictures have to be hashed. */
function hasBothSides(sets: readonly OpenedSet[]): boolean {
  const splits = sets.flatMap(({ index }) => index.splits);
  const roles = new Set(splits.filter((split) => split.numPictures > 0).map(({ role }) => role));
  return roles.has("train") && roles.has("eval");
}

async function hiddenSuspects(
  search: HiddenNear,
  context: { readonly progress: Progress; readonly signal: AbortSignal },
): Promise<NearFindings> {
  const { findHiddenSuspects } = await import("../proving/hidden-near.ts");
  return findHiddenSuspects(search, context);
}

interface ReadSide extends Pick<OpenedSet, "index" | "reader"> {
  /** The search for near-duplicates, which keeps what it computes: then what is listed is kept as well. */
  readonly near?: NearAudit | undefined;
  /** Of the sets that were searched; none where the set was not. */
  readonly setIndex?: number | undefined;
}

function splitsOf(side: ReadSide, signal: AbortSignal): AuditedSplit[] {
  const { name: set, digest: setDigest, splits } = side.index;
  return splits.map(({ name: split, role, numPictures, shards }) => ({
    set,
    setDigest,
    split,
    role,
    numPictures,
    heads: side.reader.split(split).heads(signal),
    listings: listingsOf(side, { split, shards }, signal),
  }));
}

function listingsOf(
  { near, reader, setIndex }: ReadSide,
  { shards, split }: { readonly shards: ListedShards["shards"]; readonly split: string },
  signal: AbortSignal,
): AsyncGenerator<PictureListing> | undefined {
  if (near === undefined) return undefined;
  const hashes =
    setIndex === undefined
      ? undefined
      : (shardIndex: number) => near.hashesOf({ setIndex, split, shardIndex });
  const listed = { split: reader.split(split), shards, hashes };
  return keptListings(listed, { kept: new KeptFiles(signal), signal });
}
