import { type LeakRule, ruleOfFields } from "../rules.ts";
import type { RelatedPictures } from "./crosswalk.ts";
import { addBits, type GroupBits } from "./group-bits.ts";

/** The groups that have a picture with a name, by whether it is their key or not. */
interface NameGroups {
  readonly own: number[];
  readonly other: number[];
}

/** Which groups a picture shares a name with, rule by rule; each name's pictures are looked through once. */
export class GroupsByRule {
  readonly #related: RelatedPictures;
  readonly #known = new Map<number, NameGroups>();

  constructor(related: RelatedPictures) {
    this.#related = related;
  }

  /** By the rules of one step; also the picture's own groups. */
  of(picture: number): ReadonlyMap<LeakRule, GroupBits> {
    const shared = new Map<LeakRule, number[]>([["same-key", [...this.#groupsOf(picture)]]]);
    this.#related.identities.forEachSharedName(picture, (name, field) => {
      const { own, other } = this.#groupsOfName(name);
      addTo(shared, ruleOfFields(field, "key"), own);
      addTo(shared, ruleOfFields(field, "linked key"), other);
    });
    return shared;
  }

  #groupsOfName(name: number): NameGroups {
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const { identities } = this.#related;
    const groups: NameGroups = { own: [], other: [] };
    for (const picture of identities.membersOf(name)) {
      const isOwn = identities.fieldOf(picture, name) === "key";
      addBits(isOwn ? groups.own : groups.other, this.#groupsOf(picture));
    }
    this.#known.set(name, groups);
    return groups;
  }

  #groupsOf(picture: number): GroupBits {
    const { groupsOf, identities } = this.#related;
    return groupsOf[identities.sourceNumber(picture)] ?? [];
  }
}

function addTo(shared: Map<LeakRule, number[]>, rule: LeakRule, bits: GroupBits): void {
  const known = shared.get(rule) ?? [];
  shared.set(rule, known);
  addBits(known, bits);
}
