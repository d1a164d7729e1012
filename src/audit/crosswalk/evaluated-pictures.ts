import { type ImageKey, kindOfField, type PictureName } from "../../core/keys.ts";
import type { Identities } from "../identity/identities.ts";
import { IdentityGraph } from "../identity/identity-graph.ts";
import type { RelatedPictures } from "./crosswalk.ts";
import { bitsOf, type GroupBits, hasGroup, numWordsFor } from "./group-bits.ts";

/** On which side of a comparison a picture is looked up. */
export type PictureSide = "train" | "eval";

/**
 * The pictures of a crosswalk that evaluation pictures are, or pictures that a policy protects, by any chain, in a graph of their own: all that texts, chains
 * and exclusion lists ask of it, in a small part of its memory. Sources have the numbers that they have in the crosswalk.
 */
export interface EvaluatedPictures {
  readonly identities: Identities;
  /** By the numbers of the sources: the groups that each is in. */
  readonly groupsOf: readonly GroupBits[];
  /** The picture of this key, as that side lists it where it does; undefined where it is none of these. */
  readonly numberOf: (key: ImageKey, side: PictureSide) => number | undefined;
  /** Whether a training picture of this key is taken out by what a policy protects. */
  readonly isLeftOut: (key: ImageKey) => boolean;
}

/** The groups that are compared, by their numbers. */
export interface ComparedSides {
  readonly training: readonly number[];
  readonly evaluations: readonly number[];
  /** The group whose pictures are taken out of the training side; nothing is when not given. */
  readonly leftOut: number | undefined;
}

/** Takes the evaluation pictures, and all that are one of these, out of a crosswalk. */
export function evaluatedPictures(
  related: RelatedPictures,
  { evaluations, leftOut, training }: ComparedSides,
): EvaluatedPictures {
  const { groupsOf, identities, numGroups } = related;
  const bits = {
    train: bitsOf(training, numWordsFor(numGroups)),
    eval: bitsOf(evaluations, numWordsFor(numGroups)),
  };
  const isOf = (picture: number, side: PictureSide): boolean => {
    const groups = groupsOf[identities.sourceNumber(picture)] ?? [];
    return groups.some((word, at) => (word & (bits[side][at] ?? 0)) !== 0);
  };
  const isProtected = (picture: number): boolean =>
    leftOut !== undefined && hasGroup(groupsOf[identities.sourceNumber(picture)] ?? [], leftOut);
  const evaluated = new Uint8Array(identities.numPictures);
  for (let picture = 0; picture < identities.numPictures; picture += 1) {
    if (isOf(picture, "eval") || isProtected(picture))
      evaluated[identities.identityOf(picture)] = 1;
  }
  const graph = new IdentityGraph();
  for (const source of identities.sources) graph.addSource(source);
  const numbers = { train: new Map<ImageKey, number>(), eval: new Map<ImageKey, number>() };
  const leftOutKeys = new Set<ImageKey>();
  const isLeftOut = leftOutPictures(related, leftOut);
  for (let picture = 0; picture < identities.numPictures; picture += 1) {
    const key = identities.key(picture);
    if (isLeftOut(picture) && isOf(picture, "train")) leftOutKeys.add(key);
    if (evaluated[identities.identityOf(picture)] === 0) continue;
    const source = identities.sourceNumber(picture);
    const number = graph.add(source, {
      names: namesOf(identities, picture),
      place: identities.place(picture),
    });
    for (const side of ["train", "eval"] as const) {
      if (!numbers[side].has(key) && isOf(picture, side)) numbers[side].set(key, number);
    }
  }
  return lookUp({ identities: graph.identities(), groupsOf, numbers, leftOut: leftOutKeys });
}

interface Kept extends Pick<EvaluatedPictures, "groupsOf" | "identities"> {
  readonly numbers: Readonly<Record<PictureSide, ReadonlyMap<ImageKey, number>>>;
  readonly leftOut: ReadonlySet<ImageKey>;
}

// A function of its own, so that nothing holds what the crosswalk was.
function lookUp({ groupsOf, identities, leftOut, numbers }: Kept): EvaluatedPictures {
  return {
    identities,
    groupsOf,
    numberOf: (key, side) =>
      numbers[side].get(key) ?? numbers[side === "eval" ? "train" : "eval"].get(key),
    isLeftOut: (key) => leftOut.has(key),
  };
}

/** Its key, and the names by which others are it. */
function namesOf(identities: Identities, picture: number): readonly PictureName[] {
  const key = identities.key(picture);
  const names: PictureName[] = [{ kind: "key", name: key, field: "key" }];
  identities.forEachSharedName(picture, (name, field) => {
    if (field !== "key")
      names.push({ kind: kindOfField[field], name: identities.nameText(name), field });
  });
  return names;
}

function leftOutPictures(
  { byPolicy, groupsOf, identities }: RelatedPictures,
  leftOut: number | undefined,
): (picture: number) => boolean {
  if (leftOut === undefined) return () => false;
  const isProtected = new Uint8Array(byPolicy.numPictures);
  for (let picture = 0; picture < byPolicy.numPictures; picture += 1) {
    const groups = groupsOf[identities.sourceNumber(picture)] ?? [];
    if (hasGroup(groups, leftOut)) isProtected[byPolicy.identityOf(picture)] = 1;
  }
  return (picture) => isProtected[byPolicy.identityOf(picture)] === 1;
}
