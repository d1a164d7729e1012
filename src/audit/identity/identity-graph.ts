import assert from "node:assert";
import { kindOfField, type NameField, nameFields, type PictureName } from "../../core/keys.ts";
import type { NearEvidence } from "../findings.ts";
import { type PictureListing, WORDS_PER_HASH } from "../listing/picture-listing.ts";
import { ruleOfFields, stepRules, type StepRule } from "../rules.ts";
import type { AuditRole } from "../verdict.ts";
import { GrowingWords } from "../tables/growing-words.ts";
import { Identities, incidence, nameOf, renamed, type Words } from "./identities.ts";
import { NameTable } from "../tables/name-table.ts";
import { NO_HASH, PictureTable } from "../tables/picture-table.ts";

/** Where pictures come from: a split of a shard set, or a part of a dataset as its annotation files list it. */
export interface PictureSource {
  readonly set: string;
  readonly split: string;
  readonly role: AuditRole;
}

/** A picture as the graph takes it. */
export interface GraphPicture {
  /** As `namesOfPicture` or `namesOfReference` gives them, the picture's key at the front. */
  readonly names: readonly PictureName[];
  /** Where in its source it stands, if its key does not say it: a scene, or "file#/images/3". */
  readonly place?: string | undefined;
  /** A perceptual hash in hexadecimal digits; only hashes of one length are compared with one another. */
  readonly perceptualHash?: string | null | undefined;
}

/** A picture as a listing has it. */
export interface ListedPicture {
  readonly listing: PictureListing;
  readonly scene: number;
  readonly picture: number;
  /** Names that are not listed. */
  readonly more: readonly PictureName[];
}

/** Two pictures, by their numbers, that pixels, or a person, have shown to be one. */
export interface NearEdge {
  readonly one: number;
  readonly other: number;
  readonly rule: "near-duplicate" | "denied-by-reviewer";
  /** What hashes and pixels said, if they were asked. */
  readonly near: NearEvidence | undefined;
  readonly evidence: string;
}

/** A name that a picture shall not have. */
export interface NameCut {
  readonly picture: number;
  readonly name: number;
}

/** What a person's decisions change in a graph. */
export interface GraphChanges {
  readonly added: readonly NearEdge[];
  /** Verified pairs that are none, as `spelledEdge` spells them. */
  readonly dropped: ReadonlySet<string>;
  readonly cuts: readonly NameCut[];
}

const noChanges: GraphChanges = { added: [], dropped: new Set(), cuts: [] };

/** What names a verified pair, whichever of the two comes first. */
export function spelledEdge({ one, other }: Pick<NearEdge, "one" | "other">): string {
  return `${Math.min(one, other)} ${Math.max(one, other)}`;
}

/**
 * The pictures of many collections and what joins them. Two pictures with a name in common are one picture, and so are two
 * that a chain of such names joins through any others; a pair that hashes suggested and pixels verified is a step as
 * well, but a chain holds no more than one of these. Sources and pictures are numbered as they come, and the numbers
 * decide between chains of equal length: give them in an order of their own, not in that of a command line.
 */
export class IdentityGraph {
  readonly #rules: ReadonlySet<StepRule>;
  /** The fields whose names count, by these rules; a key always does. */
  readonly #fields: ReadonlySet<NameField>;
  readonly #sources: PictureSource[] = [];
  readonly #names = new NameTable();
  readonly #pictures = new PictureTable();
  /** The names of all pictures, one after the other, each with its field. */
  readonly #incidences = new GrowingWords();
  readonly #nearEdges: NearEdge[] = [];
  readonly #hash = new Uint32Array(WORDS_PER_HASH);
  #isClosed = false;

  /** By `rules` alone pictures are taken for the same. */
  constructor(rules: readonly StepRule[] = stepRules) {
    this.#rules = new Set(rules);
    this.#fields = new Set(
      nameFields.filter((field) => field === "key" || rules.includes(ruleOfFields(field, field))),
    );
  }

  get numPictures(): number {
    return this.#pictures.length;
  }

  /** The number of the source. */
  addSource(source: PictureSource): number {
    this.#sources.push(source);
    return this.#sources.length - 1;
  }

  /** The number of the picture. */
  add(source: number, { names, perceptualHash, place }: GraphPicture): number {
    assert(!this.#isClosed, "a picture came after the identities were asked for");
    const [own] = names;
    assert(own?.field === "key");
    for (const { field, name } of names) {
      if (!this.#fields.has(field)) continue;
      const number = this.#names.add(kindOfField[field], name);
      this.#incidences.push(incidence(number, field));
    }
    return this.#pictures.add({
      source,
      key: own.name,
      place: place === own.name ? undefined : place,
      endOfNames: this.#incidences.length,
      hash: perceptualHash ?? NO_HASH,
    });
  }

  /** The number of a picture of a listing, which has `more` names beside those that are listed. */
  addListed(source: number, { listing, more, picture, scene }: ListedPicture): number {
    assert(!this.#isClosed, "a picture came after the identities were asked for");
    const first = listing.startOfNames(picture);
    const end = listing.startOfNames(picture + 1);
    for (let name = first; name < end; name += 1) {
      const field = listing.fieldOfName(name);
      if (!this.#fields.has(field)) continue;
      listing.hashOfName(name, this.#hash);
      const number = this.#names.addHashed(this.#hash);
      if (this.#names.lacksText(number)) this.#names.keepText(number, listing.nameBytes(name));
      this.#incidences.push(incidence(number, field));
    }
    for (const { field, name } of more) {
      this.#incidences.push(incidence(this.#names.add(kindOfField[field], name), field));
    }
    return this.#pictures.add({
      source,
      key: listing.nameBytes(first),
      place: listing.isNamed(scene, first) ? undefined : listing.sceneKeyBytes(scene),
      endOfNames: this.#incidences.length,
      hash: listing.perceptualHash(picture),
    });
  }

  /** Joins two pictures, by their numbers, that pixels have shown to be one. */
  addNear(edge: Omit<NearEdge, "rule">): void {
    if (!this.#rules.has("near-duplicate")) return;
    this.#nearEdges.push({ ...edge, rule: "near-duplicate" });
  }

  /** Who is who, or would be with some changes. After this nothing can be added. */
  identities({ added, cuts, dropped }: GraphChanges = noChanges): Identities {
    this.#isClosed = true;
    this.#names.seal();
    const kept = this.#nearEdges.filter((edge) => !dropped.has(spelledEdge(edge)));
    return new Identities({
      sources: this.#sources,
      names: this.#names,
      numNames: this.#names.length + cuts.length,
      pictures: this.#pictures,
      incidences: this.#incidencesWithout(cuts),
      nearEdges: [...kept, ...added],
    });
  }

  /** The incidences, where a name that is cut is one of its own, which no other picture has. */
  #incidencesWithout(cuts: readonly NameCut[]): Words {
    const words = this.#incidences;
    if (cuts.length === 0) return words;
    const changed = new Map<number, number>();
    for (const [index, { name, picture }] of cuts.entries()) {
      const end = this.#pictures.startOfNames(picture + 1);
      for (let at = this.#pictures.startOfNames(picture); at < end; at += 1) {
        const word = words.at(at);
        if (nameOf(word) === name) changed.set(at, renamed(word, this.#names.length + index));
      }
    }
    return { length: words.length, at: (place) => changed.get(place) ?? words.at(place) };
  }
}
