import { sha256 } from "../../core/digest.ts";
import { SourceError } from "../../core/errors.ts";
import type { ImageKey } from "../../core/keys.ts";
import { type DatasetManifest, readDatasetManifest } from "../dataset-manifest.ts";
import type { ListPicturesOptions } from "../list-pictures.ts";
import { filesThere } from "../official-files.ts";
import type { ListedPicture } from "../source.ts";
import { absenceOf, isOfAbsentFile } from "./absent-files.ts";
import type { ExclusionRules } from "./exclusion-rules.ts";
import type { LeakPolicy, NamedPictures } from "./leak-policy.ts";
import { photoOf, ProtectedTokens } from "./protected-tokens.ts";

/** All pictures of a dataset, in any order: `listPictures` of the ingest room, or a made-up one. */
export type PictureLister = (
  dataset: string,
  options: ListPicturesOptions,
) => AsyncIterable<ListedPicture> | Iterable<ListedPicture>;

export interface PolicyOptions extends Omit<ListPicturesOptions, "publishedSplit"> {
  readonly listPictures: PictureLister;
  /** Go on when evaluation pictures cannot be read; `absent` then says which. */
  readonly allowMissing: boolean;
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
  for (const wanted of policy.protects) {
    const what = await readProtected(tokens, wanted, options);
    if (what === undefined) continue;
    absences.push({ dataset: wanted.dataset, what: `${nameOf(wanted)}: ${what}` });
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
  readonly dataset: string;
  readonly what: string;
}

/** What was seen of the pictures that are to be protected. */
interface Seen {
  readonly parts: Set<string>;
  readonly pictures: Set<ImageKey>;
  /** Pictures that no annotation file lists and whose keys do not tell their photos. */
  readonly withoutPhoto: Set<ImageKey>;
}

/** Protects the pictures; gives what is known not to be there, if anything. */
async function readProtected(
  tokens: ProtectedTokens,
  wanted: NamedPictures,
  options: PolicyOptions,
): Promise<string | undefined> {
  const manifest = await readDatasetManifest(wanted.dataset);
  const seen: Seen = { parts: new Set(), pictures: new Set(), withoutPhoto: new Set() };
  let absence: string | undefined;
  for (const asked of asksOf(wanted, manifest)) {
    if (asked.withParts === false && seen.pictures.size > 0) break;
    try {
      await readPictures(tokens, { wanted, asked, seen }, options);
    } catch (error) {
      if (!(error instanceof SourceError && (await isOfAbsentFile(error, options.folder)))) {
        throw error;
      }
      absence ??= await absenceOf(error, manifest, options.folder);
    }
  }
  // Of everything, one way to read it is enough: the others may name more.
  if (absence !== undefined && (wanted.parts !== "everything" || seen.pictures.size === 0)) {
    return absence;
  }
  return lackOf(wanted, seen, manifest);
}

/** How the pictures of a dataset are asked for. */
type Asked = Pick<ListPicturesOptions, "publishedSplit" | "withParts">;

/** By the split of the parts; for everything by all splits, which name parts, or else without any. */
function asksOf({ split, parts }: NamedPictures, { splits }: DatasetManifest): Asked[] {
  if (parts !== "everything") return [{ publishedSplit: split ?? splits[0]?.name }];
  const named = splits.filter(({ name }) => name === (split ?? name));
  return [...named.map(({ name }) => ({ publishedSplit: name })), { withParts: false }];
}

async function readPictures(
  tokens: ProtectedTokens,
  { wanted, asked, seen }: { wanted: NamedPictures; asked: Asked; seen: Seen },
  { listPictures, folder, progress, signal }: PolicyOptions,
): Promise<void> {
  const { dataset, parts } = wanted;
  const options = { ...asked, folder, progress, signal };
  for await (const picture of listPictures(dataset, options)) {
    signal?.throwIfAborted();
    const { key, part = "" } = picture;
    if (picture.isUnlisted && photoOf(picture) === undefined) seen.withoutPhoto.add(key);
    if (parts === "everything" || parts.includes(part)) {
      tokens.protect(picture, partName(dataset, asked.publishedSplit, part));
      seen.parts.add(part);
      seen.pictures.add(key);
    } else tokens.passBy(picture);
  }
}

/** Share of the published number of pictures from which on the others are missing, and not another world. */
const NEARLY_ALL = 0.9;

function lackOf(
  { parts }: NamedPictures,
  seen: Seen,
  manifest: DatasetManifest,
): string | undefined {
  if (seen.pictures.size === 0) return "no picture is listed";
  const empty = parts === "everything" ? [] : parts.filter((part) => !seen.parts.has(part));
  if (empty.length > 0) return `no picture of ${empty.join(", ")} is listed`;
  if (seen.withoutPhoto.size > 0) {
    return `the Flickr photos of ${seen.withoutPhoto.size} pictures are not known, because no annotation file lists them`;
  }
  const numAll = Math.max(...manifest.splits.map(numScenesOf));
  const { size } = seen.pictures;
  const isShort = parts === "everything" && size < numAll && size >= numAll * NEARLY_ALL;
  return isShort ? `${size} of its ${numAll} pictures are listed` : undefined;
}

function numScenesOf({ parts }: DatasetManifest["splits"][number]): number {
  return parts.reduce((sum, { scenes = 0 }) => sum + scenes, 0);
}

function partName(dataset: string, split: string | undefined, part: string): string {
  const of = split === undefined ? dataset : `${dataset}, ${split}`;
  return part === "" ? of : `the ${part} part of ${of}`;
}

function nameOf({ dataset, split, parts }: NamedPictures): string {
  const what = [...(split === undefined ? [] : [split]), ...(parts === "everything" ? [] : parts)];
  return what.length === 0 ? dataset : `${dataset} (${what.join(", ")})`;
}

/** The dataset that a sentence of `absent` speaks of. */
export function datasetOfAbsence(sentence: string): string {
  return sentence.slice(0, /[ :]/.exec(sentence)?.index);
}

async function absentError(
  { name }: LeakPolicy,
  absences: readonly Absence[],
  folder: string,
): Promise<SourceError> {
  const lines: string[] = [];
  for (const { dataset, what } of absences) {
    lines.push(`  ${what}`, `    ${await offerOf(dataset, folder)}`);
  }
  const datasets = Array.from(new Set(absences.map(({ dataset }) => dataset))).join(" ");
  return new SourceError(
    `the policy ${name} cannot tell all evaluation pictures:\n${lines.join("\n")}`,
    {
      remedy: `put the files there (crossweave fetch ${datasets} --to the same folder gets those that are free); or add --allow-missing, and the set says which evaluation pictures were not known; or choose another --policy`,
    },
  );
}

/** The official files of a dataset that are not there, and where they are offered. */
async function offerOf(dataset: string, folder: string): Promise<string> {
  const { releases, splits } = await readDatasetManifest(dataset);
  const offeredOf = new Map([
    ...splits.flatMap(({ json, parts, offeredAt }) =>
      [json, ...parts.map(({ list }) => list)].map((path) => [path ?? "", offeredAt] as const),
    ),
    ...releases.flatMap(({ files }) => files.map((file) => [file.path, file.offeredAt] as const)),
  ]);
  offeredOf.delete("");
  const there = new Set(await filesThere(folder, Array.from(offeredOf.keys())));
  const absent = Array.from(offeredOf.keys()).filter((path) => !there.has(path));
  const places = new Set(absent.map((path) => offeredOf.get(path) ?? ""));
  const shown = absent.slice(0, FILES_SHOWN).join(", ");
  const more = absent.length > FILES_SHOWN ? ` and ${absent.length - FILES_SHOWN} more` : "";
  return `not there: ${shown}${more}; offered at ${Array.from(places).filter(Boolean).join(" and ")}`;
}

const FILES_SHOWN = 4;
