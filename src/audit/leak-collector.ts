import { collectionOf, type ImageKey } from "../core/keys.ts";
import type { EvidenceStep, LeakKind, Suspect } from "./findings.ts";
import { placeOf, ruleOfLink, rulesBetween, stepsOf } from "./identity/chain-steps.ts";
import { contradictionOf } from "./identity/contradictions.ts";
import type { Identities } from "./identity/identities.ts";
import { NearestEvaluation } from "./identity/nearest-evaluation.ts";
import { partnersOf, type ChainLink, type Partner } from "./identity/partners.ts";
import { countByRule, countPairs } from "./identity/rule-yields.ts";
import { sourceOverlaps } from "./identity/source-overlaps.ts";
import type { RelatedSplits } from "./relate-splits.ts";
import { leakRules, type LeakRule } from "./rules.ts";
import { GrowingWords } from "./tables/growing-words.ts";
import type {
  AuditVerdict,
  Exclusion,
  KindCount,
  Leak,
  ListingLimits,
  MatrixCell,
  PicturePlace,
  RuleYield,
} from "./verdict.ts";

/** What the graph of an audit's splits says of leaks. */
export class LeakCollector {
  readonly #related: RelatedSplits;
  readonly #identities: Identities;
  readonly #limits: ListingLimits;
  readonly #nearest: NearestEvaluation;
  readonly #graph: LeakGraph;
  /** The training pictures that leak, ascending. */
  readonly #leaking: Uint32Array;

  constructor(related: RelatedSplits, limits: ListingLimits) {
    this.#related = related;
    this.#identities = related.identities;
    this.#limits = limits;
    this.#nearest = new NearestEvaluation(related.identities);
    this.#graph = { identities: related.identities, nearest: this.#nearest };
    this.#leaking = this.#leakingPictures();
  }

