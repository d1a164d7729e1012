import type { Identities } from "../identity/identities.ts";

/** A training and an evaluation picture by their numbers. */
export interface PicturePair {
  readonly train: number;
  readonly eval: number;
}

interface Members {
  readonly train: number[];
  readonly eval: number[];
}

// More pairs than these are not looked through: their identity is left as it is.
const MAX_PAIRS = 1_000_000;

/** All pairs that could come apart when some pairs of a graph are parted. */
export class AffectedPairs {
  readonly #before: Identities;
  /** The pictures of every identity that could be affected. */
  readonly #members: ReadonlyMap<number, Members>;

  constructor(before: Identities, parted: readonly PicturePair[]) {
    this.#before = before;
    const members = new Map<number, Members>();
    for (const pair of parted) {
      for (const picture of [pair.train, pair.eval]) {
        const identity = before.identityOf(picture);
        for (const each of [identity, ...(before.neighboursOf(identity) ?? [])]) {
          members.set(each, { train: [], eval: [] });
        }
      }
    }
    if (members.size > 0) fillMembers(before, members);
    this.#members = members;
  }

  /**
   * The identities of pairs that are one in the graph before and not in `after`, although `mayPart` does not let
   * them; of both sides, and by their numbers before.
   */
  spoiledBy(after: Identities, mayPart: (pair: PicturePair) => boolean): ReadonlySet<number> {
    const spoiled = new Set<number>();
    for (const [identity, { train }] of this.#members) {
      for (const other of [identity, ...(this.#before.neighboursOf(identity) ?? [])]) {
        const evaluated = this.#members.get(other)?.eval ?? [];
        const isTooMany = train.length * evaluated.length > MAX_PAIRS;
        if (!isTooMany && !hasSpoiledPair({ after, train, evaluated, mayPart })) continue;
        spoiled.add(identity).add(other);
      }
    }
    return spoiled;
  }
}

function fillMembers(before: Identities, members: ReadonlyMap<number, Members>): void {
  for (let picture = 0; picture < before.numPictures; picture += 1) {
    const role = before.roleOf(picture);
    if (role === "witness") continue;
    members.get(before.identityOf(picture))?.[role].push(picture);
  }
}

function hasSpoiledPair(look: {
  readonly after: Identities;
  readonly train: readonly number[];
  readonly evaluated: readonly number[];
  readonly mayPart: (pair: PicturePair) => boolean;
}): boolean {
  const { after, evaluated, mayPart, train } = look;
  return train.some((one) => {
    const identity = after.identityOf(one);
    const neighbours = after.neighboursOf(identity);
    return evaluated.some((other) => {
      const otherIdentity = after.identityOf(other);
      const isOne = identity === otherIdentity || neighbours?.has(otherIdentity) === true;
      return !isOne && !mayPart({ train: one, eval: other });
    });
  });
}
