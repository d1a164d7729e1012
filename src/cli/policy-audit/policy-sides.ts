import type { PolicyNote } from "../../audit/findings.ts";
import type { MatrixCell } from "../../audit/verdict.ts";
import { recipeOf } from "../../ingest/recipe.ts";
import type { ShardSetIndex } from "../../shards/shard-set-index.ts";
import type { AuditedPolicy } from "./audited-policy.ts";
import { type DatasetPart, partsOf, type PublishedSplits } from "./dataset-parts.ts";
import { policyNote } from "./policy-note.ts";
import { type PolicySplit, roleByPolicy } from "./split-roles.ts";

/** Sets as a policy divides them. */
export interface PolicySides {
  /** The indexes with the policy's roles, in the order they were given. */
  readonly indexes: readonly ShardSetIndex[];
  /** What the policy adds to a verdict, once it is known what the splits share. */
  readonly note: (matrix: readonly MatrixCell[]) => PolicyNote;
}

/** Gives every split of sets its role by a policy; sets of `through` stay on neither side. */
export function policySides(
  policy: AuditedPolicy,
  sets: readonly ShardSetIndex[],
  through: readonly ShardSetIndex[],
): PolicySides {
  const all: PolicySplit[] = [];
  const indexes = sets.map((index) => {
    const holds = heldParts(index, policy.published);
    const splits = index.splits.map((split) => {
      const place = `${index.name}/${split.name}`;
      const { numPictures, role } = split;
      const held = { place, role, numPictures, holds: holds?.get(split.name) };
      const byPolicy = roleByPolicy(held, policy);
      all.push(byPolicy);
      return { ...split, role: byPolicy.role === "eval" ? ("eval" as const) : role };
    });
    return { ...index, splits };
  });
  for (const index of through) {
    const holds = heldParts(index, policy.published);
    for (const { name, numPictures } of index.splits) {
      const place = `${index.name}/${name}`;
      const held = { place, role: "witness", numPictures, holds: holds?.get(name) } as const;
      all.push(roleByPolicy(held, policy));
    }
  }
  return { indexes, note: (matrix) => policyNote(policy, all, matrix) };
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