  /** Pairs to show, in the order of the training pictures. */
  leaks(): readonly Leak[] {
    const leaks: Leak[] = [];
    const numListed = new Map<number, number>();
    for (const picture of this.#leaking) {
      const identity = this.#identities.identityOf(picture);
      const listed = numListed.get(identity) ?? 0;
      const { maxPairs, maxPairsPerGroup, maxPartners } = this.#limits;
      const room = Math.min(maxPartners, maxPairsPerGroup - listed, maxPairs - leaks.length);
      if (maxPairs <= leaks.length) break;
      if (room <= 0) continue;
      const partners = partnersOf(this.#identities, picture).take(room);
      const found = partners.map((partner) => this.#leakOf(picture, partner)).toArray();
      numListed.set(identity, listed + found.length);
      leaks.push(...found);
    }
    return leaks;
  }

  /** The leak of two pictures by their numbers; undefined where they are not one. */
  leakBetween(pair: { readonly train: number; readonly eval: number }): Leak | undefined {
    const partners = partnersOf(this.#identities, pair.train);
    const partner = partners.find(({ picture }) => picture === pair.eval);
    return partner === undefined ? undefined : this.#leakOf(pair.train, partner);
  }

  /** All pairs, by chains as well; exact. */
  numPairs(): number {
    return countPairs(this.#identities);
  }

  /** By the number of each source, how many of its pictures also stand on the other side. */
  leakedBySource(): readonly number[] {
    const leaked = this.#identities.sources.map(() => 0);
    const other = { train: "eval", eval: "train" } as const;
    for (let picture = 0; picture < this.#identities.numPictures; picture += 1) {
      const role = this.#identities.roleOf(picture);
      if (role === "witness") continue;
      if (this.#identities.countPartners(picture, other[role]) === 0) continue;
      const source = this.#identities.sourceNumber(picture);
      leaked[source] = (leaked[source] ?? 0) + 1;
    }
    return leaked;
  }

  /** What each rule found; `hashed` says how many pictures a search for near-duplicates could speak of. */
  yields(hashed: RuleYield["comparable"] = { train: 0, eval: 0 }): readonly RuleYield[] {
    const added = new Map<LeakRule, number>();
    for (const picture of this.#leaking) {
      const rule = this.#ruleOf(this.#chainFrom(picture));
      added.set(rule, (added.get(rule) ?? 0) + 1);
    }
    const chained = { pairs: this.numPairs() };
    return countByRule(this.#identities).map((count) => ({
      ...count,
      ...(count.rule === "chain" ? chained : {}),
      ...(count.rule === "near-duplicate" ? { comparable: { ...hashed } } : {}),
      added: added.get(count.rule) ?? 0,
    }));
  }

  /** How many training pictures leak in which way, by their nearest evaluation picture; in the order of the kinds' names. */
  kinds(): readonly KindCount[] {
    const counts: { readonly kind: LeakKind; pictures: number }[] = []; // of eight kinds at most
    for (const picture of this.#leaking) {
      const kind = this.#kindOf(picture, this.#chainFrom(picture));
      const count = counts.find((known) => isSameKind(known.kind, kind));
      if (count === undefined) counts.push({ kind, pictures: 1 });
      else count.pictures += 1;
    }
    return counts.toSorted((a, b) => (kindName(a.kind) < kindName(b.kind) ? -1 : 1));
  }

  /** What every training split holds of every evaluation split; splits that share nothing are left out. */
  matrix(): readonly MatrixCell[] {
    const { sources } = this.#identities;
    const nameOf = (source: number): string =>
      `${sources[source]?.set ?? ""}/${sources[source]?.split ?? ""}`;
    return sourceOverlaps(this.#identities).map((overlap) => ({
      train: nameOf(overlap.train),
      eval: nameOf(overlap.eval),
      trainPictures: overlap.trainPictures,
      evalPictures: overlap.evalPictures,
    }));
  }

  /** Those of the suspects that are not the same picture by other evidence. */
  suspects(suspects: readonly Suspect[]): Pick<AuditVerdict, "suspects" | "numSuspects"> {
    const left = suspects.filter((suspect) => !this.#areOne(suspect));
    return { suspects: left.slice(0, this.#limits.maxPairs), numSuspects: left.length };
  }

  /** Every leaking training picture once, by key, with its strongest rule. */
  exclusions(): readonly Exclusion[] {
    const keys = Array.from(this.#leaking, (picture) => this.#identities.key(picture));
    const keyAt = (at: number): string => keys[at] ?? "";
    // There may be millions, which leave less behind sorted by their numbers than grouped in a map.
    const order = this.#leaking.map((_, at) => at);
    order.sort((a, b) => (keyAt(a) === keyAt(b) ? a - b : keyAt(a) < keyAt(b) ? -1 : 1));
    const exclusions: Exclusion[] = [];
    for (let start = 0, end = 0; start < order.length; start = end) {
      const [first = 0, key] = [order[start], keys[order[start] ?? 0]];
      let picture = this.#leaking[first] ?? 0;
      for (end = start + 1; end < order.length && keyAt(order[end] ?? 0) === key; end += 1) {
        const other = this.#leaking[order[end] ?? 0] ?? 0;
        if (this.#rankOf(other) < this.#rankOf(picture)) picture = other;
      }
      if (key === undefined) continue;
      const rule = this.#ruleOf(this.#chainFrom(picture));
      const numbers = { first: this.#leaking[first] ?? 0, picture };
      exclusions.push(new LeakingPicture({ key, rule }, numbers, this.#graph));
    }
    return exclusions;
  }

  /** The less, the better a reason to exclude the picture: of two chains the shorter one. */
  #rankOf(picture: number): number {
    const links = this.#chainFrom(picture);
    return leakRules.indexOf(this.#ruleOf(links)) + links.length;
  }

  #leakingPictures(): Uint32Array {
    const leaking = new GrowingWords();
    for (let picture = 0; picture < this.#identities.numPictures; picture += 1) {
      const isTrained = this.#identities.roleOf(picture) === "train";
      if (isTrained && this.#nearest.isProtected(picture)) leaking.push(picture);
    }
    return leaking.toArray();
  }

  #chainFrom(picture: number): readonly ChainLink[] {
    return this.#nearest.chainFrom(picture) ?? [];
  }

  #leakOf(picture: number, { links, picture: partner }: Partner): Leak {
    const chain = stepsOf(this.#identities, links);
    const pair = { one: picture, other: partner };
    const rules = rulesBetween(this.#identities, pair);
    const [rule = "chain", ...alsoBy] = links.length > 1 ? ["chain" as const, ...rules] : rules;
    return {
      rule,
      alsoBy: alsoBy.filter((weaker) => rule !== "same-key" || weaker !== "linked-key"),
      train: this.#placeOf(picture),
      eval: this.#placeOf(partner),
      evidence: evidenceOf(chain),
      kind: this.#kindOf(picture, links),
      chain,
      contradiction: contradictionOf(this.#identities, pair),
    };
  }

  /** The rule of a nearest chain. */
  #ruleOf(links: readonly ChainLink[]): LeakRule {
    const [only, second] = links;
    if (only === undefined || second !== undefined) return "chain";
    return ruleOfLink(this.#identities, only);
  }

  #kindOf(picture: number, links: readonly ChainLink[]): LeakKind {
    const partner = links.at(-1)?.to ?? picture;
    const [one, other] = [this.#identities.key(picture), this.#identities.key(partner)];
    return {
      modality: this.#related.texts.share(picture, partner) ? "picture-and-text" : "picture",
      coverage: collectionOf(one) === collectionOf(other) ? "within-dataset" : "between-datasets",
      degree: links.some((link) => "edge" in link) ? "near-identical" : "identical",
    };
  }

  #areOne(suspect: Suspect): boolean {
    const { numberAt } = this.#related;
    const [one, other] = [numberAt(suspect.train), numberAt(suspect.eval)];
    if (one === undefined || other === undefined) return false;
    const [first, second] = [one, other].map((picture) => this.#identities.identityOf(picture));
    if (first === undefined || second === undefined) return false;
    return first === second || this.#identities.neighboursOf(first)?.has(second) === true;
  }

  #placeOf(picture: number): PicturePlace {
    return placeOf(this.#identities, picture);
  }
}

/** A training picture to leave out, by its nearest chain; there may be millions, so what is told of it is put together when asked for. */
class LeakingPicture implements Exclusion {
  readonly key: ImageKey;
  readonly rule: LeakRule;
  readonly #graph: LeakGraph;
  readonly #first: number;
  readonly #picture: number;

  constructor(
    { key, rule }: Pick<Exclusion, "key" | "rule">,
    { first, picture }: PictureNumbers,
    graph: LeakGraph,
  ) {
    this.key = key;
    this.rule = rule;
    this.#first = first;
    this.#picture = picture;
    this.#graph = graph;
  }

  get chain(): readonly EvidenceStep[] {
    return stepsOf(this.#graph.identities, this.#links());
  }

  get evidence(): string {
    const { picture, set, split } = this.eval;
    return `${evidenceOf(this.chain)}; evaluation picture ${picture} of ${set}/${split}`;
  }

  get train(): PicturePlace {
    return placeOf(this.#graph.identities, this.#first);
  }

  get eval(): PicturePlace {
    return placeOf(this.#graph.identities, this.#links().at(-1)?.to ?? this.#picture);
  }

  #links(): readonly ChainLink[] {
    return this.#graph.nearest.chainFrom(this.#picture) ?? [];
  }
}

/** What a leaking picture is told from. */
interface LeakGraph {
  readonly identities: Identities;
  readonly nearest: NearestEvaluation;
}

interface PictureNumbers {
  /** The first picture of the key that is trained on and leaks. */
  readonly first: number;
  /** The one with the best reason. */
  readonly picture: number;
}

function isSameKind(one: LeakKind, other: LeakKind): boolean {
  const { coverage, degree, modality } = one;
  return degree === other.degree && coverage === other.coverage && modality === other.modality;
}

function kindName({ coverage, degree, modality }: LeakKind): string {
  return `${degree} ${coverage} ${modality}`;
}

/** The steps of a chain in a sentence. */
function evidenceOf(chain: readonly EvidenceStep[]): string {
  return chain.map(({ evidence }) => evidence).join(", then ");
}
