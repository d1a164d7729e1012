import type { ImageKey } from "../../core/keys.ts";
import type { LeakRule } from "../rules.ts";
import type { Exclusion } from "../verdict.ts";
import type { ComparedSides, EvaluatedPictures } from "./evaluated-pictures.ts";
import { bitsOf, hasGroup, numWordsFor } from "./group-bits.ts";
import { chainToGroups, type GroupChain } from "./group-chain.ts";

/**
 * The training pictures that have to go, by their keys: those that are evaluation pictures, and those that the policy leaves
 * out, each with a shortest chain that shows it.
 */
export function excludedPictures(
  pictures: EvaluatedPictures,
  { evaluations, leftOut, training }: ComparedSides,
): readonly Exclusion[] {
  const { groupsOf, identities } = pictures;
  const numWords = numWordsFor(Math.max(0, ...training, ...evaluations, leftOut ?? 0) + 1);
  const evaluated = bitsOf(evaluations, numWords);
  const guarded = leftOut === undefined ? undefined : bitsOf([leftOut], numWords);
  const found = new Map<ImageKey, Exclusion>();
  for (let picture = 0; picture < identities.numPictures; picture += 1) {
    const groups = groupsOf[identities.sourceNumber(picture)] ?? [];
    if (!training.some((group) => hasGroup(groups, group))) continue;
    const key = identities.key(picture);
    if (found.has(key)) continue;
    const isLeftOut = guarded !== undefined && pictures.isLeftOut(key);
    const chain =
      chainToGroups(pictures, picture, evaluated) ??
      (isLeftOut ? chainToGroups(pictures, picture, guarded) : undefined);
    if (chain !== undefined) found.set(key, exclusionOf(key, chain));
  }
  return Array.from(found.values()).toSorted((a, b) => (a.key < b.key ? -1 : 1));
}

function exclusionOf(key: ImageKey, { eval: evaluated, steps, train }: GroupChain): Exclusion {
  const [first] = steps;
  const rule: LeakRule = steps.length > 1 ? "chain" : (first?.rule ?? "same-key");
  const evidence =
    first === undefined
      ? `key ${key} (in ${train.set}/${train.split}, which is evaluated on; ${train.sceneKey})`
      : steps.map((step) => step.evidence).join(", then ");
  return { key, rule, evidence, train, eval: evaluated, chain: steps };
}
