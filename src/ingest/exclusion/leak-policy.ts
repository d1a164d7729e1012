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

/** Pictures that may not be trained on. */
export interface ProtectedPictures {
  readonly dataset: string;
  /** The published split that the parts are of; the manifest's first when not given. */
  readonly split?: string | undefined;
  /** "everything" protects every picture of the dataset, whatever part it is in. */
  readonly parts: readonly string[] | "everything";
  /** Which evaluation they are of. */
  readonly because: string;
}

/** A rule for what may be trained on, as data. */
export interface LeakPolicy {
  readonly name: string;
  readonly summary: string;
  readonly identities: readonly PictureIdentityRule[];
  readonly protects: readonly ProtectedPictures[];
}

const POLICY_FORMAT = "crossweave-leak-policy";
const VERSION = 1;

const policySchema = z.strictObject({
  format: z.literal(POLICY_FORMAT),
  version: z.literal(VERSION),
  name: z.string().regex(/^[a-z0-9][a-z0-9-]*$/),
  summary: z.string(),
  identities: z.array(z.enum(pictureIdentities)),
  protects: z.array(
    z.strictObject({
      dataset: z.string(),
      split: z.string().optional(),
      parts: z.union([z.literal("everything"), z.array(z.string()).min(1)]),
      because: z.string(),
    }),
  ),
});

/**
 * The policy of this name, such as "uniter", or the one in a file of the user's when the name ends in
 * ".json". Throws ConfigError with all faults at once, each with its path.
 */
export async function readLeakPolicy(name: string): Promise<LeakPolicy> {
  const isFile = name.endsWith(".json");
  const path = isFile ? name : join(manifestsFolder, "policies", `${name}.json`);
  const parsed = policySchema.safeParse(parseJson(await readPolicyText(path, name), path));
  if (!parsed.success) throw notAPolicy(path, z.prettifyError(parsed.error));
  const { summary, identities, protects } = parsed.data;
  return { name: parsed.data.name, summary, identities, protects };
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

function notAPolicy(path: string, faults: string): ConfigError {
  return new ConfigError(`${path} is no leak policy:\n${faults}`, {
    file: path,
    remedy:
      "correct the fields named; what crossweave audit --exclusions wrote is given with --exclude",
  });
}
