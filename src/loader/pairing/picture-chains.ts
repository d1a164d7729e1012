import type { SceneHead } from "../../core/records.ts";
import { lastAtMost } from "../batching/members.ts";
import { sceneNames } from "./same-picture.ts";

/**
 * Scenes that show one picture although some two of them have no name in common: A is known to be B by a key, B to be C
 * by its Flickr photo. Groups whose scenes all share one name are not here, so this is small.
 */
export interface PictureChains {
  /** The scenes of all groups, ascending. */
  readonly scenes: Uint32Array;
  /** Of each of them the number of its group. */
  readonly groups: Uint32Array;
}

export const noChains: PictureChains = { scenes: new Uint32Array(), groups: new Uint32Array() };

/** The group of a scene, or undefined when it is in none. */
export function groupOf({ groups, scenes }: PictureChains, scene: number): number | undefined {
  if (scenes.length === 0) return undefined;
  const place = lastAtMost(scenes, scene);
  return scenes[place] === scene ? groups[place] : undefined;
}

/**
 * Finds the groups in one pass over all scenes. Names are kept as 52 bits of a hash, so that all of it takes some 100 bytes
 * a scene; that two names of ten million have one hash is about as likely as 1 : 100, and would only keep two pictures
 * from standing as unmatched.
 */
export async function findChains(
  numScenes: number,
  heads: AsyncIterable<SceneHead>,
): Promise<PictureChains> {
  const marks = new MarkList(numScenes);
  for await (const head of heads) marks.add(sceneNames(head));
  return chainsOf(marks);
}

const LEAST_CHAIN = 3;

function chainsOf(marks: MarkList): PictureChains {
  const repeated = repeatedMarks(marks.values());
  const sets = new DisjointSets(marks.numScenes);
  /** Of each repeated mark the scenes that have it, and the first of them. */
  const counts = new Uint32Array(repeated.length);
  const firsts = new Uint32Array(repeated.length);
  marks.forEach((scene, mark) => {
    const place = placeOf(repeated, mark);
    if (place === undefined) return;
    if (counts[place] === 0) firsts[place] = scene;
    else sets.unite(firsts[place] ?? 0, scene);
    counts[place] = (counts[place] ?? 0) + 1;
  });
  /** Of each group the most scenes that share one name. */
  const mostShared = new Map<number, number>();
  for (const [place, count] of counts.entries()) {
    const root = sets.rootOf(firsts[place] ?? 0);
    if (sets.sizeOf(root) < LEAST_CHAIN) continue;
    mostShared.set(root, Math.max(mostShared.get(root) ?? 0, count));
  }
  const chained = [...mostShared.keys()].filter(
    (root) => (mostShared.get(root) ?? 0) < sets.sizeOf(root),
  );
  return numbered(sets, new Map(chained.toSorted((a, b) => a - b).map((root, at) => [root, at])));
}

function numbered(sets: DisjointSets, groupOfRoot: ReadonlyMap<number, number>): PictureChains {
  const [scenes, groups]: [number[], number[]] = [[], []];
  if (groupOfRoot.size === 0) return noChains;
  for (let scene = 0; scene < sets.length; scene += 1) {
    const group = groupOfRoot.get(sets.rootOf(scene));
    if (group === undefined) continue;
    scenes.push(scene);
    groups.push(group);
  }
  return { scenes: Uint32Array.from(scenes), groups: Uint32Array.from(groups) };
}

/** Which marks each scene has, scene by scene. */
class MarkList {
  readonly numScenes: number;
  readonly #counts: Uint8Array;
  #marks: Float64Array;
  #numMarks = 0;
  #scene = 0;

  constructor(numScenes: number) {
    this.numScenes = numScenes;
    this.#counts = new Uint8Array(numScenes);
    // A key, a digest of bytes and one of pixels are always there.
    this.#marks = new Float64Array(numScenes * 4);
  }

  add(names: readonly string[]): void {
    for (const name of names) {
      if (this.#numMarks === this.#marks.length) this.#grow();
      this.#marks[this.#numMarks] = markOf(name);
      this.#numMarks += 1;
    }
    this.#counts[this.#scene] = names.length;
    this.#scene += 1;
  }

  values(): Float64Array {
    return this.#marks.subarray(0, this.#numMarks);
  }

  forEach(visit: (scene: number, mark: number) => void): void {
    let place = 0;
    for (const [scene, count] of this.#counts.entries()) {
      for (const end = place + count; place < end; place += 1) {
        visit(scene, this.#marks[place] ?? 0);
      }
    }
  }

  #grow(): void {
    const larger = new Float64Array(Math.ceil(this.#marks.length * 1.5) + 16);
    larger.set(this.#marks);
    this.#marks = larger;
  }
}

/** 52 bits of a name: two 32-bit FNV-1a hashes of different beginnings, finished by MurmurHash3's last step. */
function markOf(name: string): number {
  let [low, high] = [0x811c9dc5, 0x2f0b4c47];
  for (let place = 0; place < name.length; place += 1) {
    const code = name.charCodeAt(place);
    low = Math.imul(low ^ code, 0x01000193);
    high = Math.imul(high ^ code, 0x5bd1e995);
  }
  return (mixed(high ^ low) >>> 12) * 2 ** 32 + (mixed(low) >>> 0);
}

function mixed(word: number): number {
  let hash = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

/** The values that stand more than once, ascending. */
function repeatedMarks(marks: Float64Array): Float64Array {
  const sorted = marks.toSorted();
  let numRepeated = 0;
  for (let place = 1; place < sorted.length; place += 1) {
    const value = sorted[place] ?? 0;
    const isSecond = value === sorted[place - 1] && value !== sorted[place - 2];
    if (!isSecond) continue;
    sorted[numRepeated] = value;
    numRepeated += 1;
  }
  return sorted.slice(0, numRepeated);
}

function placeOf(values: Float64Array, value: number): number | undefined {
  if (values.length === 0) return undefined;
  const place = lastAtMost(values, value);
  return values[place] === value ? place : undefined;
}

/** Union by size, with paths cut in half. */
class DisjointSets {
  readonly length: number;
  /** Of a root minus the size of its set, of all others a number nearer to the root. */
  readonly #parents: Int32Array;

  constructor(length: number) {
    this.length = length;
    this.#parents = new Int32Array(length).fill(-1);
  }

  rootOf(member: number): number {
    let at = member;
    for (;;) {
      const parent = this.#parents[at] ?? -1;
      if (parent < 0) return at;
      const beyond = this.#parents[parent] ?? -1;
      if (beyond < 0) return parent;
      this.#parents[at] = beyond;
      at = beyond;
    }
  }

  sizeOf(root: number): number {
    return -(this.#parents[root] ?? -1);
  }

  unite(a: number, b: number): void {
    const [left, right] = [this.rootOf(a), this.rootOf(b)];
    if (left === right) return;
    const [large, small] = this.sizeOf(left) < this.sizeOf(right) ? [right, left] : [left, right];
    this.#parents[large] = -(this.sizeOf(large) + this.sizeOf(small));
    this.#parents[small] = large;
  }
}
