import type { EvidenceStep } from "../findings.ts";
import { placeOf, stepsOf } from "../identity/chain-steps.ts";
import type { ChainLink } from "../identity/partners.ts";
import type { PicturePlace } from "../verdict.ts";
import type { RelatedPictures } from "./crosswalk.ts";
import { hasGroup } from "./group-bits.ts";

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

/** A shortest chain to a picture from one of a group, of those as short the first by their numbers; undefined where none leads to it. */
export function chainFromGroup(
  { groupsOf, identities }: RelatedPictures,
  group: number,
  evaluated: number,
): GroupChain | undefined {
  const seen = new Set([evaluated]);
  const seenNames = new Set<number>();
  const queue: Arrival[] = [{ picture: evaluated, link: undefined, before: undefined }];
  for (const arrival of queue) {
    const { picture: to } = arrival;
    if (hasGroup(groupsOf[identities.sourceNumber(to)] ?? [], group)) {
      const steps = stepsOf(identities, linksOf(arrival));
      return { train: placeOf(identities, to), eval: placeOf(identities, evaluated), steps };
    }
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

// The search goes back from the evaluation picture, so that the links come out in their order.
function linksOf(last: Arrival): readonly ChainLink[] {
  const links: ChainLink[] = [];
  for (let at: Arrival | undefined = last; at?.link !== undefined; at = at.before) {
    links.push(at.link);
  }
  return links;
}
