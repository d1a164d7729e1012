import { closest, distance } from "fastest-levenshtein";
import { z } from "zod";
import { ConfigError } from "../core/errors.ts";
import { taskDemands } from "./finetuning/task-demands.ts";
import type { TrainingRecipe } from "./recipe.ts";
import { checkpointDemands, type Demand } from "./recipes/recipe-base.ts";
import { sohoDemands, sohoSchema } from "./recipes/soho-recipe.ts";
import { uniterDemands, uniterSchema } from "./recipes/uniter-recipe.ts";
import { visualParsingDemands, visualParsingSchema } from "./recipes/visual-parsing-recipe.ts";

const systemSchema = z.looseObject({ system: z.enum(["soho", "uniter", "visual-parsing"]) });

const recipeSchemas: Readonly<Record<TrainingRecipe["system"], z.ZodType<TrainingRecipe>>> = {
  soho: sohoSchema,
  uniter: uniterSchema,
  "visual-parsing": visualParsingSchema,
};

/** What keeps a recipe's model from being built or trained though each value is in its own range. */
function demandsOf(recipe: TrainingRecipe): Demand[] {
  return [
    ...checkpointDemands(recipe.checkpoints),
    ...taskDemands(recipe),
    ...systemDemands(recipe),
  ];
}

function systemDemands(recipe: TrainingRecipe): Demand[] {
  switch (recipe.system) {
    case "soho":
      return sohoDemands(recipe);
    case "uniter":
      return uniterDemands(recipe);
    case "visual-parsing":
      return visualParsingDemands(recipe);
  }
}

/** Reads a recipe from outside data; all faults at once, each with its path. Throws ConfigError. */
export function parseRecipe(value: unknown, file: string): TrainingRecipe {
  const remedy = "put back the file that crossweave train wrote, or start over with --fresh";
  return parsedRecipe(value, { origin: file, file, remedy });
}

/** Reads a recipe that a user has written. Throws ConfigError as `parseRecipe` does. */
export function recipeOfUser(value: unknown, file: string, remedy: string): TrainingRecipe {
  return parsedRecipe(value, { origin: file, file, remedy });
}

function parsedRecipe(
  value: unknown,
  { origin, file, remedy }: { origin: string; file?: string; remedy: string },
): TrainingRecipe {
  const { faults, recipe } = readRecipe(value);
  if (recipe !== undefined) return recipe;
  const heading = `${origin}: ${faults.length} ${faults.length === 1 ? "fault" : "faults"}`;
  throw new ConfigError([heading, ...faults].join("\n"), { file, remedy });
}

interface RecipeReading {
  /** Where there are no faults. */
  readonly recipe?: TrainingRecipe;
  readonly faults: readonly string[];
}

function readRecipe(value: unknown): RecipeReading {
  const named = systemSchema.safeParse(value);
  if (!named.success) {
    return { faults: named.error.issues.flatMap((issue) => faultTexts(issue, systemSchema)) };
  }
  const schema = recipeSchemas[named.data.system];
  const parsed = schema.safeParse(value);
  if (!parsed.success) {
    return { faults: parsed.error.issues.flatMap((issue) => faultTexts(issue, schema)) };
  }
  const faults = unmetDemands(parsed.data);
  return faults.length > 0 ? { faults } : { faults, recipe: parsed.data };
}

function unmetDemands(recipe: TrainingRecipe): string[] {
  const unmet = demandsOf(recipe).filter(({ isMet }) => !isMet);
  return unmet.map(({ message, path }) => `  ${path}: ${message}`);
}

function faultTexts(issue: z.core.$ZodIssue, recipe: z.ZodType): string[] {
  const path = issue.path.join(".");
  if (issue.code !== "unrecognized_keys") return [`  ${path || "recipe"}: ${issue.message}`];
  const known = keysAt(recipe, issue.path);
  return issue.keys.map(
    (key) =>
      `  ${[...issue.path, key].join(".")}: no such key; the nearest is ${closest(key, known)}`,
  );
}

function keysAt(recipe: z.ZodType, path: readonly PropertyKey[]): string[] {
  let schema: unknown = recipe;
  for (const key of path) {
    const object = unwrapped(schema);
    schema = object instanceof z.ZodObject ? object.shape[String(key)] : undefined;
  }
  const last = unwrapped(schema);
  return last instanceof z.ZodObject ? Object.keys(last.shape) : [];
}

/** What may be null, or left out, where it is there. */
function unwrapped(schema: unknown): unknown {
  const isWrapped = schema instanceof z.ZodNullable || schema instanceof z.ZodOptional;
  return isWrapped ? unwrapped(schema.unwrap()) : schema;
}

/**
 * A recipe with some values replaced, as `--set optimisation.warmupSteps=100` asks; values are JSON, or
 * text where they are none. Throws ConfigError for an unknown key, with the nearest valid one.
 */
export function overrideRecipe(
  recipe: TrainingRecipe,
  settings: readonly string[],
): TrainingRecipe {
  const copy: unknown = structuredClone(recipe);
  const known = leafPaths(copy);
  const faults = settings.flatMap((setting) => settingFaults(setting, known));
  if (faults.length > 0) {
    throw new ConfigError(faults.join("\n"), { remedy: `the keys are: ${known.join(", ")}` });
  }
  for (const setting of settings) applySetting(copy, setting);
  const remedy = "--dry-run prints every constant of a recipe with its value";
  return parsedRecipe(copy, { origin: "--set", remedy });
}

function settingFaults(setting: string, known: readonly string[]): string[] {
  const equals = setting.indexOf("=");
  if (equals <= 0) {
    return [`--set ${setting}: expected key=value, such as data.picturesPerBatch=8`];
  }
  const path = setting.slice(0, equals);
  if (known.includes(path)) return [];
  return [`--set ${path}: no such key; the nearest is ${nearest(path, known)}`];
}

function applySetting(recipe: unknown, setting: string): void {
  const equals = setting.indexOf("=");
  const keys = setting.slice(0, equals).split(".");
  const last = keys.pop() ?? "";
  const parent = keys.reduce<unknown>(
    (node, key) => (isObject(node) ? node[key] : undefined),
    recipe,
  );
  if (isObject(parent)) parent[last] = settingValue(setting.slice(equals + 1), parent[last]);
}

function settingValue(text: string, current: unknown): unknown {
  if (typeof current === "string") return text;
  try {
    return JSON.parse(text);
  } catch {
    return text; // the schema then says what was expected
  }
}

function leafPaths(node: unknown, prefix = ""): string[] {
  if (!isObject(node)) return [prefix.slice(0, -1)];
  return Object.entries(node).flatMap(([key, value]) => leafPaths(value, `${prefix}${key}.`));
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

// People leave out where a key stands, so its last part counts twice.
function nearest(text: string, known: readonly string[]): string {
  const distances = known.map((key) => ({
    key,
    apart: 2 * distance(lastPart(text), lastPart(key)) + distance(text, key),
  }));
  return distances.toSorted((a, b) => a.apart - b.apart)[0]?.key ?? "";
}

function lastPart(path: string): string {
  return path.slice(path.lastIndexOf(".") + 1);
}
