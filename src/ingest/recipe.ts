import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { ConfigError, errnoOf } from "../core/errors.ts";
import type { SplitRole } from "../core/records.ts";
import type { PicturePolicy } from "./pictures/store-picture.ts";

/** One split of a set, and the parts of the published split that go into it. */
export interface RecipeSplit {
  readonly name: string;
  readonly role: SplitRole;
  /** "everything" takes every picture that is listed, whatever part it is in. */
  readonly parts: readonly string[] | "everything";
}

/** How many records may be quarantined before a preparation stops: the larger of the two. */
export interface QuarantineLimit {
  /** Share of the records read, 0 to 1. */
  readonly share: number;
  readonly records: number;
}

/** All constants of a preparation. */
export interface PreparationRecipe {
  readonly name: string;
  readonly summary: string;
  readonly datasets: readonly string[];
  readonly splits: readonly RecipeSplit[];
  readonly pictures: PicturePolicy;
  readonly shards: {
    readonly targetBatchBytes: number;
    readonly maxScenesPerBatch: number;
    readonly targetShardBytes: number;
  };
  readonly quarantineLimit: QuarantineLimit;
}

/** Data that belongs to the program: recipes and what is known of each dataset. */
export const manifestsFolder: string = join(import.meta.dirname, "../../manifests");

const positiveInteger = z.int().positive();
const splitName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/);
const recipeSchema: z.ZodType<PreparationRecipe> = z.strictObject({
  name: z.string().regex(/^[a-z0-9][a-z0-9/-]*$/),
  summary: z.string(),
  datasets: z.array(z.string()).min(1),
  splits: z
    .array(
      z.strictObject({
        name: splitName,
        role: z.enum(["train", "eval"]),
        parts: z.union([z.literal("everything"), z.array(z.string()).min(1)]),
      }),
    )
    .min(1)
    .refine(
      eachPartOnce,
      "a part is taken by two splits, or another split stands beside everything",
    ),
  pictures: z.strictObject({
    shorterSide: positiveInteger,
    jpegQuality: z.int().min(1).max(100),
    maxPixels: positiveInteger,
  }),
  shards: z.strictObject({
    targetBatchBytes: positiveInteger,
    maxScenesPerBatch: positiveInteger,
    targetShardBytes: positiveInteger,
  }),
  quarantineLimit: z.strictObject({
    share: z.number().min(0).max(1),
    records: z.int().nonnegative(),
  }),
});

function eachPartOnce(splits: readonly RecipeSplit[]): boolean {
  const names = splits.map(({ name }) => name);
  const parts = splits.flatMap(({ parts: taken }) => taken);
  const isAlone = !parts.includes("everything") || splits.length === 1;
  return isAlone && new Set(names).size === names.length && new Set(parts).size === parts.length;
}

/**
 * The recipe of this name, such as "coco", or the one in a file of the user's when the name ends in
 * ".json". Throws ConfigError with all faults at once, each with its path.
 */
export async function readRecipe(name: string): Promise<PreparationRecipe> {
  const isFile = name.endsWith(".json");
  const path = isFile ? name : join(manifestsFolder, "recipes", `${name}.json`);
  const text = await readRecipeText(path, name);
  const parsed = recipeSchema.safeParse(parseJson(text, path));
  if (parsed.success) return parsed.data;
  throw new ConfigError(`${path} is no preparation recipe:\n${z.prettifyError(parsed.error)}`, {
    file: path,
    remedy: "correct the fields named",
  });
}

async function readRecipeText(path: string, name: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (errnoOf(error) !== "ENOENT" && errnoOf(error) !== "ENOTDIR") throw error;
    const known = (await recipeNames()).join(", ");
    throw new ConfigError(`there is no preparation recipe "${name}"; there are ${known}`, {
      remedy: "name one of them, or a .json file with a recipe of yours",
      cause: error,
    });
  }
}

/** The names of the recipes that come with the program, sorted. */
export async function recipeNames(): Promise<string[]> {
  const files = await readdir(join(manifestsFolder, "recipes"), { recursive: true });
  return files
    .filter((file) => file.endsWith(".json"))
    .map((file) => file.slice(0, -".json".length).replaceAll("\\", "/"))
    .toSorted();
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ConfigError(`${path} is not JSON`, { file: path, cause: error });
  }
}
