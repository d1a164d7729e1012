import { namesByBytes, namesByFlickrPhoto, namesByKey, namesByPixels } from "../core/keys.ts";
import type { PictureInfo } from "../core/records.ts";

/** The rules that call two pictures the same, strongest evidence first. */
export const leakRules = [
  "same-key",
  "linked-key",
  "same-flickr-photo",
  "same-bytes",
  "same-pixels",
] as const;

export type LeakRule = (typeof leakRules)[number];

export interface IdentityRule {
  readonly name: LeakRule;
  /** What two pictures share by this rule, for a sentence. */
  readonly shared: string;
  /** Distinct tokens, few of them; two pictures are the same by this rule when they have one in common. */
  readonly tokensOf: (picture: PictureInfo) => readonly string[];
  readonly evidenceOf: (token: string) => string;
  /** A rule that holds whenever this one does, so that it says nothing beside it. */
  readonly implies?: LeakRule;
}

/** One entry for each of `leakRules`, in its order. */
export const identityRules: readonly IdentityRule[] = [
  {
    name: "same-key",
    shared: "key",
    tokensOf: (picture) => [picture.key],
    evidenceOf: (token) => `key ${token}`,
    implies: "linked-key",
  },
  {
    name: "linked-key",
    shared: "linked key",
    tokensOf: namesByKey,
    evidenceOf: (token) => `linked key ${token}`,
  },
  {
    name: "same-flickr-photo",
    shared: "Flickr photo id",
    tokensOf: namesByFlickrPhoto,
    evidenceOf: (token) => `Flickr photo ${token}`,
  },
  {
    name: "same-bytes",
    shared: "bytes",
    tokensOf: namesByBytes,
    evidenceOf: (token) => `bytes with sha256 ${token}`,
  },
  {
    name: "same-pixels",
    shared: "pixels",
    tokensOf: namesByPixels,
    evidenceOf: (token) => `upright pixels with sha256 ${token}`,
  },
];
