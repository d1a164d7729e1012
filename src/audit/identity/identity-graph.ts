import assert from "node:assert";
import { kindOfField, type PictureName } from "../../core/keys.ts";
import type { NearEvidence } from "../findings.ts";
import { ruleOfFields, stepRules, type StepRule } from "../rules.ts";
import type { AuditRole } from "../verdict.ts";
import { GrowingWords } from "../tables/growing-words.ts";
import { Identities, incidence } from "./identities.ts";
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

/** Two pictures, by their numbers, that pixels have shown to be one. */
export interface NearEdge {
  readonly one: number;
  readonly other: number;
  readonly near: NearEvidence;
  readonly evidence: string;
}

/**
 * The pictures of many collections and what joins them. Two pictures with a name in common are one picture, and so are two
 * that a chain of such names joins through any others; a pair that hashes suggested and pixels verified is a step as
 * well, but a chain holds no more than one of these. Sources and pictures are numbered as they come, and the numbers
 * decide between chains of equal length: give them in an order of their own, not in that of a command line.
 */
export class IdentityGraph {
  readonly #rules: ReadonlySet<StepRule>;
  readonly #sources: PictureSource[] = [];
  readonly #names = new NameTable();
  readonly #pictures = new PictureTable();
  /** The names of all pictures, one after the other, each with its field. */
  readonly #incidences = new GrowingWords();
  readonly #nearEdges: NearEdge[] = [];
  #isClosed = false;

  /** By `rules` alone pictures are taken for the same. */
  constructor(rules: readonly StepRule[] = stepRules) {
    this.#rules = new Set(rules);
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
      if (field !== "key" && !this.#rules.has(ruleOfFields(field, field))) continue;
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

  /** Joins two pictures, by their numbers, that pixels have shown to be one. */
  addNear(edge: NearEdge): void {
    if (this.#rules.has("near-duplicate")) this.#nearEdges.push(edge);
  }

  /** Who is who. After this nothing can be added. */
  identities(): Identities {
    this.#isClosed = true;
    this.#names.seal();
    return new Identities({
      sources: this.#sources,
      names: this.#names,
      pictures: this.#pictures,
      incidences: this.#incidences,
      nearEdges: this.#nearEdges,
    });
  }
}
