import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { ConfigError, errnoOf } from "../../core/errors.ts";
import { manifestsFolder } from "../recipe.ts";

/** A file or archive as its publisher offers it. */
export interface OfficialDownload {
  readonly url: string;
  /** Its path below the folder that is fetched to. */
  readonly to: string;
  /** Picture archives are large and fetched only when asked for. */
  readonly holds: "annotations" | "pictures";
  readonly sizeBytes?: number | undefined;
  /** Digests that the publisher states, or that many have found. */
  readonly sha256?: string | undefined;
  readonly md5?: string | undefined;
  readonly unpack?:
    | {
        /** The folder that its members go to. */
        readonly to: string;
        /** Only these members; a name that ends in a slash stands for all below it. */
        readonly members?: readonly string[] | undefined;
      }
    | undefined;
}

/** Files that no program may fetch: behind a form or an agreement. */
export interface ByHand {
  readonly what: string;
  /** Where the publisher's form or agreement is. */
  readonly page: string;
  readonly why: string;
  /** Where the files belong, below the folder that is fetched to; a slash ends a folder. */
  readonly files: readonly string[];
}

/** How the files of a dataset are had. */
export interface DatasetDownloads {
  readonly dataset: string;
  /** Its folder below the one that is fetched to. */
  readonly folder: string;
  readonly downloads: readonly OfficialDownload[];
  readonly byHand: readonly ByHand[];
}

const relativePath = z
  .string()
  .regex(/^[\w+().-]+(?:\/[\w+().-]+)*\/?$/)
  .refine((path) => !path.split("/").includes(".."));
const digest = (digits: number): z.ZodString =>
  z.string().regex(new RegExp(`^[0-9a-f]{${digits}}$`));

const manifestSchema: z.ZodType<DatasetDownloads> = z.strictObject({
  dataset: z.string(),
  folder: relativePath,
  downloads: z.array(
    z.strictObject({
      url: z.url({ protocol: /^https?$/ }),
      to: relativePath,
      holds: z.enum(["annotations", "pictures"]),
      sizeBytes: z.int().positive().optional(),
      sha256: digest(64).optional(),
      md5: digest(32).optional(),
      unpack: z
        .strictObject({ to: relativePath, members: z.array(z.string()).min(1).optional() })
        .optional(),
    }),
  ),
  byHand: z.array(
    z.strictObject({
      what: z.string(),
      page: z.url(),
      why: z.string(),
      files: z.array(relativePath),
    }),
  ),
});

const folder: string = join(manifestsFolder, "downloads");

/** How the files of a dataset are had. Throws ConfigError for a dataset that there is none of. */
export async function readDownloads(dataset: string): Promise<DatasetDownloads> {
  const path = join(folder, `${dataset}.json`);
  try {
    return manifestSchema.parse(JSON.parse(await readFile(path, "utf8")));
  } catch (error) {
    if (errnoOf(error) !== "ENOENT" && errnoOf(error) !== "ENOTDIR") throw error;
    const known = (await fetchableDatasets()).join(", ");
    throw new ConfigError(`there is no dataset "${dataset}" to fetch; there are ${known}`, {
      remedy: "name one of them",
      cause: error,
    });
  }
}

/** The datasets that can be fetched, sorted. */
export async function fetchableDatasets(): Promise<string[]> {
  const names = await readdir(folder);
  return names
    .filter((name) => name.endsWith(".json"))
    .map((name) => name.slice(0, -".json".length))
    .toSorted();
}

/** What servers send in place of pictures that are gone. */
export interface Placeholders {
  /** SHA-256 of known ones. */
  readonly sha256: ReadonlySet<string>;
  /** Parts of the paths that servers redirect to for a picture that is gone. */
  readonly paths: readonly string[];
}

const placeholderSchema = z.strictObject({
  sha256: z.array(z.string().regex(/^[0-9a-f]{64}$/)),
  paths: z.array(z.string().min(4)),
});

/**
 * The placeholders that are known to the program, and those in a file of the user's, which is of the
 * same form. Throws ConfigError when it is not.
 */
export async function readPlaceholders(file: string | undefined): Promise<Placeholders> {
  const ours = join(manifestsFolder, "placeholders.json");
  const lists = [placeholderSchema.parse(JSON.parse(await readFile(ours, "utf8")))];
  if (file !== undefined) lists.push(parsePlaceholders(await readFile(file, "utf8"), file));
  return {
    sha256: new Set(lists.flatMap(({ sha256 }) => sha256)),
    paths: lists.flatMap(({ paths }) => paths),
  };
}

function parsePlaceholders(text: string, file: string): z.infer<typeof placeholderSchema> {
  try {
    return placeholderSchema.parse(JSON.parse(text));
  } catch (error) {
    throw new ConfigError(`${file} is no list of placeholders`, {
      file,
      remedy: 'give it the form {"sha256": ["<64 hex digits>"], "paths": ["/part/of/a/path"]}',
      cause: error,
    });
  }
}
