import { namesOfReference, type PictureReferenceNames } from "../../core/keys.ts";
import type { Identities } from "../identity/identities.ts";
import { IdentityGraph, type PictureSource } from "../identity/identity-graph.ts";
import { stepRules, type StepRule } from "../rules.ts";
import { type GroupBits, bitsOf, numWordsFor } from "./group-bits.ts";

/** A picture as an annotation file or a published split names it. */
export interface PlacedPicture extends PictureReferenceNames {
  /** Where that is written: "coco/annotations/captions_val2014.json#/images/3". */
  readonly evidence: string;
  /** A perceptual hash that came with the annotations, in hexadecimal digits. */
  readonly shippedHash?: string | undefined;
}

/** Pictures by what annotation files say of them, related with one another. */
export interface RelatedPictures {
  readonly identities: Identities;
  /** The same pictures by those names alone by which a policy leaves pictures out. */
  readonly byPolicy: Identities;
  /** By the numbers of the sources: the groups that each is in. */
  readonly groupsOf: readonly GroupBits[];
  readonly numGroups: number;
  /** Whether the listing of a picture would say which photo it is, or what it is linked to. */
  readonly isTold: (picture: number) => boolean;
}

/**
 * Gathers pictures, source by source. A source is a part of a dataset's published split; groups are what is
 * compared: one or more sources each, and a source may be in several. Pictures of no group still join others.
 */
export class Crosswalk {
  readonly #graph: IdentityGraph;
  readonly #policyGraph: IdentityGraph | undefined;
  readonly #groupsOf: GroupBits[] = [];
  readonly #numGroups: number;
  /** Per source whether its listing tells what its pictures are beside their keys. */
  readonly #told: number[] = [];

  /** `policyRules`, when given, are those by which a policy leaves pictures out; others join no pictures for it. */
  constructor(numGroups: number, policyRules?: readonly StepRule[]) {
    this.#numGroups = numGroups;
    this.#graph = new IdentityGraph();
    const hasAll =
      policyRules === undefined || nameRules.every((rule) => policyRules.includes(rule));
    this.#policyGraph = hasAll ? undefined : new IdentityGraph(policyRules);
  }

  get numPictures(): number {
    return this.#graph.numPictures;
  }

  /** The number of the source. */
  addSource(source: PictureSource, groups: readonly number[]): number {
    this.#policyGraph?.addSource(source);
    this.#groupsOf.push(bitsOf(groups, numWordsFor(this.#numGroups)));
    return this.#graph.addSource(source);
  }

  /** Adds a picture; `isTold` says whether this file would say which photo it is, or what it is linked to. */
  add(source: number, picture: PlacedPicture, isTold: boolean): void {
    const { evidence: place, shippedHash: perceptualHash } = picture;
    const named = { names: namesOfReference(picture), place, perceptualHash };
    const number = this.#graph.add(source, named);
    this.#policyGraph?.add(source, named);
    if (isTold) this.#setTold(number);
  }

  /** Who is who; nothing can be added after that. */
  related(): RelatedPictures {
    const identities = this.#graph.identities();
    return {
      identities,
      byPolicy: this.#policyGraph?.identities() ?? identities,
      groupsOf: this.#groupsOf,
      numGroups: this.#numGroups,
      isTold: (picture) => ((this.#told[picture >>> 5] ?? 0) & (1 << (picture & 31))) !== 0,
    };
  }

  #setTold(picture: number): void {
    const word = picture >>> 5;
    while (this.#told.length <= word) this.#told.push(0);
    this.#told[word] = (this.#told[word] ?? 0) | (1 << (picture & 31));
  }
}

const nameRules: readonly StepRule[] = stepRules.slice(0, stepRules.indexOf("same-bytes"));
