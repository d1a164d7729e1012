import { setImmediate } from "node:timers/promises";
import { Crosswalk, type RelatedPictures } from "../../audit/crosswalk/crosswalk.ts";
import type { MeasuredPicture } from "../../audit/crosswalk/name-spellings.ts";
import type { StepRule } from "../../audit/rules.ts";
import type { AuditRole } from "../../audit/verdict.ts";
import type { Progress } from "../../core/progress.ts";
import type { FileDigest } from "../../ingest/annotations/annotation-file.ts";
import type { NamedPictures } from "../../ingest/exclusion/leak-policy.ts";
import {
  isTold,
  type ListedDataset,
  type MemberPicture,
} from "../../ingest/membership/listed-dataset.ts";
import { manifestOf, openListing } from "../../ingest/membership/open-listing.ts";
import { releaseDataset } from "../../ingest/membership/release-pictures.ts";
import type { ComparedGroup } from "./compared-groups.ts";

/** What the annotation files of a folder say of the pictures of some groups. */
export interface AnnotatedPictures {
  readonly related: RelatedPictures;
  /** By the groups' numbers: what of each is not there, in words; undefined when all is. */
  readonly lacks: readonly (string | undefined)[];
  /** By datasets, the official files that are not there. */
  readonly absentFiles: ReadonlyMap<string, readonly string[]>;
  /** The files that were read, by their paths. */
  readonly files: readonly FileDigest[];
  /** The pictures that came with hashes, by their parts. */
  readonly measured: readonly MeasuredPicture[];
}

