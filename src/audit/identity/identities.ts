import assert from "node:assert";
import {
  type ImageKey,
  isImageKey,
  kindOfField,
  type NameField,
  nameFields,
  pictureNameKinds,
} from "../../core/keys.ts";
import type { AuditRole } from "../verdict.ts";
import { DisjointSets } from "../tables/disjoint-sets.ts";
import type { NearEdge, PictureSource } from "./identity-graph.ts";
import type { NameTable } from "../tables/name-table.ts";
import type { PictureTable } from "../tables/picture-table.ts";

const FIELD_BITS = 4;
const FIELD_MASK = 2 ** FIELD_BITS - 1;
/** Of each field the bit of its kind. */
const kindBits = nameFields.map((field) => 1 << pictureNameKinds.indexOf(kindOfField[field]));
const noEdges: readonly NearEdge[] = [];

/** One name in one field of a picture, in a word. */
export function incidence(name: number, field: NameField): number {
  assert(name < 2 ** (32 - FIELD_BITS), "268 million names");
  return ((name << FIELD_BITS) | nameFields.indexOf(field)) >>> 0;
}

/** The number of the name of an incidence. */
export function nameOf(word: number): number {
  return word >>> FIELD_BITS;
}

/** The incidence with another name in the same field. */
export function renamed(word: number, name: number): number {
  return ((name << FIELD_BITS) | (word & FIELD_MASK)) >>> 0;
}

/** Words that are only read. */
export interface Words {
  readonly length: number;
  at(place: number): number;
}

interface GraphParts {
  readonly sources: readonly PictureSource[];
  readonly names: NameTable;
  /** Those of `names`, and names beyond that only one picture has. */
  readonly numNames: number;
  readonly pictures: PictureTable;
  readonly incidences: Words;
  readonly nearEdges: readonly NearEdge[];
}

/** Which pictures are one by their names, and which by one more step that pixels have verified. */
export class Identities {
  readonly sources: readonly PictureSource[];
  readonly numPictures: number;
  readonly numNames: number;
  readonly #names: NameTable;
  readonly #pictures: PictureTable;
  readonly #incidences: Words;
  /** The pictures of each name that several have, name after name, and where those of each begin. */
  readonly #members: Uint32Array;
  readonly #starts: Uint32Array;
  readonly #sets: DisjointSets;
  /** By the number of an identity, how many of its pictures are trained and evaluated on. */
  readonly #numTrain: Uint32Array;
  readonly #numEval: Uint32Array;
  readonly #nearEdges = new Map<number, NearEdge[]>();
  /** The identities that verified pairs join with each, itself not among them. */
  readonly #neighbours = new Map<number, Set<number>>();

  constructor({ incidences, names, nearEdges, numNames, pictures, sources }: GraphParts) {
    this.sources = sources;
    this.numPictures = pictures.length;
    this.numNames = numNames;
    this.#names = names;
    this.#pictures = pictures;
    this.#incidences = incidences;
    this.#starts = this.#countMembers();
    this.#members = this.#listMembers();
    this.#sets = this.#unite();
    this.#numTrain = this.#count("train");
    this.#numEval = this.#count("eval");
    for (const edge of nearEdges.toSorted(byPictures)) this.#addNear(edge);
  }

  key(picture: number): ImageKey {
    const key = this.#pictures.key(picture);
    assert(isImageKey(key));
    return key;
  }

  /** Where in its source the picture stands: its scene, or its file and record. */
  place(picture: number): string {
    return this.ownPlace(picture) ?? this.#pictures.key(picture);
  }

  /** The same, but undefined when the picture's key says it. */
  ownPlace(picture: number): string | undefined {
    return this.#pictures.ownPlace(picture);
  }

  sourceNumber(picture: number): number {
    return this.#pictures.source(picture);
  }

