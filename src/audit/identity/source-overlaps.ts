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
}

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
}

interface SourcesBeside {
  readonly identity: number | undefined;
  readonly side: "train" | "eval";
  readonly found: ReadonlySet<number>;
}

class OverlapTable {
  readonly #identities: Identities;
  readonly #counts = new Map<string, OverlapCounts>();
  /** Of each identity the sources of its pictures. */
  readonly #sources = new Map<number, Set<number>>();
  /** What was found last: copies of a picture often follow one another. */
  #last: SourcesBeside = { identity: undefined, side: "eval", found: new Set() };

  constructor(identities: Identities) {
    this.#identities = identities;
    for (let picture = 0; picture < identities.numPictures; picture += 1) {
      if (!this.#isShared(picture)) continue;
      const identity = identities.identityOf(picture);
      const known = this.#sources.get(identity);
      const source = identities.sourceNumber(picture);
      if (known === undefined) this.#sources.set(identity, new Set([source]));
      else known.add(source);
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
    for (const source of others) this.#countsOf(source, own).evalPictures += 1;
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
    if (this.#last.identity === identity && this.#last.side === side) return this.#last.found;
    const found = new Set<number>();
    for (const each of [identity, ...(this.#identities.neighboursOf(identity) ?? [])]) {
      for (const source of this.#sources.get(each) ?? []) {
        if (sources[source]?.role === side) found.add(source);
      }
    }
    this.#last = { identity, side, found };
    return found;
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
    };
    this.#counts.set(name, counts);
    return counts;
  }
}
