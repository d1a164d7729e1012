import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { manifestsFolder } from "./recipe.ts";

/** One official annotation file. Counts that nobody has published or computed are left out. */
export interface ExpectedFile {
  /** Below the source folder, without ".gz" or ".zip". */
  readonly path: string;
  /** Where the publisher offers it. */
  readonly offeredAt: string;
  /** Per kind of record, how many it holds. */
  readonly records?: Readonly<Record<string, number>> | undefined;
  /** Per kind of record, `digestOfIds` of the ids. */
  readonly idsSha256?: Readonly<Record<string, string>> | undefined;
}

/** One release of a dataset; the files of two releases may have the same names. */
export interface ExpectedRelease {
  readonly name: string;
  readonly files: readonly ExpectedFile[];
}

/** One part of a published split. */
export interface ExpectedPart {
  readonly name: string;
  /** A plain list of file names or ids, one a line. */
  readonly list?: string | undefined;
  readonly scenes?: number | undefined;
  /** All texts of these scenes. */
  readonly texts?: number | undefined;
  /** `digestOfIds` of the scenes' ids. */
  readonly sceneIdsSha256?: string | undefined;
}

/** A published split; the parts of some come as files of lists, those of others with the records themselves. */
interface ExpectedSplit {
  readonly name: string;
  /** A JSON file that says the part of every picture; `list`s of the parts may stand for it. */
  readonly json?: string | undefined;
  readonly offeredAt?: string | undefined;
  readonly parts: readonly ExpectedPart[];
}

/**
 * What is known of a dataset: its official files, where they are offered, what they hold. How they are
 * fetched is in manifests/downloads.
 */
export interface DatasetManifest {
  readonly dataset: string;
  readonly title: string;
  readonly homepage: string;
  readonly license: string;
  /** None of a dataset that nobody publishes: the user's own. */
  readonly releases: readonly ExpectedRelease[];
  readonly pictures: readonly { readonly folder: string; readonly offeredAt: string }[];
  /** The first is the one that is meant when a recipe names none. */
  readonly splits: readonly ExpectedSplit[];
}

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const count = z.int().nonnegative();
const manifestSchema: z.ZodType<DatasetManifest> = z.strictObject({
  dataset: z.string(),
  title: z.string(),
  homepage: z.url(),
  license: z.string(),
  releases: z.array(
    z.strictObject({
      name: z.string(),
      files: z.array(
        z.strictObject({
          path: z.string(),
          offeredAt: z.url(),
          records: z.record(z.string(), count).optional(),
          idsSha256: z.record(z.string(), sha256).optional(),
        }),
      ),
    }),
  ),
  pictures: z.array(z.strictObject({ folder: z.string(), offeredAt: z.url() })),
  splits: z.array(
    z.strictObject({
      name: z.string(),
      json: z.string().optional(),
      offeredAt: z.url().optional(),
      parts: z.array(
        z.strictObject({
          name: z.string(),
          list: z.string().optional(),
          scenes: count.optional(),
          texts: count.optional(),
          sceneIdsSha256: sha256.optional(),
        }),
      ),
    }),
  ),
});

/** The manifest of a dataset that comes with the program. */
export async function readDatasetManifest(dataset: string): Promise<DatasetManifest> {
  const path = join(manifestsFolder, "datasets", `${dataset}.json`);
  return manifestSchema.parse(JSON.parse(await readFile(path, "utf8")));
}

/** The datasets that have a manifest, sorted. */
export async function manifestNames(): Promise<string[]> {
  const files = await readdir(join(manifestsFolder, "datasets"));
  return files.map((file) => file.replace(/\.json$/, "")).toSorted();
}

/** SHA-256 over ids in numeric order, one a line without a last line end: it names a set of ids. */
export function digestOfIds(ids: Iterable<string>): string {
  const ordered = Array.from(ids).toSorted(compareIds);
  return createHash("sha256").update(ordered.join("\n")).digest("hex");
}

/** Orders decimal ids without leading zeros by their number, however long they are. */
export function compareIds(a: string, b: string): number {
  if (a.length !== b.length) return a.length - b.length;
  return a < b ? -1 : Number(a > b);
}