  source(picture: number): PictureSource {
    const source = this.sources[this.#pictures.source(picture)];
    assert(source !== undefined);
    return source;
  }

  roleOf(picture: number): AuditRole {
    return this.source(picture).role;
  }

  /** The smallest number among the pictures that are this one by names alone. */
  identityOf(picture: number): number {
    return this.#sets.rootOf(picture);
  }

  /** How many pictures of an identity are on that side. */
  countOf(identity: number, side: "train" | "eval"): number {
    return (side === "train" ? this.#numTrain : this.#numEval)[identity] ?? 0;
  }

  /** How many pictures on that side a picture is the same as: those of its identity and of the ones that pairs join with it. */
  countPartners(picture: number, side: "train" | "eval"): number {
    const identity = this.identityOf(picture);
    let numPartners = this.countOf(identity, side);
    if (this.#neighbours.size === 0) return numPartners;
    for (const neighbour of this.#neighbours.get(identity) ?? []) {
      numPartners += this.countOf(neighbour, side);
    }
    return numPartners;
  }

  /** The identities that a verified pair joins with this one. */
  neighboursOf(identity: number): ReadonlySet<number> | undefined {
    return this.#neighbours.get(identity);
  }

  /** The verified pairs of a picture, which is `one` of each, by the other's number. */
  nearEdgesOf(picture: number): readonly NearEdge[] {
    return this.#nearEdges.get(picture) ?? noEdges;
  }

  /** The pictures that have verified pairs. */
  nearPictures(): Iterable<number> {
    return this.#nearEdges.keys();
  }

  /** Visits the names of a picture that others have as well, strongest first. */
  forEachSharedName(picture: number, visit: (name: number, field: NameField) => void): void {
    const end = this.#pictures.startOfNames(picture + 1);
    for (let place = this.#pictures.startOfNames(picture); place < end; place += 1) {
      const word = this.#incidences.at(place);
      const name = word >>> FIELD_BITS;
      if (this.#starts[name] === this.#starts[name + 1]) continue;
      visit(name, nameFields[word & FIELD_MASK] ?? "key");
    }
  }

  /** The field by which a picture has a name, or undefined. */
  fieldOf(picture: number, name: number): NameField | undefined {
    const end = this.#pictures.startOfNames(picture + 1);
    for (let place = this.#pictures.startOfNames(picture); place < end; place += 1) {
      const word = this.#incidences.at(place);
      if (word >>> FIELD_BITS === name) return nameFields[word & FIELD_MASK];
    }
    return undefined;
  }

  /** The kinds of a picture's names, of those that nobody else has as well: a bit for each of `pictureNameKinds`. */
  kindsOf(picture: number): number {
    let kinds = 0;
    const end = this.#pictures.startOfNames(picture + 1);
    for (let place = this.#pictures.startOfNames(picture); place < end; place += 1) {
      kinds |= kindBits[this.#incidences.at(place) & FIELD_MASK] ?? 0;
    }
    return kinds;
  }

  /** The pictures that have a name, ascending; none where it is one picture's alone. */
  membersOf(name: number): Uint32Array {
    return this.#members.subarray(this.#starts[name], this.#starts[name + 1]);
  }

  /** A name that several pictures have. */
  nameText(name: number): string {
    return this.#names.text(name) ?? "";
  }

  /** In how many bits the hashes of two pictures differ; undefined where they cannot be compared. */
  hashDistance(
    one: number,
    other: number,
  ): { readonly distanceBits: number; readonly hashBits: number } | undefined {
    return this.#pictures.hashDistance(one, other);
  }

  #countMembers(): Uint32Array {
    const starts = new Uint32Array(this.numNames + 1);
    for (let place = 0; place < this.#incidences.length; place += 1) {
      const next = (this.#incidences.at(place) >>> FIELD_BITS) + 1;
      starts[next] = (starts[next] ?? 0) + 1;
    }
    for (let name = 1; name <= this.numNames; name += 1) {
      const count = starts[name] ?? 0;
      starts[name] = (starts[name - 1] ?? 0) + (count > 1 ? count : 0);
    }
    return starts;
  }

  #listMembers(): Uint32Array {
    const members = new Uint32Array(this.#starts[this.numNames] ?? 0);
    const filled = new Uint32Array(this.numNames);
    for (let picture = 0; picture < this.numPictures; picture += 1) {
      this.forEachSharedName(picture, (name) => {
        const at = filled[name] ?? 0;
        members[(this.#starts[name] ?? 0) + at] = picture;
        filled[name] = at + 1;
      });
    }
    return members;
  }

  #unite(): DisjointSets {
    const sets = new DisjointSets(this.numPictures);
    for (let name = 0; name < this.numNames; name += 1) {
      const start = this.#starts[name] ?? 0;
      const end = this.#starts[name + 1] ?? 0;
      const first = this.#members[start] ?? 0;
      for (let place = start + 1; place < end; place += 1) {
        sets.unite(first, this.#members[place] ?? 0);
      }
    }
    return sets;
  }

  #count(side: "train" | "eval"): Uint32Array {
    const counts = new Uint32Array(this.numPictures);
    for (let picture = 0; picture < this.numPictures; picture += 1) {
      if (this.roleOf(picture) !== side) continue;
      const identity = this.identityOf(picture);
      counts[identity] = (counts[identity] ?? 0) + 1;
    }
    return counts;
  }

  #addNear(edge: NearEdge): void {
    const { one, other } = edge;
    heldFor(this.#nearEdges, one, (): NearEdge[] => []).push(edge);
    heldFor(this.#nearEdges, other, (): NearEdge[] => []).push({ ...edge, one: other, other: one });
    const [first, second] = [this.identityOf(one), this.identityOf(other)];
    if (first === second) return;
    heldFor(this.#neighbours, first, (): Set<number> => new Set()).add(second);
    heldFor(this.#neighbours, second, (): Set<number> => new Set()).add(first);
  }
}

/** What a map holds for a key, put there first if it is not. */
function heldFor<K, V>(map: Map<K, V>, key: K, empty: () => V): V {
  const held = map.get(key) ?? empty();
  map.set(key, held);
  return held;
}

function byPictures(a: NearEdge, b: NearEdge): number {
  return (
    Math.min(a.one, a.other) - Math.min(b.one, b.other) ||
    Math.max(a.one, a.other) - Math.max(b.one, b.other)
  );
}
