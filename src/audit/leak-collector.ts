import assert from "node:assert";
import type { ImageKey } from "../core/keys.ts";
import type { PictureInfo } from "../core/records.ts";
import type { EvidenceStep } from "./findings.ts";
import type {
  ProtectedGroup,
  ProtectedIndex,
  ProtectedPicture,
  RuleMatch,
} from "./protected-index.ts";
import { identityRules, leakRules, type IdentityRule, type LeakRule } from "./rules.ts";
import type { Exclusion, Leak, ListingLimits, PicturePlace, RuleYield } from "./verdict.ts";

/** Holds each training picture against the protected index and keeps what was found. */
export class LeakCollector {
  readonly #protected: ProtectedIndex;
  readonly #limits: ListingLimits;
  readonly #leaks: Leak[] = [];
  readonly #reasons = new Map<ImageKey, Reason & { readonly train: PicturePlace }>();
  readonly #reasonOfGroup = new Map<ProtectedGroup, Reason>();
  readonly #numPairs = identityRules.map(() => 0);
  readonly #numAdded = identityRules.map(() => 0);

  constructor(protectedIndex: ProtectedIndex, limits: ListingLimits) {
    this.#protected = protectedIndex;
    this.#limits = limits;
  }

  /** Pairs to show, in the order in which the training pictures came. */
  get leaks(): readonly Leak[] {
    return this.#leaks;
  }

  /** Whether the training picture is an evaluation picture. */
  check(picture: PictureInfo, place: PicturePlace): boolean {
    const matches = this.#protected.match(picture);
    const strongest = matches[0];
    if (strongest === undefined) return false;
    for (const { ruleIndex, numPictures } of matches) {
      this.#numPairs[ruleIndex] = (this.#numPairs[ruleIndex] ?? 0) + numPictures;
    }
    this.#numAdded[strongest.ruleIndex] = (this.#numAdded[strongest.ruleIndex] ?? 0) + 1;
    this.#exclude(place, strongest);
    this.#list(place, matches);
    return true;
  }

  yields(): readonly RuleYield[] {
    const comparable = this.#protected.comparable();
    return identityRules.map(({ name: rule }, index) => ({
      rule,
      pairs: this.#numPairs[index] ?? 0,
      added: this.#numAdded[index] ?? 0,
      comparable: comparable[index] ?? { train: 0, eval: 0 },
      compared: 0,
      contradicted: 0,
    }));
  }

  /** Every leaking training picture once, by key, with its strongest rule. */
  exclusions(): readonly Exclusion[] {
    return [...this.#reasons]
      .map(([key, { evidence, partner, rule, shared, train }]) => {
        const chain = [stepOf({ rule, evidence: shared }, train, partner)];
        return { key, rule, evidence, train, eval: partner, chain };
      })
      .toSorted((a, b) => (a.key < b.key ? -1 : 1));
  }

  #exclude(train: PicturePlace, { ruleIndex, groups: [group] }: RuleMatch): void {
    const known = this.#reasons.get(train.picture);
    if (group === undefined || (known !== undefined && known.ruleIndex <= ruleIndex)) return;
    const reason = this.#reasonOfGroup.get(group) ?? describeReason(group, ruleIndex);
    this.#reasonOfGroup.set(group, reason);
    this.#reasons.set(train.picture, { ...reason, train: known?.train ?? train });
  }

  #list(train: PicturePlace, matches: readonly RuleMatch[]): void {
    for (const match of matches) {
      const open = match.groups.filter((group) => this.#hasRoom(group));
      for (const { partner, group, rules } of pairsOf(open, match, matches)) {
        if (!this.#hasRoom(group)) continue;
        group.numListed += 1;
        this.#leaks.push(describeLeak({ train, partner, group, rules }));
      }
    }
  }

  #hasRoom(group: ProtectedGroup): boolean {
    return (
      group.numListed < this.#limits.maxPairsPerGroup && this.#leaks.length < this.#limits.maxPairs
    );
  }
}

/** Why a training picture has to stay out: the same for all that share a group. */
interface Reason {
  readonly ruleIndex: number;
  readonly rule: LeakRule;
  readonly evidence: string;
  readonly shared: string;
  readonly partner: PicturePlace;
}

function describeReason(group: ProtectedGroup, ruleIndex: number): Reason {
  const { name, evidenceOf } = ruleAt(ruleIndex);
  const [first] = group.first;
  assert(first !== undefined);
  const shared = evidenceOf(group.token);
  return {
    ruleIndex,
    rule: name,
    evidence: `${shared}; evaluation picture ${describePlace(first.place)}`,
    shared,
    partner: first.place,
  };
}

interface SamePicture {
  readonly partner: ProtectedPicture;
  readonly group: ProtectedGroup;
  readonly rules: readonly LeakRule[];
}

/** The evaluation pictures of `groups` for which `match` is the strongest of `matches`, each once. */
function* pairsOf(
  groups: readonly ProtectedGroup[],
  match: RuleMatch,
  matches: readonly RuleMatch[],
): Generator<SamePicture> {
  const paired = new Set<ProtectedPicture>();
  for (const group of groups) {
    for (const partner of group.first) {
      if (paired.has(partner) || matches.find((other) => holds(other, partner)) !== match) continue;
      paired.add(partner);
      const rules = matches.filter((other) => holds(other, partner)).map(nameOf);
      yield { partner, group, rules };
    }
  }
}

function holds(match: RuleMatch, partner: ProtectedPicture): boolean {
  return match.groups.some((group) => partner.groups.includes(group));
}

function nameOf(match: RuleMatch): LeakRule {
  return ruleAt(match.ruleIndex).name;
}

function describeLeak(pair: SamePicture & { readonly train: PicturePlace }): Leak {
  const [rule = "same-key", ...alsoBy] = pair.rules;
  const { evidenceOf, implies } = ruleAt(leakRules.indexOf(rule));
  const evidence = evidenceOf(pair.group.token);
  const isWithin = sourceOf(pair.train) === sourceOf(pair.partner.place);
  return {
    rule,
    alsoBy: alsoBy.filter((weaker) => weaker !== implies),
    train: pair.train,
    eval: pair.partner.place,
    evidence,
    kind: {
      modality: "picture",
      coverage: isWithin ? "within-dataset" : "between-datasets",
      degree: "identical",
    },
    chain: [stepOf({ rule, evidence }, pair.train, pair.partner.place)],
    contradiction: null,
  };
}

function sourceOf({ picture }: PicturePlace): string {
  return picture.slice(0, picture.indexOf(":"));
}

function stepOf(
  { rule, evidence }: { readonly rule: LeakRule; readonly evidence: string },
  from: PicturePlace,
  to: PicturePlace,
): EvidenceStep {
  assert(rule !== "chain");
  return {
    from: from.picture,
    to: to.picture,
    rule,
    evidence,
    fromPlace: `${from.set}/${from.split}`,
    toPlace: `${to.set}/${to.split}`,
  };
}

function ruleAt(ruleIndex: number): IdentityRule {
  const rule = identityRules[ruleIndex];
  assert(rule !== undefined);
  return rule;
}

function describePlace(place: PicturePlace): string {
  return `${place.picture} of ${place.set}/${place.split}`;
}
