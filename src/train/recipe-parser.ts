import { closest, distance } from "fastest-levenshtein";
import { z } from "zod";
import { ConfigError } from "../core/errors.ts";
import { executions, precisions } from "../tensor/compiled/options.ts";
import { misfits } from "./recipes/misfits.ts";
import type { TrainingRecipe } from "./recipe.ts";

const positiveInteger = z.int().positive();
const rate = z.number().nonnegative();

const swinSchema = z.strictObject({
  imageSize: positiveInteger,
  patchSize: positiveInteger,
  embedDim: positiveInteger,
  depths: z.array(positiveInteger).min(1),
  heads: z.array(positiveInteger).min(1),
  windowSize: positiveInteger,
  mlpRatio: positiveInteger,
  stochasticDepth: z.number().min(0).lt(1),
});

const transformerSchema = z.strictObject({
  hiddenSize: positiveInteger,
  layers: positiveInteger,
  heads: positiveInteger,
  intermediateSize: positiveInteger,
  maxPositions: positiveInteger,
  tokenTypes: z.int().nonnegative(),
  dropout: z.number().min(0).lt(1),
  recompute: z.boolean(),
});

const dataSchema = z.strictObject({
  vocabulary: z.string(),
  picturesPerBatch: positiveInteger,
  matchedTexts: positiveInteger,
  unmatchedTexts: z.int().nonnegative(),
  maxTextTokens: positiveInteger,
  mlmProbability: z.number().min(0).max(1),
  minimumCropArea: z.number().positive().max(1),
  numWorkers: positiveInteger,
  prefetchBatches: positiveInteger,
});

const objectivesSchema = z.strictObject({
  mlmWeight: rate,
  itmWeight: rate,
  mfrWeight: rate,
  mfrMaskedTokens: positiveInteger,
});

const optimisationSchema = z.strictObject({
  duration: z.strictObject({ unit: z.enum(["epochs", "steps"]), length: positiveInteger }),
  visualLearningRate: rate,
  transformerLearningRate: rate,
  visualSgd: z.strictObject({ momentum: z.number().min(0).lt(1), weightDecay: rate }).nullable(),
  frozenVisualEpochs: z.int().nonnegative(),
  warmupSteps: z.int().nonnegative(),
  decay: z.enum(["steps", "linear", "cosine"]),
  milestones: z.array(positiveInteger),
  decayFactor: rate,
  beta1: z.number().min(0).lt(1),
  beta2: z.number().min(0).lt(1),
  epsilon: z.number().positive(),
  weightDecay: rate,
  clipNorm: z.number().positive(),
});

const recipeObject = z.strictObject({
  name: z.string(),
  system: z.literal("visual-parsing"),
  seed: z.int().nonnegative(),
  model: z.strictObject({
    initialScale: z.enum(["published", "fan-in"]),
    swin: swinSchema,
    transformer: transformerSchema,
  }),
  data: dataSchema,
  objectives: objectivesSchema,
  optimisation: optimisationSchema,
  precision: z.enum(precisions),
  execution: z.enum(executions),
  checkpointEverySteps: positiveInteger,
});

const recipeSchema: z.ZodType<TrainingRecipe> = recipeObject.superRefine((recipe, context) => {
  for (const { path, message } of misfits(recipe)) {
    context.addIssue({ code: "custom", path: path.split("."), message });
  }
});

/** Reads a recipe from outside data; all faults at once, each with its path. Throws ConfigError. */
export function parseRecipe(value: unknown, file: string): TrainingRecipe {
  const remedy = "put back the file that crossweave train wrote, or start over with --fresh";
  return parsedRecipe(value, { origin: file, file, remedy });
}

function parsedRecipe(
  value: unknown,
  { origin, file, remedy }: { origin: string; file?: string; remedy: string },
): TrainingRecipe {
  const parsed = recipeSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.flatMap(faultTexts);
  const heading = `${origin}: ${faults.length} ${faults.length === 1 ? "fault" : "faults"}`;
  throw new ConfigError([heading, ...faults].join("\n"), { file, remedy });
}

function faultTexts(issue: z.core.$ZodIssue): string[] {
  const path = issue.path.join(".");
  if (issue.code !== "unrecognized_keys") return [`  ${path || "recipe"}: ${issue.message}`];
  const known = keysAt(issue.path);
  return issue.keys.map(
    (key) =>
      `  ${[...issue.path, key].join(".")}: no such key; the nearest is ${closest(key, known)}`,
  );
}

function keysAt(path: readonly PropertyKey[]): string[] {
  let schema: unknown = recipeObject;
  for (const key of path) {
    schema = schema instanceof z.ZodObject ? schema.shape[String(key)] : undefined;
  }
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
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

function isObject(value: unknown): value is Record<string, unknown> {
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
