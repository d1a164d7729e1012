import { GrowingWords } from "../tables/growing-words.ts";
import type { Identities } from "./identities.ts";
import type { ChainLink } from "./partners.ts";

const NONE = 2 ** 32 - 1;

/**
 * For every picture the shortest chain to an evaluation picture, found from all evaluation pictures at once: by names
 * alone where these lead to one, else with one verified pair. Among chains of one length the stronger name of the picture
 * decides, then the smaller number of the next picture.
 */
export class NearestEvaluation {
  readonly #identities: Identities;
  /** How many steps by names alone lead to an evaluation picture. */
  readonly #distances: Uint32Array;
  /** The next picture on the way, and the name that is shared with it. */
  readonly #nexts: Uint32Array;
  readonly #names: Uint32Array;
  /** The ways with a verified pair in them, where names alone lead nowhere. */
  readonly #nearWays = new Map<number, NearWay>();

  constructor(identities: Identities) {
    this.#identities = identities;
    const { numPictures } = identities;
    this.#distances = new Uint32Array(numPictures).fill(NONE);
    this.#nexts = new Uint32Array(numPictures);
    this.#names = new Uint32Array(numPictures);
    this.#spreadByNames();
    this.#spreadByPairs();
  }

  /** Whether the picture is an evaluation picture by any chain. */
  isProtected(picture: number): boolean {
    return this.#distances[picture] !== NONE || this.#nearWays.has(picture);
  }

  /** The steps from a picture to the nearest evaluation picture; none for an evaluation picture, undefined where no chain leads to one. */
  chainFrom(picture: number): readonly ChainLink[] | undefined {
    if (!this.isProtected(picture)) return undefined;
    const links: ChainLink[] = [];
    let at = picture;
    for (let way = this.#nearWays.get(at); way !== undefined; way = this.#nearWays.get(at)) {
      links.push({ from: at, ...way.link });
      at = way.link.to;
      if ("edge" in way.link) break;
    }
    while (this.#distances[at] !== 0) {
      const to = this.#nexts[at] ?? 0;
      links.push({ from: at, to, name: this.#names[at] ?? 0 });
      at = to;
    }
    return links;
  }

  #spreadByNames(): void {
    const identities = this.#identities;
    const vias = new Uint32Array(identities.numNames).fill(NONE);
    let frontier: Uint32Array = this.#evaluationPictures();
    for (const picture of frontier) this.#distances[picture] = 0;
    for (let distance = 1; frontier.length > 0; distance += 1) {
      const found = new GrowingWords();
      for (const name of this.#namesOf(frontier, vias)) {
        this.#reach(identities.membersOf(name), distance, found);
      }
      frontier = found.toArray().toSorted();
      for (const picture of frontier) this.#leadTo(picture, vias);
    }
  }

  #evaluationPictures(): Uint32Array {
    const pictures = new GrowingWords();
    for (let picture = 0; picture < this.#identities.numPictures; picture += 1) {
      if (this.#identities.roleOf(picture) === "eval") pictures.push(picture);
    }
    return pictures.toArray();
  }

  /** The names that nobody nearer has, each by the first of `frontier`, or the first whose key it is. */
  #namesOf(frontier: Uint32Array, vias: Uint32Array): readonly number[] {
    const reached: number[] = [];
    const distance = this.#distances[frontier[0] ?? 0];
    for (const picture of frontier) {
      this.#identities.forEachSharedName(picture, (name, field) => {
        const via = vias[name] ?? NONE;
        if (via === NONE) reached.push(name);
        const isOwner = field === "key" && this.#distances[via] === distance;
        if (via !== NONE && !(isOwner && this.#identities.fieldOf(via, name) !== "key")) return;
        vias[name] = picture;
      });
    }
    return reached;
  }

  /** Adds those of the pictures that were not reached before. */
  #reach(pictures: Uint32Array, distance: number, found: GrowingWords): void {
    for (const picture of pictures) {
      if (this.#distances[picture] !== NONE) continue;
      this.#distances[picture] = distance;
      found.push(picture);
    }
  }

  #leadTo(picture: number, vias: Uint32Array): void {
    let isLed = false;
    this.#identities.forEachSharedName(picture, (name) => {
      const via = vias[name] ?? NONE;
      if (isLed || via === NONE) return;
      isLed = true;
      this.#nexts[picture] = via;
      this.#names[picture] = name;
    });
  }

  #spreadByPairs(): void {
    const queue = this.#waysOfPairs();
    const seenNames = new Set<number>();
    // Ways come in ascending order of their distances: those of pairs are sorted in, the others are one step longer than theirs.
    for (let distance = 1; queue.size > 0; distance += 1) {
      const ways = queue.get(distance) ?? [];
      queue.delete(distance);
      for (const [picture, way] of ways) {
        if (this.#distances[picture] !== NONE || this.#nearWays.has(picture)) continue;
        this.#nearWays.set(picture, way);
        this.#identities.forEachSharedName(picture, (name) => {
          if (seenNames.has(name)) return;
          seenNames.add(name);
          for (const other of this.#identities.membersOf(name)) {
            addWay(queue, distance + 1, [other, { link: { to: picture, name } }]);
          }
        });
      }
    }
  }

  /** The verified pairs whose other side is an evaluation picture by names, by the distance of the way that begins with each. */
  #waysOfPairs(): Map<number, [number, NearWay][]> {
    const ways = new Map<number, [number, NearWay][]>();
    for (const picture of Array.from(this.#identities.nearPictures()).toSorted((a, b) => a - b)) {
      for (const edge of this.#identities.nearEdgesOf(picture)) {
        const distance = this.#distances[edge.other] ?? NONE;
        if (distance === NONE) continue;
        addWay(ways, distance + 1, [picture, { link: { to: edge.other, edge } }]);
      }
    }
    return ways;
  }
}

type Unrooted<T> = T extends ChainLink ? Omit<T, "from"> : never;

interface NearWay {
  readonly link: Unrooted<ChainLink>;
}

function addWay(
  ways: Map<number, [number, NearWay][]>,
  distance: number,
  way: [number, NearWay],
): void {
  const known = ways.get(distance);
  if (known === undefined) ways.set(distance, [way]);
  else known.push(way);
}
