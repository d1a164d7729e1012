import { ConfigError, SourceError } from "../core/errors.ts";
import type { TextKind } from "../core/records.ts";
import { findAnnotationFile } from "./annotations/annotation-file.ts";
import type { DatasetManifest } from "./dataset-manifest.ts";
import type { SourceOptions, SourceSplit } from "./source.ts";

/** Those of `paths` that are in the folder, packed or not, in their order. */
export async function filesThere(folder: string, paths: readonly string[]): Promise<string[]> {
  const found = await Promise.all(
    paths.map(async (path) => (await findAnnotationFile(folder, path)) !== undefined),
  );
  return paths.filter((_, index) => found[index]);
}

/** The official files of a dataset that are not in the folder: those of its releases, then those of its splits. */
export async function absentFiles(
  { releases, splits }: DatasetManifest,
  folder: string,
): Promise<string[]> {
  const ofReleases = releases.flatMap(({ files }) => files.map(({ path }) => path));
  const ofSplits = splits.flatMap(({ parts }) => parts.flatMap(({ list }) => list ?? []));
  const paths = [...new Set([...ofReleases, ...ofSplits])];
  const there = new Set(await filesThere(folder, paths));
  return paths.filter((path) => !there.has(path));
}

/** Says that a folder has none of the official files a dataset can be read from, and where they are offered. */
export function noFileOf(
  manifest: DatasetManifest,
  folder: string,
  lookedFor?: readonly string[],
): SourceError {
  const files = manifest.releases
    .flatMap((release) => release.files)
    .filter(({ path }) => lookedFor?.includes(path) ?? true);
  const names = files.map(({ path }) => path).join(", ");
  const places = Array.from(new Set(files.map(({ offeredAt }) => offeredAt))).join(" and ");
  return new SourceError(
    `${folder} has no file of ${manifest.title}: looked for ${names} (each also with .gz and .zip)`,
    { file: files[0]?.path, remedy: `put one of them there; they are offered at ${places}` },
  );
}

/** Whether any of the splits takes the part that a file is. */
export function isTaken(part: string, splits: readonly SourceSplit[]): boolean {
  return splits.some(({ parts }) => parts === "everything" || parts.includes(part));
}

/** Whether the manifest can tell a file by its ids, so that they are worth digesting. */
export function isToldByIds(path: string, { releases }: DatasetManifest): boolean {
  const files = releases.flatMap((release) => release.files);
  return files.some((file) => file.path === path && file.idsSha256 !== undefined);
}

/** Throws ConfigError when a recipe asks a dataset that has texts of one kind for others only. */
export function requireKind(
  kind: TextKind,
  { title }: DatasetManifest,
  { textKinds }: SourceOptions,
): void {
  if (textKinds === undefined || textKinds.includes(kind)) return;
  throw new ConfigError(`${title} has no texts of the kinds ${textKinds.join(", ")}`, {
    remedy: `its texts are of the kind "${kind}": correct the recipe's textKinds`,
  });
}
