import {
  kindOfField,
  type NameField,
  nameFields,
  type PictureNameKind,
  pictureNameKinds,
} from "../../core/keys.ts";
import { leakRules, ruleOfFields, type LeakRule } from "../rules.ts";
import type { RuleYield } from "../verdict.ts";
import { contradictionOf } from "./contradictions.ts";
import type { Identities } from "./identities.ts";
import type { NearEdge } from "./identity-graph.ts";

/** What a rule finds by itself, without what it adds to stronger ones. */
export type RuleCount = Omit<RuleYield, "added">;

// Pairs of one name whose hashes are compared; beyond these a name says nothing new.
const MAX_COMPARED_PER_NAME = 250_000;

/** Counts, for each of `leakRules`, the pairs of a training and an evaluation picture that it calls the same. */
export function countByRule(identities: Identities): readonly RuleCount[] {
  const comparable = countComparable(identities);
  const counts = new Map<LeakRule, RuleCounter>();
  for (const rule of leakRules) counts.set(rule, new RuleCounter(identities, rule));
  for (let name = 0; name < identities.numNames; name += 1) {
    const members = identities.membersOf(name);
    const [first] = members;
    if (first === undefined) continue;
    const field = identities.fieldOf(first, name) ?? "key";
    const sides = sidesOf(identities, members);
    if (sides.train.length === 0 || sides.eval.length === 0) continue;
    if (kindOfField[field] !== "key") counts.get(ruleOfFields(field, field))?.add(name, sides);
    else {
      counts.get("linked-key")?.add(name, sides);
      counts.get("same-key")?.add(name, ownersOf(identities, { name, sides }));
    }
  }
  return leakRules.map((rule) => {
    const counter = counts.get(rule);
    const isNear = rule === "near-duplicate" || rule === "denied-by-reviewer";
    const pairs = isNear ? countNear(identities, rule) : (counter?.pairs() ?? 0);
    const { compared = 0, contradicted = 0 } = counter ?? {};
    return { rule, pairs, comparable: comparable(rule), compared, contradicted };
  });
}

/** All pairs of a training and an evaluation picture that are the same by any chain. */
export function countPairs(identities: Identities): number {
  let numPairs = 0;
  for (let picture = 0; picture < identities.numPictures; picture += 1) {
    if (identities.roleOf(picture) === "train") {
      numPairs += identities.countPartners(picture, "eval");
    }
  }
  return numPairs;
}

/** The pictures of one name on either side. */
interface Sides {
  readonly train: Uint32Array;
  readonly eval: Uint32Array;
}

function sidesOf(identities: Identities, members: Uint32Array): Sides {
  const on = (side: "train" | "eval"): Uint32Array =>
    members.filter((picture) => identities.roleOf(picture) === side);
  return { train: on("train"), eval: on("eval") };
}

/** Those whose own key the name is. */
function ownersOf(
  identities: Identities,
  { name, sides }: { readonly name: number; readonly sides: Sides },
): Sides {
  const isOwner = (picture: number): boolean => identities.fieldOf(picture, name) === "key";
  return { train: sides.train.filter(isOwner), eval: sides.eval.filter(isOwner) };
}

class RuleCounter {
  readonly #identities: Identities;
  readonly #rule: LeakRule;
  #numPairs = 0;
  /** By the names of a picture that has several, how many such pictures there are. */
  readonly #several = { train: new NameGroups(), eval: new NameGroups() };
  compared = 0;
  contradicted = 0;

  constructor(identities: Identities, rule: LeakRule) {
    this.#identities = identities;
    this.#rule = rule;
  }

