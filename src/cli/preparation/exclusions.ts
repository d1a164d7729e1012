import { z } from "zod";
import { exclusionsOf } from "../../audit/manifests/read-manifest.ts";
import type { ExclusionRules } from "../../ingest/exclusion/exclusion-rules.ts";
import {
  allExclusions,
  listedExclusions,
  noExclusions,
} from "../../ingest/exclusion/given-rules.ts";
import { readLeakPolicy } from "../../ingest/exclusion/leak-policy.ts";
import { exclusionRules } from "../../ingest/exclusion/policy-rules.ts";
import { listPictures } from "../../ingest/list-pictures.ts";
import type { PreparationRecipe } from "../../ingest/recipe.ts";
import { readManifest } from "../proving/manifest-files.ts";
import type { PrepareContext } from "./prepare-set.ts";

/** What is told of the exclusions of a set, on the terminal and in its index. */
export interface ExclusionNotes {
  /** The name of the leak policy. */
  readonly policy: string;
  /** How many evaluation pictures the policy protects. */
  readonly protectedPictures: number;
  /** How many pictures a list of the user's leaves out. */
  readonly listedPictures: number;
  /** The digest that names that list, an exclusion manifest; not there without one. */
  readonly listDigest?: string | undefined;
  /** What of the policy's evaluation pictures was not there. */
  readonly notKnown: readonly string[];
}

export const exclusionNotesSchema: z.ZodType<ExclusionNotes> = z.object({
  policy: z.string(),
  protectedPictures: z.int(),
  listedPictures: z.int(),
  listDigest: z.string().optional(),
  notKnown: z.array(z.string()),
});

export interface PreparationExclusions {
  readonly exclusions: ExclusionRules;
  readonly exclusionNotes: ExclusionNotes;
}

export interface ExclusionChoice {
  readonly sourceFolder: string;
  /** The name of a policy or a file; the recipe's when not given. */
  readonly policy?: string | undefined;
  /** A file that crossweave audit --exclusions wrote. */
  readonly exclude?: string | undefined;
  readonly allowMissing: boolean;
}

/**
 * Which pictures a preparation may not train on: those of its leak policy, computed from the
 * evaluation side's annotation files, and those of a list.
 * Throws SourceError when evaluation pictures are not known and may not be missing.
 */
export async function preparationExclusions(
  recipe: PreparationRecipe,
  choice: ExclusionChoice,
  { progress, signal }: PrepareContext,
): Promise<PreparationExclusions> {
  const policy = await readLeakPolicy(choice.policy ?? recipe.policy);
  const { sourceFolder: folder, allowMissing } = choice;
  const rules = await exclusionRules(policy, {
    folder,
    listPictures,
    allowMissing,
    progress,
    signal,
  });
  const listed = await readExclusionList(choice.exclude);
  return {
    exclusions: allExclusions([
      policy.protects.length === 0 ? noExclusions : rules,
      listed?.rules ?? noExclusions,
    ]),
    exclusionNotes: {
      policy: policy.name,
      protectedPictures: rules.numProtected,
      listedPictures: listed?.numPictures ?? 0,
      ...(listed === undefined ? {} : { listDigest: listed.listDigest }),
      notKnown: rules.absent,
    },
  };
}

interface ExclusionList {
  readonly rules: ExclusionRules;
  readonly numPictures: number;
  readonly listDigest: string;
}

async function readExclusionList(file: string | undefined): Promise<ExclusionList | undefined> {
  if (file === undefined) return undefined;
  const manifest = await readManifest(file);
  const exclusions = exclusionsOf(manifest);
  return {
    rules: listedExclusions(exclusions),
    numPictures: exclusions.size,
    listDigest: manifest.digest,
  };
}
