import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { JsonValue } from "../core/digest.ts";
import { ConfigError, errnoOf } from "../core/errors.ts";
import { type SplitRole, type TextKind, textKinds } from "../core/records.ts";
import type { PicturePolicy } from "./pictures/store-picture.ts";
import { type RegionPolicy, regionPolicySchema } from "./regions/region-policy.ts";
import type { SourceSplit } from "./source.ts";

/** A dataset that a recipe takes something of. */
interface RecipeDataset {
  readonly name: string;
  /** Which of its published splits the parts are of; the manifest's first when not given. */
  readonly split?: string | undefined;
  /** Texts of these kinds only; all when not given. */
  readonly textKinds?: readonly TextKind[] | undefined;
}

/** Parts of a published split; "everything" takes every picture that is listed, whatever part it is in. */
type TakenParts = readonly string[] | "everything";

/** One split of a set, and what goes into it. */
export interface RecipeSplit {
  readonly name: string;
  readonly role: SplitRole;
  /** Per dataset, what it gives to this split. */
  readonly from: Readonly<Record<string, TakenParts>>;
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
  readonly datasets: readonly RecipeDataset[];
  readonly splits: readonly RecipeSplit[];
  /** Which pictures stay out of what is trained on; manifests/policies/ says what each protects. */
  readonly policy: PolicyName;
  /** Region features to be stored beside the pictures; none when not given. */
  readonly regions?: RegionPolicy | undefined;
  readonly pictures: PicturePolicy;
  readonly shards: {
    readonly targetBatchBytes: number;
    readonly maxScenesPerBatch: number;
    readonly targetShardBytes: number;
  };
  readonly quarantineLimit: QuarantineLimit;
}

/** The leak policies that come with the program. */
export const policyNames = ["none", "uniter", "soho", "visual-parsing", "vilt", "strict"] as const;

type PolicyName = (typeof policyNames)[number];

/** Data that belongs to the program: recipes and what is known of each dataset. */
export const manifestsFolder: string = join(import.meta.dirname, "../../manifests");

const positiveInteger = z.int().positive();
const splitName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/);
const taken = z.union([z.literal("everything"), z.array(z.string()).min(1)]);
const recipeSchema: z.ZodType<PreparationRecipe> = z
  .strictObject({
    name: z.string().regex(/^[a-z0-9][a-z0-9/+-]*$/),
    summary: z.string(),
    datasets: z
      .array(
        z.strictObject({
          name: z.string(),
          split: z.string().optional(),
          textKinds: z.array(z.enum(textKinds)).min(1).optional(),
        }),
      )
      .min(1),
    splits: z
      .array(
        z.strictObject({
          name: splitName,
          role: z.enum(["train", "eval"]),
          from: z.record(z.string(), taken),
        }),
      )
      .min(1),
    policy: z.enum(policyNames),
    regions: regionPolicySchema.optional(),
    pictures: z.strictObject({
      shorterSide: positiveInteger,
      jpegQuality: z.int().min(1).max(100),
      maxPixels: positiveInteger,
      seekTable: z.enum(["strips", "none"]).optional(),
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
  })
  .check(({ value, issues }) => {
    for (const { path, message } of contradictionsOf(value)) {
      issues.push({ code: "custom", path: [...path], message, input: value });
    }
  });

interface Contradiction {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

function contradictionsOf({ datasets, splits }: PreparationRecipe): readonly Contradiction[] {
  const names = datasets.map(({ name }) => name);
  return [
    ...repeated(names).map((at) => ({ path: ["datasets", at, "name"], message: "is named twice" })),
    ...repeated(splits.map(({ name }) => name)).map((at) => {
      return { path: ["splits", at, "name"], message: "two splits have this name" };
    }),
    ...splits.flatMap(({ from }, at) =>
      Object.keys(from)
        .filter((name) => !names.includes(name))
        .map((name) => {
          return { path: ["splits", at, "from", name], message: "is not one of the datasets" };
        }),
    ),
    ...datasets.flatMap(({ name }, at) => contradictionsOfDataset(name, at, splits)),
  ];
}

function contradictionsOfDataset(
  dataset: string,
  datasetIndex: number,
  splits: readonly RecipeSplit[],
): readonly Contradiction[] {
  const taking = splits.flatMap(({ from }, at) => {
    const parts = from[dataset];
    return parts === undefined ? [] : [{ path: ["splits", at, "from", dataset], parts }];
  });
  if (taking.length === 0) {
    return [{ path: ["datasets", datasetIndex], message: `no split takes anything of ${dataset}` }];
  }
  const seen = new Set<string>();
  return taking.flatMap(({ path, parts }) => {
    const all = typeof parts === "string" ? [parts] : parts;
    const twice = all.filter((part) => seen.has(part) || !seen.add(part));
    const wrong = twice.map((part) => ({ path, message: `two splits take the part "${part}"` }));
    const isAlone = parts !== "everything" || taking.length === 1;
    const message = 'another split stands beside one that takes "everything"';
    return isAlone ? wrong : [...wrong, { path, message }];
  });
}

function repeated(names: readonly string[]): number[] {
  return names.flatMap((name, at) => (names.indexOf(name) < at ? [at] : []));
}

/** The splits of a recipe that take something of a dataset, as its source is asked for them. */
export function sourceSplitsOf(recipe: PreparationRecipe, dataset: string): SourceSplit[] {
  return recipe.splits.flatMap(({ name, role, from }) => {
    const parts = from[dataset];
    return parts === undefined ? [] : [{ name, role, parts }];
  });
}

/** A recipe as it stands in a set's index. */
export function recipeJson(recipe: PreparationRecipe): { readonly [key: string]: JsonValue } {
  const { name, summary, policy, regions, pictures, shards, quarantineLimit } = recipe;
  return {
    name,
    summary,
    datasets: recipe.datasets.map((dataset) => ({ ...dataset })),
    splits: recipe.splits.map((split) => ({ ...split, from: { ...split.from } })),
    policy,
    ...(regions === undefined ? {} : { regions: regionsJson(regions) }),
    pictures: { ...pictures },
    shards: { ...shards },
    quarantineLimit: { ...quarantineLimit },
  };
}

function regionsJson(policy: RegionPolicy): JsonValue {
  const selection = { ...policy.selection };
  return policy.from === "tsv"
    ? { ...policy, selection, files: policy.files.map((file) => ({ ...file })) }
    : { ...policy, selection, folders: [...policy.folders] };
}

/**
 * The recipe of this name, such as "coco" or "pretrain/soho", or the one in a file of the user's when
 * the name ends in ".json". Throws ConfigError with all faults at once, each with its path.
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

const recipeMembers: ReadonlySet<string> = new Set([
  "name",
  "summary",
  "datasets",
  "splits",
  "policy",
  "regions",
  "pictures",
  "shards",
  "quarantineLimit",
]);

/** The recipe in what a shard set tells of its preparation, whose other members are notes; undefined when there is none. */
export function recipeOf(preparation: object): PreparationRecipe | undefined {
  const members = Object.entries(preparation).filter(([name]) => recipeMembers.has(name));
  return recipeSchema.safeParse(Object.fromEntries(members)).data;
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
