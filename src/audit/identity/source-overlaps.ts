import { kindOfField } from "../../core/keys.ts";
import { leakRules, ruleOfFields, type LeakRule } from "../rules.ts";
import type { Identities } from "./identities.ts";

/** What a training source holds of an evaluation source. */
export interface SourceOverlap {
  /** Numbers of the sources. */
  readonly train: number;
  readonly eval: number;
  /** Evaluation pictures that are in the training source, by any chain; exact. */
  readonly evalPictures: number;
  /** Training pictures that are in the evaluation source. */
  readonly trainPictures: number;
  /** Of `evalPictures` how many by each rule, the strongest; those that only a chain joins stand under "chain". */
  readonly byRule: Readonly<Record<LeakRule, number>>;
  /** The first of the evaluation pictures, whose chains may be shown. */
  readonly examples: readonly number[];
}

const MAX_EXAMPLES = 5;

/** For every training and every evaluation source with a picture in common what they share, by the sources' numbers. */
export function sourceOverlaps(identities: Identities): readonly SourceOverlap[] {
  const overlaps = new OverlapTable(identities);
  const { numPictures } = identities;
  for (let picture = 0; picture < numPictures; picture += 1) overlaps.count(picture);
  return overlaps.rows();
}

interface OverlapCounts {
  readonly train: number;
  readonly eval: number;
  evalPictures: number;
  trainPictures: number;
  readonly byRule: Record<LeakRule, number>;
  readonly examples: number[];
}

class OverlapTable {
  readonly #identities: Identities;
  readonly #counts = new Map<string, OverlapCounts>();
  /** Of each identity the sources of its pictures. */
  readonly #sources = new Map<number, ReadonlySet<number>>();
  /** Of each name the training sources that have it, and which have it as a key of their own. */
  readonly #bearers = new Map<number, ReadonlyMap<number, boolean>>();

  constructor(identities: Identities) {
    this.#identities = identities;
    for (let picture = 0; picture < identities.numPictures; picture += 1) {
      if (!this.#isShared(picture)) continue;
      const identity = identities.identityOf(picture);
      const known = this.#sources.get(identity);
      const source = identities.sourceNumber(picture);
      this.#sources.set(
        identity,
        known === undefined ? new Set([source]) : new Set(known).add(source),
      );
    }
  }

  count(picture: number): void {
    const role = this.#identities.roleOf(picture);
    if (role === "witness" || !this.#isShared(picture)) return;
    const own = this.#identities.sourceNumber(picture);
    const others = this.#sourcesBeside(picture, role === "train" ? "eval" : "train");
    if (role === "train") {
      for (const source of others) this.#countsOf(own, source).trainPictures += 1;
      return;
    }
    const rules = this.#rulesBySource(picture);
    for (const source of others) {
      const counts = this.#countsOf(source, own);
      counts.evalPictures += 1;
      counts.byRule[rules.get(source) ?? "chain"] += 1;
      if (counts.examples.length < MAX_EXAMPLES) counts.examples.push(picture);
    }
  }

  rows(): readonly SourceOverlap[] {
    return Array.from(this.#counts.values()).toSorted(
      (a, b) => a.train - b.train || a.eval - b.eval,
    );
  }

  /** Whether an evaluation and a training picture are among those that the picture is the same as. */
  #isShared(picture: number): boolean {
    const identities = this.#identities;
    return (
      identities.countPartners(picture, "train") > 0 &&
      identities.countPartners(picture, "eval") > 0
    );
  }

  #sourcesBeside(picture: number, side: "train" | "eval"): ReadonlySet<number> {
    const { sources } = this.#identities;
    const identity = this.#identities.identityOf(picture);
    const found = new Set<number>();
    for (const each of [identity, ...(this.#identities.neighboursOf(identity) ?? [])]) {
      for (const source of this.#sources.get(each) ?? []) {
        if (sources[source]?.role === side) found.add(source);
      }
    }
    return found;
  }

  /** The strongest rule of one step between an evaluation picture and each training source. */
  #rulesBySource(picture: number): ReadonlyMap<number, LeakRule> {
    const rules = new Map<number, LeakRule>();
    this.#identities.forEachSharedName(picture, (name, field) => {
      for (const [source, isOwn] of this.#bearersOf(name)) {
        const isKey = kindOfField[field] === "key";
        const rule = ruleOfFields(field, isKey && isOwn ? "key" : isKey ? "linked key" : field);
        const known = rules.get(source);
        const isStronger =
          known === undefined || leakRules.indexOf(rule) < leakRules.indexOf(known);
        if (isStronger) rules.set(source, rule);
      }
    });
    for (const { other } of this.#identities.nearEdgesOf(picture)) {
      const source = this.#identities.sourceNumber(other);
      if (!rules.has(source)) rules.set(source, "near-duplicate");
    }
    return rules;
  }

  #bearersOf(name: number): ReadonlyMap<number, boolean> {
    const known = this.#bearers.get(name);
    if (known !== undefined) return known;
    const bearers = new Map<number, boolean>();
    for (const member of this.#identities.membersOf(name)) {
      if (this.#identities.roleOf(member) !== "train") continue;
      const source = this.#identities.sourceNumber(member);
      const isOwn = this.#identities.fieldOf(member, name) === "key";
      bearers.set(source, isOwn || bearers.get(source) === true);
    }
    this.#bearers.set(name, bearers);
    return bearers;
  }

  #countsOf(train: number, evaluation: number): OverlapCounts {
    const name = `${train} ${evaluation}`;
    const known = this.#counts.get(name);
    if (known !== undefined) return known;
    const counts: OverlapCounts = {
      train,
      eval: evaluation,
      evalPictures: 0,
      trainPictures: 0,
      byRule: noneByRule(),
      examples: [],
    };
    this.#counts.set(name, counts);
    return counts;
  }
}

function noneByRule(): Record<LeakRule, number> {
  return {
    "same-key": 0,
    "linked-key": 0,
    "same-flickr-photo": 0,
    "same-url": 0,
    "same-bytes": 0,
    "same-pixels": 0,
    "near-duplicate": 0,
    "denied-by-reviewer": 0,
    chain: 0,
  };
}
