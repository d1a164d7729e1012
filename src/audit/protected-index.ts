import type { PictureInfo } from "../core/records.ts";
import { identityRules, type IdentityRule } from "./rules.ts";
import type { PicturePlace } from "./verdict.ts";

/** The evaluation pictures that share one token. */
export interface ProtectedGroup {
  readonly token: string;
  numPictures: number;
  /** The first of them, in order, as far as they can be listed. */
  readonly first: ProtectedPicture[];
  /** Whether a training picture has the token. */
  isHit: boolean;
  numListed: number;
}

export interface ProtectedPicture {
  readonly place: PicturePlace;
  readonly splitIndex: number;
  groups: readonly ProtectedGroup[];
}

/** How a training picture meets one rule. */
export interface RuleMatch {
  readonly ruleIndex: number;
  readonly groups: readonly ProtectedGroup[];
  /** Evaluation pictures that the rule calls the same picture; exact. */
  readonly numPictures: number;
}

/** The evaluation side, by what its pictures could share with a training picture. */
export class ProtectedIndex {
  readonly #rules: readonly RuleIndex[];
  readonly #pictures: ProtectedPicture[] = [];

  constructor(maxPartners: number) {
    this.#rules = identityRules.map((rule) => new RuleIndex(rule, maxPartners));
  }

  add(picture: PictureInfo, place: PicturePlace, splitIndex: number): void {
    const added: ProtectedPicture = { place, splitIndex, groups: [] };
    // Sliced to its size: a million evaluation pictures are a million of these arrays.
    added.groups = this.#rules.flatMap((rule) => rule.add(picture, added)).slice();
    this.#pictures.push(added);
  }

  /** The rules by which `picture` is an evaluation picture, strongest first; marks what it meets. */
  match(picture: PictureInfo): readonly RuleMatch[] {
    return this.#rules.flatMap((rule, ruleIndex) => rule.match(picture, ruleIndex) ?? []);
  }

  /** For each split, how many of its pictures were met so far. */
  countHits(numSplits: number): readonly number[] {
    const hits = Array.from({ length: numSplits }, () => 0);
    for (const { splitIndex, groups } of this.#pictures) {
      if (groups.some((group) => group.isHit)) hits[splitIndex] = (hits[splitIndex] ?? 0) + 1;
    }
    return hits;
  }

  /** For each rule, how many pictures of either side it could speak of. */
  comparable(): readonly { readonly train: number; readonly eval: number }[] {
    return this.#rules.map((rule) => rule.comparable());
  }
}

class RuleIndex {
  readonly #rule: IdentityRule;
  readonly #maxPartners: number;
  readonly #groups = new Map<string, ProtectedGroup>();
  // How many pictures have all of several tokens, so that none is counted twice.
  readonly #shared = new Map<string, number>();
  #numTrain = 0;
  #numEval = 0;

  constructor(rule: IdentityRule, maxPartners: number) {
    this.#rule = rule;
    this.#maxPartners = maxPartners;
  }

  add(picture: PictureInfo, added: ProtectedPicture): readonly ProtectedGroup[] {
    const tokens = this.#rule.tokensOf(picture);
    if (tokens.length > 0) this.#numEval += 1;
    for (const several of subsetsOfSeveral(tokens)) {
      const name = nameOfSet(several);
      this.#shared.set(name, (this.#shared.get(name) ?? 0) + 1);
    }
    return tokens.map((token) => this.#addToGroup(token, added));
  }

  match(picture: PictureInfo, ruleIndex: number): RuleMatch | undefined {
    const tokens = this.#rule.tokensOf(picture);
    if (tokens.length > 0) this.#numTrain += 1;
    const groups = tokens.flatMap((token) => this.#groups.get(token) ?? []);
    if (groups.length === 0) return undefined;
    for (const group of groups) group.isHit = true;
    return { ruleIndex, groups, numPictures: this.#countUnion(groups) };
  }

  comparable(): { readonly train: number; readonly eval: number } {
    return { train: this.#numTrain, eval: this.#numEval };
  }

  /** How many pictures have one of the groups' tokens or more: by inclusion and exclusion. */
  #countUnion(groups: readonly ProtectedGroup[]): number {
    let numPictures = groups.reduce((sum, group) => sum + group.numPictures, 0);
    for (const several of subsetsOfSeveral(groups.map(({ token }) => token))) {
      const sign = several.length % 2 === 0 ? -1 : 1;
      numPictures += sign * (this.#shared.get(nameOfSet(several)) ?? 0);
    }
    return numPictures;
  }

  #addToGroup(token: string, added: ProtectedPicture): ProtectedGroup {
    const known = this.#groups.get(token);
    if (known === undefined) {
      const group = { token, numPictures: 1, first: [added], isHit: false, numListed: 0 };
      this.#groups.set(token, group);
      return group;
    }
    known.numPictures += 1;
    if (known.first.length < this.#maxPartners) known.first.push(added);
    return known;
  }
}

function nameOfSet(tokens: readonly string[]): string {
  return tokens.toSorted().join("|");
}

/** Every choice of two tokens or more. */
function subsetsOfSeveral(tokens: readonly string[]): readonly (readonly string[])[] {
  if (tokens.length < 2) return [];
  const subsets: (readonly string[])[] = [[]];
  for (const token of tokens) subsets.push(...subsets.map((subset) => [...subset, token]));
  return subsets.filter(({ length }) => length > 1);
}
