import type { Identities } from "./identities.ts";
import type { NearEdge } from "./identity-graph.ts";

/** One step of a chain, by the numbers of the pictures: a name that both have, or a verified pair. */
export type ChainLink = NameLink | NearLink;

interface NameLink {
  readonly from: number;
  readonly to: number;
  readonly name: number;
}

interface NearLink {
  readonly from: number;
  readonly to: number;
  readonly edge: NearEdge;
}

/** A picture that is the same as another, and the shortest chain to it. */
export interface Partner {
  readonly picture: number;
  readonly links: readonly ChainLink[];
}

/** How a search came to a picture; undefined for where it began. */
interface Arrival {
  readonly picture: number;
  readonly isBeyondPair: boolean;
  readonly before: Arrival | undefined;
  readonly link: ChainLink | undefined;
}

/**
 * The evaluation pictures that a picture is the same as, the nearest first and each with its shortest chain: of names alone
 * where these lead to it, else with one step that is a verified pair. Among chains of one length, the one whose first step is stronger comes first.
 */
export function* partnersOf(identities: Identities, picture: number): Generator<Partner> {
  let numLeft = identities.countPartners(picture, "eval");
  const seen = new Set<number>();
  if (numLeft === 0) return;
  for (const arrival of arrivalsFrom(identities, picture)) {
    const { picture: found } = arrival;
    if (found === picture || identities.roleOf(found) !== "eval" || seen.has(found)) continue;
    seen.add(found);
    numLeft -= 1;
    yield { picture: found, links: linksTo(arrival) };
    if (numLeft === 0) return;
  }
}

/** Everything that chains lead to, in the order of their lengths; looked for no farther than is asked. */
function* arrivalsFrom(identities: Identities, picture: number): Generator<Arrival> {
  const search = new ChainSearch(identities, picture);
  const queue: Arrival[] = [{ picture, isBeyondPair: false, before: undefined, link: undefined }];
  for (let next = 0; next < queue.length; next += 1) {
    const before = queue[next];
    if (before === undefined) return;
    for (const arrival of search.arrivalsAfter(before)) {
      queue.push(arrival);
      yield arrival;
    }
  }
}

/** What a search has come to: by names alone, and beyond a verified pair. */
class ChainSearch {
  readonly #identities: Identities;
  readonly #identity: number;
  readonly #pictures: readonly [Set<number>, Set<number>];
  readonly #names = [new Set<number>(), new Set<number>()] as const;

  constructor(identities: Identities, start: number) {
    this.#identities = identities;
    this.#identity = identities.identityOf(start);
    this.#pictures = [new Set([start]), new Set()];
  }

  *arrivalsAfter(before: Arrival): Generator<Arrival> {
    const { isBeyondPair, picture: from } = before;
    for (const name of this.#namesToTake(before)) {
      for (const to of this.#identities.membersOf(name)) {
        if (!this.#isNew(to, isBeyondPair)) continue;
        yield { picture: to, isBeyondPair, before, link: { from, to, name } };
      }
    }
    if (isBeyondPair) return;
    for (const edge of this.#identities.nearEdgesOf(from)) {
      const { other: to } = edge;
      if (!this.#isNew(to, true)) continue;
      yield { picture: to, isBeyondPair: true, before, link: { from, to, edge } };
    }
  }

  /** The names of a picture that were not taken yet. */
  #namesToTake({ isBeyondPair, picture }: Arrival): readonly number[] {
    const taken = this.#names[isBeyondPair ? 1 : 0];
    const names: number[] = [];
    this.#identities.forEachSharedName(picture, (name) => {
      if (taken.has(name)) return;
      taken.add(name);
      names.push(name);
    });
    return names;
  }

  #isNew(picture: number, isBeyondPair: boolean): boolean {
    const [byNames, beyond] = this.#pictures;
    const known = isBeyondPair ? beyond : byNames;
    // What names alone lead to needs no pair.
    const isOwn = isBeyondPair && this.#identities.identityOf(picture) === this.#identity;
    if (isOwn || known.has(picture)) return false;
    known.add(picture);
    return true;
  }
}

function linksTo(arrival: Arrival): readonly ChainLink[] {
  const links: ChainLink[] = [];
  for (let at: Arrival | undefined = arrival; at?.link !== undefined; at = at.before) {
    links.push(at.link);
  }
  return links.toReversed();
}