export interface AnnotationContext {
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/** Datasets whose files tell of others' pictures which photos they are: they are listed whenever they are there. */
const tellers: readonly NamedPictures[] = ["coco", releaseDataset].map((dataset) => {
  return { dataset, parts: dataset === releaseDataset ? [] : "everything", because: "" };
});

const PICTURES_PER_REPORT = 20_000;

/**
 * Lists the datasets that the groups are of, once each, and relates their pictures. Throws SourceError when a
 * file is damaged, ConfigError for a dataset or split that there is not.
 */
export async function relateAnnotatedPictures(
  groups: readonly ComparedGroup[],
  {
    folder,
    policyRules,
  }: { readonly folder: string; readonly policyRules?: readonly StepRule[] | undefined },
  context: AnnotationContext,
): Promise<AnnotatedPictures> {
  const crosswalk = new Crosswalk(groups.length, policyRules);
  const lacks: (string | undefined)[] = groups.map(() => undefined);
  const absentFiles = new Map<string, readonly string[]>();
  const files = new Map<string, FileDigest>();
  const measured: MeasuredPicture[] = [];
  const listings = await listingsOf(groups);
  for (const [done, listing] of listings.entries()) {
    const activity = `listing ${listing.dataset}`;
    context.progress.report({ activity, done, total: listings.length, unit: "datasets" });
    const opened = await openListing(listing, { folder, ...context });
    using listed = opened.listed;
    absentFiles.set(listing.dataset, opened.absentFiles);
    noteLacks(lacks, groups, { listing, lacks: opened.lacks, isListed: listed !== undefined });
    if (listed === undefined) continue;
    for (const file of listed.files) files.set(file.file, file);
    await addPictures(crosswalk, { listed, listing, groups, measured }, context);
  }
  context.progress.report({ activity: "relating pictures", done: 0, unit: "pictures" });
  return {
    related: crosswalk.related(),
    lacks,
    absentFiles,
    files: Array.from(files.values()).toSorted((a, b) => (a.file < b.file ? -1 : 1)),
    measured,
  };
}

/** One list of a dataset's pictures with their parts of one published split. */
type Listing = NamedPictures;

async function listingsOf(groups: readonly ComparedGroup[]): Promise<readonly Listing[]> {
  const listings = new Map<string, Listing>();
  for (const wanted of [...groups.flatMap(({ members }) => members), ...tellers]) {
    const split = wanted.split ?? (await firstSplitOf(wanted.dataset));
    const name = `${wanted.dataset}\n${split ?? ""}`;
    const known = listings.get(name);
    const parts = known === undefined ? wanted.parts : bothParts(known.parts, wanted.parts);
    listings.set(name, { ...wanted, split, parts });
  }
  const names = Array.from(listings.keys()).toSorted();
  return names.flatMap((name) => listings.get(name) ?? []);
}

async function firstSplitOf(dataset: string): Promise<string | undefined> {
  return (await manifestOf(dataset))?.splits[0]?.name;
}

function bothParts(
  one: NamedPictures["parts"],
  other: NamedPictures["parts"],
): NamedPictures["parts"] {
  if (one === "everything" || other === "everything") return "everything";
  return [...new Set([...one, ...other])];
}

function noteLacks(
  lacks: (string | undefined)[],
  groups: readonly ComparedGroup[],
  {
    listing,
    lacks: what,
    isListed,
  }: { listing: Listing; lacks: string | undefined; isListed: boolean },
): void {
  if (what === undefined) return;
  for (const [group, { members }] of groups.entries()) {
    const isOf = members.some(
      (member) => isListedIn(member, listing) && !(isListed && member.parts === "everything"),
    );
    if (isOf)
      lacks[group] = [lacks[group], `${listing.dataset}: ${what}`].filter(Boolean).join("; ");
  }
}

/** Whether a group's member is told by a listing: of everything every listing of the dataset tells. */
function isListedIn(member: NamedPictures, listing: Listing): boolean {
  if (member.dataset !== listing.dataset) return false;
  return member.parts === "everything" || (member.split ?? listing.split) === listing.split;
}

interface Added {
  readonly listed: ListedDataset;
  readonly listing: Listing;
  readonly groups: readonly ComparedGroup[];
  readonly measured: MeasuredPicture[];
}

async function addPictures(
  crosswalk: Crosswalk,
  { listed, listing, groups, measured }: Added,
  { progress, signal }: AnnotationContext,
): Promise<void> {
  const sources = new Map<string | undefined, number>();
  const activity = `listing ${listing.dataset}`;
  for (const picture of listed.pictures()) {
    const source = sources.get(picture.part) ?? addSource(crosswalk, { listing, picture, groups });
    sources.set(picture.part, source);
    crosswalk.add(source, picture, isTold(listing.dataset, picture));
    if (picture.shippedHash !== undefined) {
      measured.push({ part: `${listing.dataset} ${picture.part ?? ""}`, picture });
    }
    if (crosswalk.numPictures % PICTURES_PER_REPORT > 0) continue;
    progress.report({ activity, done: crosswalk.numPictures, unit: "pictures" });
    await setImmediate(); // for Ctrl-C to be heard
    signal.throwIfAborted();
  }
}

function addSource(
  crosswalk: Crosswalk,
  {
    listing,
    picture: { part },
    groups,
  }: {
    readonly listing: Listing;
    readonly picture: MemberPicture;
    readonly groups: readonly ComparedGroup[];
  },
): number {
  const isIn = ({ members }: ComparedGroup): boolean =>
    members.some(
      (member) =>
        isListedIn(member, listing) &&
        (member.parts === "everything" || (part !== undefined && member.parts.includes(part))),
    );
  const numbers = Array.from(groups.entries()).flatMap(([group, one]) =>
    isIn(one) ? [group] : [],
  );
  const { dataset, split } = listing;
  const set = split === undefined ? dataset : `${dataset}, ${split}`;
  const roles = new Set(numbers.map((group) => groups[group]?.role));
  const role: AuditRole = roles.has("evaluation")
    ? "eval"
    : roles.has("training")
      ? "train"
      : "witness";
  return crosswalk.addSource({ set, split: part ?? "no part", role }, numbers);
}
