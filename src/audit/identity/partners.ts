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
 * The evaluation pictures that a picture is the same as, the nearest first and each with its shortest chain, of which one
 * step at most is a verified pair. Among chains of one length, the one whose first step is stronger comes first.
 */
export function* partnersOf(identities: Identities, picture: number): Generator<Partner> {
  let numLeft = identities.countPartners(picture, "eval");
  const seen = new Set<number>();
  for (const arrival of arrivalsFrom(identities, picture)) {
    if (numLeft === 0) return;
    const { picture: found } = arrival;
    if (found === picture || identities.roleOf(found) !== "eval" || seen.has(found)) continue;
    seen.add(found);
    numLeft -= 1;
    yield { picture: found, links: linksTo(arrival) };
  }
}

function* arrivalsFrom(identities: Identities, picture: number): Generator<Arrival> {
  const seen = [new Set([picture]), new Set<number>()] as const;
  const seenNames = [new Set<number>(), new Set<number>()] as const;
  const queue: Arrival[] = [{ picture, isBeyondPair: false, before: undefined, link: undefined }];
  for (let next = 0; next < queue.length; next += 1) {
    const before = queue[next];
    if (before === undefined) return;
    const { isBeyondPair, picture: from } = before;
    const side = isBeyondPair ? 1 : 0;
    const found: Arrival[] = [];
    const arrive = (link: ChainLink, isBeyond: boolean): void => {
      const known = seen[isBeyond ? 1 : 0];
      if (known.has(link.to) || seen[0].has(link.to)) return;
      known.add(link.to);
      found.push({ picture: link.to, isBeyondPair: isBeyond, before, link });
    };
    identities.forEachSharedName(from, (name) => {
      if (seenNames[side].has(name)) return;
      seenNames[side].add(name);
      for (const to of identities.membersOf(name)) arrive({ from, to, name }, isBeyondPair);
    });
    if (!isBeyondPair) {
      for (const edge of identities.nearEdgesOf(from)) {
        arrive({ from, to: edge.other, edge }, true);
      }
    }
    yield* found;
    for (const arrival of found) queue.push(arrival);
  }
}

function linksTo(arrival: Arrival): readonly ChainLink[] {
  const links: ChainLink[] = [];
  for (let at: Arrival | undefined = arrival; at?.link !== undefined; at = at.before) {
    links.push(at.link);
  }
  return links.toReversed();
}
