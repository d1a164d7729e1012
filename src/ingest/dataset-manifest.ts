import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { SourceError } from "../core/errors.ts";
import { manifestsFolder } from "./recipe.ts";

/** How many images and texts an official file or part holds, and which images. */
interface ExpectedContent {
  readonly images: number;
  readonly captions: number;
  /** `digestOfIds` of its image ids. */
  readonly imageIdsSha256: string;
}

export interface ExpectedFile extends ExpectedContent {
  readonly path: string;
  /** Where the publisher offers it. */
  readonly offeredAt: string;
}

interface ExpectedPart extends ExpectedContent {
  readonly name: string;
  /** A plain list of file names, one a line, which may stand for the split's JSON. */
  readonly list: string;
}

/** What is known of a dataset: its official files, where they are offered, what they hold. */
export interface DatasetManifest {
  readonly dataset: string;
  readonly title: string;
  readonly homepage: string;
  readonly license: string;
  readonly releases: readonly { readonly name: string; readonly files: readonly ExpectedFile[] }[];
  readonly pictures: readonly { readonly folder: string; readonly offeredAt: string }[];
  readonly split: {
    readonly name: string;
    readonly json: string;
    readonly offeredAt: string;
    readonly parts: readonly ExpectedPart[];
  };
}

const contentFields = {
  images: z.int().positive(),
  captions: z.int().positive(),
  imageIdsSha256: z.string().regex(/^[0-9a-f]{64}$/),
};
const manifestSchema: z.ZodType<DatasetManifest> = z.strictObject({
  dataset: z.string(),
  title: z.string(),
  homepage: z.url(),
  license: z.string(),
  releases: z.array(
    z.strictObject({
      name: z.string(),
      files: z.array(z.strictObject({ path: z.string(), offeredAt: z.url(), ...contentFields })),
    }),
  ),
  pictures: z.array(z.strictObject({ folder: z.string(), offeredAt: z.url() })),
  split: z.strictObject({
    name: z.string(),
    json: z.string(),
    offeredAt: z.url(),
    parts: z.array(z.strictObject({ name: z.string(), list: z.string(), ...contentFields })),
  }),
});

/** The manifest of a dataset that comes with the program. */
export async function readDatasetManifest(dataset: string): Promise<DatasetManifest> {
  const path = join(manifestsFolder, "datasets", `${dataset}.json`);
  return manifestSchema.parse(JSON.parse(await readFile(path, "utf8")));
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

/** What was found under a name that the manifest knows. */
export interface FoundContent {
  readonly name: string;
  readonly images: number;
  readonly captions: number;
  readonly imageIdsSha256: string;
  readonly expected: ExpectedContent;
}

/** Share of an official file's images from which on another file is taken for a damaged copy of it. */
const NEARLY_OFFICIAL = 0.9;

export type ReleaseVerdict = "official" | "nearly official" | "unknown";

/**
 * Whether a file or part is the official one. Its image ids decide; a file of nearly that size with
 * other ids is most likely a damaged or another release; any other size is a dataset of one's own
 * (a subset, the small world), whose counts nobody has published.
 */
export function releaseVerdict(found: FoundContent): ReleaseVerdict {
  if (found.imageIdsSha256 === found.expected.imageIdsSha256) return "official";
  const share = found.images / found.expected.images;
  return share >= NEARLY_OFFICIAL && share <= 1 / NEARLY_OFFICIAL ? "nearly official" : "unknown";
}

/**
 * Compares counts with the published ones: those of official content must agree, and nearly official
 * content is refused. Throws SourceError with a table of all differences.
 */
export function requireExpectedCounts(
  found: readonly FoundContent[],
  acceptUnknownRelease: boolean,
): void {
  const wrong = found.filter((content) => {
    const verdict = releaseVerdict(content);
    if (verdict === "official") return content.captions !== content.expected.captions;
    return verdict === "nearly official" && !acceptUnknownRelease;
  });
  if (wrong.length === 0) return;
  const lines = wrong.map(
    ({ name, images, captions, expected }) =>
      `  ${name}: found ${images} images and ${captions} captions, the official release has ${expected.images} and ${expected.captions}${images === expected.images ? " (but other images)" : ""}`,
  );
  throw new SourceError(`the files are not the official release:\n${lines.join("\n")}`, {
    file: wrong[0]?.name,
    remedy:
      "download them again; if the files are meant to differ, add --accept-unknown-release (not for wrong caption counts of the official images)",
  });
}