  add(name: number, sides: Sides): void {
    this.#numPairs += sides.train.length * sides.eval.length;
    this.#noteSeveral(name, sides);
    if (hashedRules.has(this.#rule)) this.#compare(name, sides);
  }

  /** Pairs with several names in common are counted once. */
  pairs(): number {
    return this.#numPairs - this.#several.train.countRepeated(this.#several.eval);
  }

  /** Pictures with one name of the kind share one with any other at most. */
  #noteSeveral(name: number, sides: Sides): void {
    const [first] = sides.train;
    if (this.#rule === "same-key" || first === undefined) return;
    const kind = kindOf(this.#identities.fieldOf(first, name));
    for (const side of ["train", "eval"] as const) {
      for (const picture of sides[side]) {
        if (numShared(this.#identities, picture, kind) > 1) this.#several[side].add(picture, name);
      }
    }
  }

  #compare(name: number, sides: Sides): void {
    let numLeft = MAX_COMPARED_PER_NAME;
    for (const one of sides.train) {
      if (numLeft <= 0) return;
      numLeft -= sides.eval.length;
      for (const other of sides.eval) this.#compareTwo(name, { one, other });
    }
  }

  #compareTwo(name: number, pair: { readonly one: number; readonly other: number }): void {
    const distance = this.#identities.hashDistance(pair.one, pair.other);
    if (distance === undefined || firstShared(this.#identities, pair, name) !== name) return;
    this.compared += 1;
    if (contradictionOf(this.#identities, pair) !== null) this.contradicted += 1;
  }
}

/** The rules whose matches hashes may contradict: equal bytes and pixels speak for themselves. */
const hashedRules: ReadonlySet<LeakRule> = new Set([
  "same-key",
  "linked-key",
  "same-flickr-photo",
  "same-url",
]);

/** How many names of a kind a picture shares with others. */
function numShared(identities: Identities, picture: number, kind: PictureNameKind): number {
  let count = 0;
  identities.forEachSharedName(picture, (_, field) => {
    if (kindOfField[field] === kind) count += 1;
  });
  return count;
}

/** The first name of the kind of `name` that two pictures have in common. */
function firstShared(
  identities: Identities,
  { one, other }: { readonly one: number; readonly other: number },
  name: number,
): number | undefined {
  const kind = kindOf(identities.fieldOf(one, name));
  let first: number | undefined;
  identities.forEachSharedName(one, (its, field) => {
    if (first !== undefined || kindOfField[field] !== kind) return;
    if (identities.fieldOf(other, its) !== undefined) first = its;
  });
  return first;
}

function kindOf(field: NameField | undefined): PictureNameKind {
  return kindOfField[field ?? "key"];
}

/** Pictures with several names of one kind, by these names. */
class NameGroups {
  readonly #names = new Map<number, number[]>();

  add(picture: number, name: number): void {
    const names = this.#names.get(picture);
    if (names === undefined) this.#names.set(picture, [name]);
    else names.push(name);
  }

  /** How often a pair of a picture here and one there has one more name in common than one. */
  countRepeated(others: NameGroups): number {
    const groups = this.#groups();
    const byName = new Map<number, { readonly names: ReadonlySet<number>; count: number }[]>();
    for (const { count, names } of others.#groups().values()) {
      const group = { names: new Set(names), count };
      for (const name of names) byName.set(name, [...(byName.get(name) ?? []), group]);
    }
    let numRepeated = 0;
    for (const { count, names } of groups.values()) {
      const met = new Set(names.flatMap((name) => byName.get(name) ?? []));
      for (const group of met) {
        const numCommon = names.filter((name) => group.names.has(name)).length;
        numRepeated += (numCommon - 1) * count * group.count;
      }
    }
    return numRepeated;
  }

  #groups(): ReadonlyMap<string, { readonly names: readonly number[]; count: number }> {
    const groups = new Map<string, { readonly names: readonly number[]; count: number }>();
    for (const names of this.#names.values()) {
      if (names.length < 2) continue;
      const spelled = names.join(" ");
      const group = groups.get(spelled);
      if (group === undefined) groups.set(spelled, { names, count: 1 });
      else group.count += 1;
    }
    return groups;
  }
}

function countNear(identities: Identities, rule: NearEdge["rule"]): number {
  let numPairs = 0;
  for (const picture of identities.nearPictures()) {
    if (identities.roleOf(picture) !== "train") continue;
    const edges = identities.nearEdgesOf(picture).filter((edge) => edge.rule === rule);
    const others = edges.map(({ other }) => other);
    numPairs += new Set(others.filter((other) => identities.roleOf(other) === "eval")).size;
  }
  return numPairs;
}

type SideCounts = Record<"train" | "eval", number>;

/** Of each rule how many pictures it could speak of: those that have a name of its kind. */
function countComparable(identities: Identities): (rule: LeakRule) => SideCounts {
  const all = { train: 0, eval: 0 };
  const ofKinds = pictureNameKinds.map(() => ({ train: 0, eval: 0 }));
  for (let picture = 0; picture < identities.numPictures; picture += 1) {
    const role = identities.roleOf(picture);
    if (role === "witness") continue;
    all[role] += 1;
    const kinds = identities.kindsOf(picture);
    for (const [bit, counts] of ofKinds.entries()) {
      if ((kinds & (1 << bit)) !== 0) counts[role] += 1;
    }
  }
  const counts = new Map<string, SideCounts>();
  for (const field of nameFields) {
    const count = ofKinds[pictureNameKinds.indexOf(kindOfField[field])];
    if (count !== undefined) counts.set(ruleOfFields(field, field), count);
  }
  // Every picture has a key, which may be linked to, and may be in a chain.
  counts.set("linked-key", all).set("same-key", all).set("chain", all);
  return (rule) => ({ ...(counts.get(rule) ?? { train: 0, eval: 0 }) });
}
