import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { ConfigError, errnoOf } from "../../core/errors.ts";
import { manifestsFolder, policyNames } from "../recipe.ts";

/** By what two pictures are known to be one before their files are opened, strongest first. */
export const pictureIdentities = [
  "same-key",
  "linked-key",
  "same-flickr-photo",
  "same-url",
] as const;

export type PictureIdentityRule = (typeof pictureIdentities)[number];

/** Pictures of a dataset that a policy speaks of: those to protect, to train on, to evaluate on. */
export interface NamedPictures {
  readonly dataset: string;
  /** The published split that the parts are of; the manifest's first when not given. */
  readonly split?: string | undefined;
  /** "everything" is every picture of the dataset, whatever part it is in. */
  readonly parts: readonly string[] | "everything";
  /** Which evaluation they are of, or where it is written that they are trained on. */
  readonly because: string;
}

/** A rule for what may be trained on, as data. */
export interface LeakPolicy {
  readonly name: string;
  readonly summary: string;
  readonly identities: readonly PictureIdentityRule[];
  /** Pictures that may not be trained on. */
  readonly protects: readonly NamedPictures[];
}

/**
 * A policy with the setting that it is of: what a published model is trained and evaluated on. It says
 * what leaks where, while `prepare` needs the policy alone.
 */
export interface LeakSetting extends LeakPolicy {
  /** Which side gives way: the evaluation stays as it was published, or its numbers compare with nothing. */
  readonly drops: "training";
  /** What is trained on; "every-training-part" for all that is known and not evaluated on. */
  readonly trains: readonly NamedPictures[] | "every-training-part";
  /** What is evaluated on; "every-evaluation" for all that manifests/evaluations.json names. */
  readonly evaluates: readonly NamedPictures[] | "every-evaluation";
  /** What its backbone or detector had seen before: names of manifests/backbones/, or files. */
  readonly backbones: readonly string[];
}

const POLICY_FORMAT = "crossweave-leak-policy";
const VERSION = 1;

const namedPictures = z.strictObject({
  dataset: z.string(),
  split: z.string().optional(),
  parts: z.union([z.literal("everything"), z.array(z.string()).min(1)]),
  because: z.string(),
});

/** Pictures of a dataset by the parts of its published split, and why they are named. */
export const namedPicturesSchema: z.ZodType<NamedPictures> = namedPictures;

const policySchema = z.strictObject({
  format: z.literal(POLICY_FORMAT),
  version: z.literal(VERSION),
  name: z.string().regex(/^[a-z0-9][a-z0-9-]*$/),
  summary: z.string(),
  drops: z
    .literal("training", {
      error: 'is "training" always: what is evaluated on stays as it was published',
    })
    .default("training"),
  trains: z
    .union([z.literal("every-training-part"), z.array(namedPictures).min(1)])
    .default("every-training-part"),
  evaluates: z
    .union([z.literal("every-evaluation"), z.array(namedPictures).min(1)])
    .default("every-evaluation"),
  backbones: z.array(z.string()).default([]),
  identities: z.array(z.enum(pictureIdentities)),
  protects: z.array(namedPictures),
});

/**
 * The policy of this name, such as "uniter", or the one in a file of the user's when the name ends in
 * ".json". Throws ConfigError with all faults at once, each with its path.
 */
export async function readLeakPolicy(name: string): Promise<LeakPolicy> {
  const { name: ownName, summary, identities, protects } = await readLeakSetting(name);
  return { name: ownName, summary, identities, protects };
}

/** The same with what is trained on, evaluated on, and seen by a backbone before; the same errors. */
export async function readLeakSetting(name: string): Promise<LeakSetting> {
  const isFile = name.endsWith(".json");
  const path = isFile ? name : join(manifestsFolder, "policies", `${name}.json`);
  const parsed = policySchema.safeParse(parseJson(await readPolicyText(path, name), path));
  if (!parsed.success) throw notAPolicy(path, z.prettifyError(parsed.error));
  const { format: _format, version: _version, ...setting } = parsed.data;
  if (isFile && policyNames.some((known) => known === setting.name)) throw takenName(path, setting);
  return setting;
}

async function readPolicyText(path: string, name: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    const errno = errnoOf(error);
    if (errno !== "ENOENT" && errno !== "ENOTDIR" && errno !== "EISDIR") throw error;
    throw new ConfigError(
      `there is no leak policy "${name}"; there are ${policyNames.join(", ")}`,
      { remedy: "name one of them, or a .json file with a policy of yours", cause: error },
    );
  }
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ConfigError(`${path} is not JSON`, { file: path, cause: error });
  }
}

// A set's index names the policy that it was prepared by, and an audit takes the program's own at their word.
function takenName(path: string, { name }: LeakPolicy): ConfigError {
  return new ConfigError(`${path}: the name "${name}" is that of a policy of crossweave's own`, {
    file: path,
    record: "/name",
    remedy: `give it a name of its own, or name the one of crossweave: --policy ${name}`,
  });
}

function notAPolicy(path: string, faults: string): ConfigError {
  return new ConfigError(`${path} is no leak policy:\n${faults}`, {
    file: path,
    remedy:
      "correct the fields named; what crossweave audit --exclusions wrote is given with --exclude",
  });
}
