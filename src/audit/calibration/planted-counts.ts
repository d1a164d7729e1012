import { strict as assert } from "node:assert";
import type { NearEvidence } from "../findings.ts";
import { DisjointSets } from "../tables/disjoint-sets.ts";

/**
 * Pictures and their copies. A copy has the number picture × (transforms + 1) + transform + 1; in place of transform -1
 * stands the picture itself, as it is, so that pictures are compared with each other as well.
 */
export interface PlantedCopies {
  readonly transforms: readonly string[];
  /** For each picture: whether there is enough in it to be told apart by hashes. */
  readonly comparable: readonly boolean[];
  /** For each copy the first that has equal pixels, which stands for it in an audit; mostly itself. */
  readonly firstEqual: ArrayLike<number>;
}

/** A copy and a picture that the audit found alike. */
export interface PlantedPair {
  readonly copy: number;
  readonly onto: number;
  readonly near: NearEvidence;
  readonly isVerified: boolean;
}

export interface TransformCounts {
  readonly name: string;
  readonly tried: number;
  /** Copies within the distance of their pictures by a hash. */
  readonly found: number;
  /** Those of them that pixels verified. */
  readonly verified: number;
}

/** Pairs of different pictures: each is one trial, whatever copies of the two there are. */
export interface DifferentPairs {
  readonly pairs: number;
  /** Pairs of which a picture, or a copy of it, is within the distance of the other picture. */
  readonly candidates: number;
  /** Those of them that pixels verified. */
  readonly verified: number;
}

export interface PlantedCounts {
  readonly transforms: readonly TransformCounts[];
  readonly different: DifferentPairs;
}

/** Two of the user's pictures that pixels verified as they are: copies of one another, or a false match; a person can tell. */
export interface PairToLookAt {
  readonly one: number;
  readonly other: number;
  readonly near: NearEvidence;
}

/** What an audit found of planted copies, to be counted at any distance up to the one it searched within. */
export class PlantedFindings {
  readonly toLookAt: readonly PairToLookAt[];
  readonly #planted: PlantedCopies;
  readonly #width: number;
  readonly #own = new Map<number, PlantedPair>();
  readonly #foreign: readonly PlantedPair[];
  readonly #numPairs: number;

  constructor(planted: PlantedCopies, pairs: readonly PlantedPair[]) {
    this.#planted = planted;
    this.#width = planted.transforms.length + 1;
    for (const pair of pairs) {
      if (this.#pictureOf(pair.copy) === pair.onto) this.#own.set(pair.copy, pair);
    }
    const others = pairs.filter(({ copy, onto }) => this.#pictureOf(copy) !== onto);
    this.toLookAt = this.#alikeAsTheyAre(others);
    const groups = new DisjointSets(planted.comparable.length);
    for (const { one, other } of this.toLookAt) groups.unite(one, other);
    this.#foreign = others.filter(
      ({ copy, onto }) => groups.rootOf(this.#pictureOf(copy)) !== groups.rootOf(onto),
    );
    this.#numPairs = pairsOf(this.#comparable().length) - this.#pairsWithin(groups);
  }

  /** What would have been found within `distance`. */
  within(distance: number): PlantedCounts {
    const { transforms } = this.#planted;
    return {
      transforms: transforms.map((name, transform) => {
        const copies = this.#comparable().map((picture) => this.#copy(picture, transform));
        const found = copies.filter((copy) => this.#isFound(copy, distance));
        const verified = found.filter((copy) => this.#isVerified(copy));
        return {
          name,
          tried: copies.length,
          found: found.length,
          verified: verified.length,
        };
      }),
      different: {
        pairs: this.#numPairs,
        candidates: this.#numForeign(distance, () => true),
        verified: this.#numForeign(distance, ({ isVerified }) => isVerified),
      },
    };
  }

  #isFound(copy: number, distance: number): boolean {
    if (this.#hasPicturesPixels(copy)) return true;
    const bits = this.#ownPair(copy)?.near.distanceBits;
    return bits !== undefined && bits <= distance;
  }

  #isVerified(copy: number): boolean {
    return this.#hasPicturesPixels(copy) || this.#ownPair(copy)?.isVerified === true;
  }

  /** An audit knows such a copy by its pixels alone. */
  #hasPicturesPixels(copy: number): boolean {
    return this.#firstEqual(copy) === this.#copy(this.#pictureOf(copy), -1);
  }

  #ownPair(copy: number): PlantedPair | undefined {
    return this.#own.get(this.#firstEqual(copy));
  }

  #firstEqual(copy: number): number {
    return this.#planted.firstEqual[copy] ?? copy;
  }

  #alikeAsTheyAre(others: readonly PlantedPair[]): readonly PairToLookAt[] {
    const found = new Map<string, PairToLookAt>();
    for (const { copy, isVerified, near, onto } of others) {
      const picture = this.#pictureOf(copy);
      if (!isVerified || copy !== this.#copy(picture, -1)) continue;
      const [one, other] = [Math.min(picture, onto), Math.max(picture, onto)];
      if (!found.has(`${one} ${other}`)) found.set(`${one} ${other}`, { one, other, near });
    }
    return [...found.values()].toSorted((a, b) => a.one - b.one || a.other - b.other);
  }

  #numForeign(distance: number, counts: (pair: PlantedPair) => boolean): number {
    const found = this.#foreign.filter((pair) => {
      return pair.near.distanceBits <= distance && counts(pair);
    });
    const names = found.map(({ copy, onto }) => {
      return [this.#pictureOf(copy), onto].toSorted((a, b) => a - b).join(" ");
    });
    return new Set(names).size;
  }

  #pairsWithin(groups: DisjointSets): number {
    const sizes = new Map<number, number>();
    for (const picture of this.#comparable()) {
      const root = groups.rootOf(picture);
      sizes.set(root, (sizes.get(root) ?? 0) + 1);
    }
    return sizes.values().reduce((sum, size) => sum + pairsOf(size), 0);
  }

  #comparable(): readonly number[] {
    return this.#planted.comparable.flatMap((isComparable, picture) =>
      isComparable ? [picture] : [],
    );
  }

  #copy(picture: number, transform: number): number {
    return picture * this.#width + transform + 1;
  }

  #pictureOf(copy: number): number {
    return Math.floor(copy / this.#width);
  }
}

/** The largest distance of those with the fewest false verified pairs: more copies are found the larger it is. */
export function chosenDistance(findings: PlantedFindings, maxDistance: number): number {
  const distances = Array.from({ length: maxDistance + 1 }, (_, distance) => distance);
  const verified = distances.map((distance) => findings.within(distance).different.verified);
  const chosen = verified.lastIndexOf(Math.min(...verified));
  assert(chosen >= 0, "there is at least the distance 0");
  return chosen;
}

function pairsOf(number: number): number {
  return (number * (number - 1)) / 2;
}
