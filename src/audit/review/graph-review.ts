import type { ImageKey } from "../../core/keys.ts";
import { ruleOfLink } from "../identity/chain-steps.ts";
import type { Identities } from "../identity/identities.ts";
import {
  spelledEdge,
  type GraphChanges,
  type IdentityGraph,
  type NameCut,
  type NearEdge,
} from "../identity/identity-graph.ts";
import { partnersOf, type ChainLink } from "../identity/partners.ts";
import type { ReviewDecision, ReviewDecisions } from "../results/decisions.ts";
import { pairKey } from "../results/decisions.ts";
import type { StepRule } from "../rules.ts";
import { AffectedPairs, type PicturePair } from "./affected-pairs.ts";

/** What a person's decisions make of a graph. */
export interface GraphReview {
  readonly identities: Identities;
  /** Who was who without what the list allows, but with what it denies. */
  readonly before: Identities;
  /** Pairs, training picture first, that are one in `before` only. */
  readonly allowed: readonly PicturePair[];
  readonly numDenied: number;
  readonly numOverruled: number;
  readonly numUnmatched: number;
}

/** The pictures that have a key, by their numbers, ascending. */
export type PicturesByKey = ReadonlyMap<ImageKey, readonly number[]>;

/**
 * Takes a list of decisions into a graph. A denied pair becomes a verified one. Of an allowed pair the verified step, or the
 * names that are weaker than key, bytes and pixels, are taken away, but only where this parts no other training and
 * evaluation picture that the list does not allow as well: what is uncertain stays a leak.
 */
export function reviewGraph(
  graph: IdentityGraph,
  { decisions }: ReviewDecisions,
  pictures: PicturesByKey,
): GraphReview {
  const asFound = graph.identities();
  const matched = decisions.map((decision) => matchDecision(decision, pictures, asFound));
  const denied = matched.filter(
    ({ decision, pairs }) =>
      decision.decision === "deny" &&
      pairs.length > 0 &&
      !pairs.some((pair) => areOne(asFound, pair)),
  );
  const added = denied.flatMap(deniedEdge);
  const before = added.length === 0 ? asFound : graph.identities({ ...noCuts, added });
  const allows = matched
    .filter(({ decision }) => decision.decision === "allow")
    .map(({ decision, pairs }) => ({
      decision,
      pairs: pairs.filter((pair) => areOne(before, pair)),
    }));
  const leaking = allows.filter(({ pairs }) => pairs.length > 0);
  const { accepted, identities } = cutAllowed(graph, { before, added }, leaking);
  return {
    identities,
    before,
    allowed: accepted.flatMap(({ pairs }) => pairs),
    numDenied: denied.length,
    numOverruled: leaking.length - accepted.length,
    numUnmatched: matched.filter(({ pairs }) => pairs.length === 0).length,
  };
}

const noCuts = { cuts: [], dropped: new Set<string>() } as const;

interface MatchedDecision {
  readonly decision: ReviewDecision;
  readonly pairs: readonly PicturePair[];
}

function matchDecision(
  decision: ReviewDecision,
  pictures: PicturesByKey,
  identities: Identities,
): MatchedDecision {
  const onSide = (key: ImageKey, side: "train" | "eval"): readonly number[] =>
    (pictures.get(key) ?? []).filter((picture) => identities.roleOf(picture) === side);
  const evaluated = onSide(decision.eval, "eval");
  const pairs = onSide(decision.train, "train").flatMap((train) =>
    evaluated.map((picture) => ({ train, eval: picture })),
  );
  return { decision, pairs };
}

/** Whether two pictures are one by any chain. */
function areOne(identities: Identities, pair: PicturePair): boolean {
  const [one, other] = [identities.identityOf(pair.train), identities.identityOf(pair.eval)];
  return one === other || identities.neighboursOf(one)?.has(other) === true;
}

/** The pictures of one key are one picture, so that one pair of them joins all. */
function deniedEdge({ decision, pairs }: MatchedDecision): readonly NearEdge[] {
  const note = decision.note === "" ? "" : `: ${decision.note}`;
  return pairs.slice(0, 1).map((pair) => ({
    one: pair.train,
    other: pair.eval,
    rule: "denied-by-reviewer",
    near: undefined,
    evidence: `a person says that ${decision.train} is ${decision.eval}${note}`,
  }));
}

