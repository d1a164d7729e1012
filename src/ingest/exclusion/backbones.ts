import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { ConfigError, errnoOf } from "../../core/errors.ts";
import { manifestsFolder } from "../recipe.ts";
import { type NamedPictures, namedPicturesSchema } from "./leak-policy.ts";

/** What a backbone or a detector had been trained on before the pre-training: declared, since no shard tells. */
export interface Backbone {
  readonly name: string;
  readonly summary: string;
  /** Pictures that annotation files can tell. */
  readonly sees: readonly NamedPictures[];
  /** What it saw of which no annotation file tells the pictures, a sentence each. */
  readonly untold: readonly string[];
}

const backboneSchema = z.strictObject({
  format: z.literal("crossweave-backbone"),
  version: z.literal(1),
  name: z.string().regex(/^[a-z0-9][a-z0-9-]*$/),
  summary: z.string(),
  sees: z.array(namedPicturesSchema),
  untold: z.array(z.string()),
});

/**
 * The backbone of this name, such as "vg-butd", or the one in a file of the user's when the name ends
 * in ".json". Throws ConfigError with all faults at once, each with its path.
 */
export async function readBackbone(name: string): Promise<Backbone> {
  const isFile = name.endsWith(".json");
  const path = isFile ? name : join(manifestsFolder, "backbones", `${name}.json`);
  const parsed = backboneSchema.safeParse(parseJson(await readText(path, name), path));
  if (!parsed.success) {
    throw new ConfigError(`${path} is no backbone:\n${z.prettifyError(parsed.error)}`, {
      file: path,
      remedy: "correct the fields named; manifests/backbones/ has examples",
    });
  }
  const { format: _format, version: _version, ...backbone } = parsed.data;
  return backbone;
}

/** The names of the backbones that come with the program, sorted. */
export async function backboneNames(): Promise<string[]> {
  const files = await readdir(join(manifestsFolder, "backbones"));
  return files.map((file) => file.replace(/\.json$/, "")).toSorted();
}

async function readText(path: string, name: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    const errno = errnoOf(error);
    if (errno !== "ENOENT" && errno !== "ENOTDIR" && errno !== "EISDIR") throw error;
    const known = (await backboneNames()).join(", ");
    throw new ConfigError(`there is no backbone "${name}"; there are ${known}`, {
      remedy: "name one of them, or a .json file that says what yours had seen",
      cause: error,
    });
  }
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ConfigError(`${path} is not JSON`, { file: path, cause: error });
  }
}
