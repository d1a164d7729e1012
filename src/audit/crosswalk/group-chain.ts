import type { EvidenceStep } from "../findings.ts";
import { placeOf, stepsOf } from "../identity/chain-steps.ts";
import type { Identities } from "../identity/identities.ts";
import type { ChainLink } from "../identity/partners.ts";
import type { PicturePlace } from "../verdict.ts";
import type { RelatedPictures } from "./crosswalk.ts";
import { type GroupBits, hasGroup } from "./group-bits.ts";

/** How a picture of one group is a picture of another. */
export interface GroupChain {
  readonly train: PicturePlace;
  readonly eval: PicturePlace;
  /** From the first to the second; none when one record stands in both groups. */
  readonly steps: readonly EvidenceStep[];
}

interface Arrival {
  readonly picture: number;
  readonly link: ChainLink | undefined;
  readonly before: Arrival | undefined;
}

/** What a search for chains asks of pictures. */
type SearchedPictures = Pick<RelatedPictures, "groupsOf" | "identities">;

/** A shortest chain to a picture from one of a group, of those as short the first by their numbers; undefined where none leads to it. */
export function chainFromGroup(
  { groupsOf, identities }: SearchedPictures,
  group: number,
  evaluated: number,
): GroupChain | undefined {
  const isOfGroup = (picture: number): boolean =>
    hasGroup(groupsOf[identities.sourceNumber(picture)] ?? [], group);
  const arrival = nearest(identities, evaluated, isOfGroup);
  if (arrival === undefined) return undefined;
  const steps = stepsOf(identities, linksOf(arrival));
  const { picture } = arrival;
  return { train: placeOf(identities, picture), eval: placeOf(identities, evaluated), steps };
}

/** The same from a picture of the training side to one of some groups. */
export function chainToGroups(
  { groupsOf, identities }: SearchedPictures,
  trained: number,
  groups: GroupBits,
): GroupChain | undefined {
  const isOfGroups = (picture: number): boolean => {
    const own = groupsOf[identities.sourceNumber(picture)] ?? [];
    return own.some((word, at) => (word & (groups[at] ?? 0)) !== 0);
  };
  const arrival = nearest(identities, trained, isOfGroups);
  if (arrival === undefined) return undefined;
  const links = linksOf(arrival).map((link) => ({ ...link, from: link.to, to: link.from }));
  const steps = stepsOf(identities, links.toReversed());
  const { picture } = arrival;
  return { train: placeOf(identities, trained), eval: placeOf(identities, picture), steps };
}

/** The search goes from a picture to all that are it, nearest first; links lead back to where it began. */
function nearest(
  identities: Identities,
  start: number,
  isFound: (picture: number) => boolean,
): Arrival | undefined {
  const seen = new Set([start]);
  const seenNames = new Set<number>();
  const queue: Arrival[] = [{ picture: start, link: undefined, before: undefined }];
  for (const arrival of queue) {
    const { picture: to } = arrival;
    if (isFound(to)) return arrival;
    identities.forEachSharedName(to, (name) => {
      if (seenNames.has(name)) return;
      seenNames.add(name);
      for (const from of identities.membersOf(name)) {
        if (seen.has(from)) continue;
        seen.add(from);
        queue.push({ picture: from, link: { from, to, name }, before: arrival });
      }
    });
  }
  return undefined;
}

// From the last picture to the one where the search began.
function linksOf(last: Arrival): readonly ChainLink[] {
  const links: ChainLink[] = [];
  for (let at: Arrival | undefined = last; at?.link !== undefined; at = at.before) {
    links.push(at.link);
  }
  return links;
}
