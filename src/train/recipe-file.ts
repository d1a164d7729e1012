import { basename, extname, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { closest } from "fastest-levenshtein";
import { ConfigError } from "../core/errors.ts";
import { readGivenFile } from "../core/files.ts";
import { isObject, recipeOfUser } from "./recipe-parser.ts";
import type { TrainingRecipe } from "./recipe.ts";
import { recipeNamed } from "./recipes/recipe-named.ts";

const REMEDY =
  'write a recipe such as {"extends": "pretrain/visual-parsing-small", "optimisation": {"warmupSteps": 100}}';
/** The key of the recipe that an own one changes. */
const BASE_KEY = "extends";
const MODULES: ReadonlySet<string> = new Set([".ts", ".mts", ".js", ".mjs"]);

/**
 * Reads a recipe of a user's own: JSON, or a module whose default export it is. `extends` names one of ours; what stands beside
 * it takes the places of that one's values, objects key by key, lists as a whole. Without a name it is called like the file.
 * Throws ConfigError with all faults, unknown keys with the nearest, and SourceError where the file cannot be read.
 */
export async function recipeFromFile(path: string): Promise<TrainingRecipe> {
  const given = await contentOf(path);
  if (!isObject(given)) throw new ConfigError(`${path}: a recipe is an object`, fault(path));
  const { [BASE_KEY]: base, ...own } = given;
  const name = own["name"] ?? basename(path, extname(path));
  if (base === undefined) return recipeOfUser({ ...own, name }, path, REMEDY);
  if (typeof base !== "string") {
    throw new ConfigError(`${path}: ${BASE_KEY}: the name of a recipe is expected`, fault(path));
  }
  const extended = recipeNamed(base);
  const unknown = unknownKeys(extended, own, "");
  if (unknown.length > 0) throw new ConfigError([`${path}:`, ...unknown].join("\n"), fault(path));
  return recipeOfUser(merged(extended, { ...own, name }), path, REMEDY);
}

function fault(file: string): { readonly file: string; readonly remedy: string } {
  return { file, remedy: REMEDY };
}

async function contentOf(path: string): Promise<unknown> {
  const bytes = await readGivenFile(path, REMEDY);
  if (MODULES.has(extname(path))) {
    const module: unknown = await import(pathToFileURL(resolve(path)).href);
    return isObject(module) ? module["default"] : undefined;
  }
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch (error) {
    throw new ConfigError(`${path}: ${String(error)}`, { ...fault(path), cause: error });
  }
}

/** The keys that the recipe which is extended does not have. */
function unknownKeys(base: unknown, own: unknown, prefix: string): string[] {
  if (!isObject(base) || !isObject(own)) return [];
  const known = Object.keys(base);
  return Object.entries(own).flatMap(([key, value]) => {
    const path = prefix === "" ? key : `${prefix}.${key}`;
    if (known.includes(key)) return unknownKeys(base[key], value, path);
    return [`  ${path}: no such key; the nearest is ${closest(key, known)}`];
  });
}

function merged(base: unknown, own: unknown): unknown {
  if (!isObject(base) || !isObject(own)) return own;
  const members = Object.entries(own).map(
    ([key, value]) => [key, merged(base[key], value)] as const,
  );
  return { ...base, ...Object.fromEntries(members) };
}