interface FoundGraph {
  readonly before: Identities;
  readonly added: readonly NearEdge[];
}

interface CutGraph {
  readonly identities: Identities;
  readonly accepted: readonly MatchedDecision[];
}

/** Parts the pairs of as many decisions as can be followed. */
function cutAllowed(
  graph: IdentityGraph,
  found: FoundGraph,
  allows: readonly MatchedDecision[],
): CutGraph {
  const { before } = found;
  const allowedKeys = new Set(allows.map(({ decision }) => pairKey(decision.train, decision.eval)));
  const affected = new AffectedPairs(
    before,
    allows.flatMap(({ pairs }) => pairs),
  );
  let accepted = allows;
  for (;;) {
    const { identities, stuck } = partPairs(graph, found, accepted);
    const spoiled = affected.spoiledBy(identities, (pair) =>
      allowedKeys.has(pairKey(before.key(pair.train), before.key(pair.eval))),
    );
    if (stuck.size === 0 && spoiled.size === 0) return { accepted, identities };
    const kept = accepted.filter(
      (made) =>
        !stuck.has(made) &&
        !made.pairs.some((pair) =>
          [pair.train, pair.eval].some((picture) => spoiled.has(before.identityOf(picture))),
        ),
    );
    // Whoever is no longer followed does not allow what others part, either.
    allowedKeys.clear();
    accepted = kept.length < accepted.length ? kept : [];
    for (const { decision } of accepted) allowedKeys.add(pairKey(decision.train, decision.eval));
  }
}

// Two pictures have no more than a few names in common, and each round takes one away.
const MAX_ROUNDS = 12;

/** Takes away, round by round, what joins the pairs; gives the decisions whose pairs nothing may part, too. */
function partPairs(
  graph: IdentityGraph,
  { added, before }: FoundGraph,
  decisions: readonly MatchedDecision[],
): { readonly identities: Identities; readonly stuck: ReadonlySet<MatchedDecision> } {
  const stuck = new Set<MatchedDecision>();
  const cuts = new Map<string, NameCut>();
  const dropped = new Set<string>();
  let identities = before;
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const joined = decisions.filter(
      (made) => !stuck.has(made) && made.pairs.some((pair) => areOne(identities, pair)),
    );
    if (joined.length === 0) return { identities, stuck };
    for (const made of joined) {
      const links = made.pairs
        .filter((pair) => areOne(identities, pair))
        .map((pair) => weakLink(identities, pair));
      if (links.includes(undefined)) stuck.add(made);
      for (const link of links.filter((each) => each !== undefined)) take(link);
    }
    const changes: GraphChanges = { added, dropped, cuts: [...cuts.values()] };
    identities = graph.identities(changes);
  }
  for (const made of decisions) {
    if (made.pairs.some((pair) => areOne(identities, pair))) stuck.add(made);
  }
  return { identities, stuck };

  function take(link: ChainLink): void {
    if ("edge" in link) dropped.add(spelledEdge(link.edge));
    else {
      const cut = cutOf(identities, link);
      cuts.set(`${cut.picture} ${cut.name}`, cut);
    }
  }
}

const proofs: ReadonlySet<StepRule> = new Set([
  "same-key",
  "same-bytes",
  "same-pixels",
  "denied-by-reviewer",
]);

/** The first step between two pictures that are one which a person may overrule, if there is one. */
function weakLink(identities: Identities, pair: PicturePair): ChainLink | undefined {
  const partner = partnersOf(identities, pair.train).find(({ picture }) => picture === pair.eval);
  return partner?.links.find((link) => !proofs.has(ruleOfLink(identities, link)));
}

/** The end of a step that has the name by another field than its own key. */
function cutOf(
  identities: Identities,
  link: Exclude<ChainLink, { readonly edge: NearEdge }>,
): NameCut {
  const isOwner = identities.fieldOf(link.from, link.name) === "key";
  return { picture: isOwner ? link.to : link.from, name: link.name };
}
