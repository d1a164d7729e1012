import { z } from "zod";
import type { PolicyNote } from "../../audit/findings.ts";
import type { MatrixCell } from "../../audit/verdict.ts";
import { datasetOfAbsence } from "../../ingest/exclusion/policy-rules.ts";
import { recipeOf } from "../../ingest/recipe.ts";
import type { ShardSetIndex } from "../../shards/shard-set-index.ts";
import type { AuditedPolicy } from "./audited-policy.ts";
import { type DatasetPart, partsOf, type PublishedSplits } from "./dataset-parts.ts";
import { exclusionNotesSchema } from "../preparation/exclusions.ts";
import { policyNote } from "./policy-note.ts";
import { type HeldSplit, type PolicySplit, roleByPolicy } from "./split-roles.ts";

/** Sets as a policy divides them. */
export interface PolicySides {
  /** The indexes with the policy's roles, in the order they were given. */
  readonly indexes: readonly ShardSetIndex[];
  /** What the policy adds to a verdict, once it is known what the splits share. */
  readonly note: (matrix: readonly MatrixCell[]) => PolicyNote;
}

/**
 * Gives every split of sets its role by a policy; sets of `through` stay on neither side. The note does not depend on the
 * order of the sets.
 */
export function policySides(
  policy: AuditedPolicy,
  sets: readonly ShardSetIndex[],
  through: readonly ShardSetIndex[],
): PolicySides {
  const divided = sets.map((index) => dividedSet(index, policy));
  const witnesses = through.map((index) => dividedSet(index, policy, "witness"));
  const splits = [...divided, ...witnesses]
    .toSorted((one, other) => (nameOf(one) < nameOf(other) ? -1 : 1))
    .flatMap((set) => set.splits);
  return {
    indexes: divided.map(({ index, splits: own }) => withRoles(index, own)),
    note: (matrix) => policyNote(policy, splits, matrix),
  };
}

interface DividedSet {
  readonly index: ShardSetIndex;
  /** In the order of the index. */
  readonly splits: readonly PolicySplit[];
}

function dividedSet(index: ShardSetIndex, policy: AuditedPolicy, instead?: "witness"): DividedSet {
  const holds = heldParts(index, policy.published);
  const preparation = preparationOf(index, policy);
  const splits = index.splits.map(({ name, numPictures, role }) =>
    roleByPolicy(
      {
        place: `${index.name}/${name}`,
        role: instead ?? role,
        numPictures,
        holds: holds?.get(name),
        preparation,
      },
      policy,
    ),
  );
  return { index, splits };
}

const withExclusions = z.object({ exclusions: exclusionNotesSchema });

/** By which of the program's own policies a set was prepared, and what of that was known then. */
function preparationOf(
  { recipe }: ShardSetIndex,
  { preparedBy }: AuditedPolicy,
): HeldSplit["preparation"] {
  const notes = withExclusions.safeParse(recipe).data?.exclusions;
  const named = preparedBy.get(notes?.policy ?? "");
  if (notes === undefined || named === undefined) return undefined;
  const notKnown = new Set(notes.notKnown.map(datasetOfAbsence));
  const leavesOut = named.filter(({ dataset }) => !notKnown.has(dataset));
  return { policy: notes.policy, leavesOut };
}

function nameOf({ index }: DividedSet): string {
  return `${index.name}\n${index.digest}`;
}

function withRoles(index: ShardSetIndex, byPolicy: readonly PolicySplit[]): ShardSetIndex {
  const splits = index.splits.map((split, at) =>
    byPolicy[at]?.role === "eval" ? { ...split, role: "eval" as const } : split,
  );
  return { ...index, splits };
}

/** What a set's recipe puts into each of its splits; undefined where its index names none. */
function heldParts(
  { recipe: preparation }: ShardSetIndex,
  published: PublishedSplits,
): ReadonlyMap<string, readonly DatasetPart[]> | undefined {
  const isObject = typeof preparation === "object" && preparation !== null;
  const recipe = isObject ? recipeOf(preparation) : undefined;
  if (recipe === undefined) return undefined;
  const splitOf = new Map(recipe.datasets.map(({ name, split }) => [name, split]));
  return new Map(
    recipe.splits.map(({ from, name }) => [
      name,
      Object.entries(from).flatMap(([dataset, parts]) =>
        partsOf({ dataset, parts, split: splitOf.get(dataset) }, published),
      ),
    ]),
  );
}
