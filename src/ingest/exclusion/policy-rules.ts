import { sha256 } from "../../core/digest.ts";
import { SourceError } from "../../core/errors.ts";
import type { Progress } from "../../core/progress.ts";
import { findAnnotationFile } from "../annotations/annotation-file.ts";
import { readDatasetManifest } from "../dataset-manifest.ts";
import type { ExclusionRules } from "./exclusion-rules.ts";
import type { LeakPolicy, ProtectedPictures } from "./leak-policy.ts";
import { photoOf, type PlacedPicture, ProtectedTokens } from "./protected-tokens.ts";

/** A picture as a dataset lists it. */
export interface ListedPicture extends PlacedPicture {
  /** Its part of the published split; undefined when it is in none. */
  readonly part: string | undefined;
  /** Whether only the split names it: then no annotation file has told its photo or its links. */
  readonly isUnlisted: boolean;
}

export interface ListPicturesOptions {
  readonly folder: string;
  /** Which of the dataset's published splits the parts are of; the manifest's first when not given. */
  readonly publishedSplit?: string | undefined;
  readonly progress: Progress;
  readonly signal?: AbortSignal | undefined;
}

/**
 * All pictures that a dataset's annotation files describe and its published split names, in any order,
 * each once or, when it is in several parts, once for each. One that only the split names comes without
 * links; a dataset of which only the split is there has only those. Throws SourceError when there is
 * nothing, naming a file that would be needed, or when a file is damaged.
 */
export type PictureLister = (
  dataset: string,
  options: ListPicturesOptions,
) => AsyncIterable<ListedPicture> | Iterable<ListedPicture>;

export interface PolicyOptions {
  readonly folder: string;
  readonly listPictures: PictureLister;
  /** Go on when evaluation pictures cannot be read; `absent` then says which. */
  readonly allowMissing: boolean;
  readonly progress: Progress;
  readonly signal?: AbortSignal | undefined;
}

/** Exclusion rules computed from the annotation files of the evaluation side. */
export interface PolicyRules extends ExclusionRules {
  readonly policy: string;
  /** How many pictures are protected as such; others are because they are the same pictures. */
  readonly numProtected: number;
  /** Evaluation pictures that could not be read, one sentence each; none unless they may be missing. */
  readonly absent: readonly string[];
}

/**
 * Reads the evaluation side of a policy from the annotation files, before anything is written. Memory
 * is bounded by the number of pictures, not by their texts. Throws SourceError, naming every dataset
 * whose files are not there and where they are offered, unless they may be missing.
 */
export async function exclusionRules(
  policy: LeakPolicy,
  options: PolicyOptions,
): Promise<PolicyRules> {
  const tokens = new ProtectedTokens(policy.identities);
  const absences: Absence[] = [];
  for (const protectedPictures of policy.protects) {
    const absence = await readProtected(tokens, protectedPictures, options);
    if (absence !== undefined) absences.push(absence);
  }
  if (absences.length > 0 && !options.allowMissing) {
    throw await absentError(policy, absences, options.folder);
  }
  tokens.spread();
  const absent = absences.map(({ what }) => what);
  const digest = sha256(JSON.stringify([policy, absent, tokens.digest()]));
  const { numPictures: numProtected } = tokens;
  const match = tokens.match.bind(tokens);
  return { policy: policy.name, digest, numProtected, absent, match };
}

/** What of the evaluation side is not there. */
interface Absence {
  readonly what: string;
  readonly dataset: string;
}

async function readProtected(
  tokens: ProtectedTokens,
  wanted: ProtectedPictures,
  options: PolicyOptions,
): Promise<Absence | undefined> {
  const { dataset, split: publishedSplit, parts } = wanted;
  const { folder, progress, signal } = options;
  const found = new Set<string>();
  let numPhotosUnknown = 0;
  try {
    const pictures = options.listPictures(dataset, { folder, publishedSplit, progress, signal });
    for await (const picture of pictures) {
      signal?.throwIfAborted();
      const part = picture.part ?? "";
      if (picture.isUnlisted && photoOf(picture) === undefined) numPhotosUnknown += 1;
      if (parts !== "everything" && !parts.includes(part)) {
        tokens.passBy(picture);
        continue;
      }
      tokens.protect(picture, partName(wanted, part));
      found.add(part);
    }
  } catch (error) {
    const what = await absenceIn(error, folder);
    if (what === undefined) throw error;
    return { dataset, what: `${nameOf(wanted)}: ${what}` };
  }
  const what = lackOf(wanted, found, numPhotosUnknown);
  return what === undefined ? undefined : { dataset, what: `${nameOf(wanted)}: ${what}` };
}

/** What an error says is not there, when it is about a file that is not there. */
async function absenceIn(error: unknown, folder: string): Promise<string | undefined> {
  if (!(error instanceof SourceError) || error.file === undefined) return undefined;
  const isThere = (await findAnnotationFile(folder, error.file)) !== undefined;
  return isThere ? undefined : error.message;
}

function lackOf(
  { parts }: ProtectedPictures,
  found: ReadonlySet<string>,
  numPhotosUnknown: number,
): string | undefined {
  const empty = parts === "everything" ? [] : parts.filter((part) => !found.has(part));
  if (found.size === 0) return "no picture is listed";
  if (empty.length > 0) return `no picture of ${empty.join(", ")} is listed`;
  if (numPhotosUnknown === 0) return undefined;
  return `the Flickr photos of ${numPhotosUnknown} pictures are not known, because no annotation file lists them`;
}

function partName({ dataset, split }: ProtectedPictures, part: string): string {
  const of = split === undefined ? dataset : `${dataset}, ${split}`;
  return part === "" ? of : `the ${part} part of ${of}`;
}

function nameOf({ dataset, split, parts }: ProtectedPictures): string {
  const what = [...(split === undefined ? [] : [split]), ...(parts === "everything" ? [] : parts)];
  return what.length === 0 ? dataset : `${dataset} (${what.join(", ")})`;
}

async function absentError(
  { name }: LeakPolicy,
  absences: readonly Absence[],
  folder: string,
): Promise<SourceError> {
  const lines = absences.map(({ what }) => `  ${what}`);
  const datasets = new Set(absences.map(({ dataset }) => dataset));
  const offers = await Promise.all(Array.from(datasets, (dataset) => offersOf(dataset, folder)));
  return new SourceError(
    `the policy ${name} cannot tell all evaluation pictures:\n${lines.join("\n")}\nnot there:\n${offers.flat().join("\n")}`,
    {
      remedy:
        "put the files there; or add --allow-missing, and the set says which evaluation pictures were not known; or choose another --policy",
    },
  );
}

/** The official files of a dataset that are not there, with where they are offered. */
async function offersOf(dataset: string, folder: string): Promise<string[]> {
  const { releases, splits } = await readDatasetManifest(dataset);
  const files = [
    ...releases.flatMap((release) => release.files),
    ...splits.flatMap(({ json, parts, offeredAt }) =>
      [json, ...parts.map(({ list }) => list)].map((path) => ({ path, offeredAt })),
    ),
  ];
  const offers = new Set<string>();
  for (const { path, offeredAt } of files) {
    if (path === undefined || (await findAnnotationFile(folder, path)) !== undefined) continue;
    offers.add(`  ${path}${offeredAt === undefined ? "" : ` (offered at ${offeredAt})`}`);
  }
  return Array.from(offers);
}
