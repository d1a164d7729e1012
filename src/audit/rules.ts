import { flickrPhotoId } from "../core/keys.ts";
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
    // The publisher of one says that it is the other, or those of both that they are a third.
    tokensOf: ({ key, linkedKeys }) => [...new Set([key, ...linkedKeys])],
    evidenceOf: (token) => `linked key ${token}`,
  },
  {
    name: "same-flickr-photo",
    shared: "Flickr photo id",
    tokensOf: flickrPhotosOf,
    evidenceOf: (token) => `Flickr photo ${token}`,
  },
  {
    name: "same-bytes",
    shared: "bytes",
    // Two preparations may store one file differently; one of them may store what the other calls its source.
    tokensOf: (picture) => distinctTokens(picture.sourceSha256, picture.sha256),
    evidenceOf: (token) => `bytes with sha256 ${token}`,
  },
  {
    name: "same-pixels",
    shared: "pixels",
    tokensOf: pixelsOf,
    evidenceOf: (token) => `upright pixels with sha256 ${token}`,
  },
];

const FLICKR30K_PREFIX = "flickr30k:";
// EXIF orientations 5 to 8 turn a picture by a quarter.
const FIRST_TURNED = 5;
const NO_LINK = /^0*$/;

/** A recorded id and the one in the URL, which may contradict each other; Flickr30K's names are photo ids themselves. */
function flickrPhotosOf(picture: PictureInfo): readonly string[] {
  const named = picture.key.startsWith(FLICKR30K_PREFIX)
    ? picture.key.slice(FLICKR30K_PREFIX.length)
    : undefined;
  const linked = picture.url === null ? undefined : flickrPhotoId(picture.url);
  return distinctTokens(picture.flickrPhotoId ?? named, linked);
}

// The digest is of the pixels in a row, which alone does not tell a black 20 x 10 picture from one of 10 x 20.
function pixelsOf(picture: PictureInfo): readonly string[] {
  if (NO_LINK.test(picture.pixelSha256)) return [];
  const { sourceWidth, sourceHeight, orientation } = picture;
  const size =
    orientation >= FIRST_TURNED ? [sourceHeight, sourceWidth] : [sourceWidth, sourceHeight];
  return [`${picture.pixelSha256} (${size.join(" x ")})`];
}

/** The tokens that are there; an absent, empty or zero one is no link between two pictures. */
function distinctTokens(first: string | undefined, second: string | undefined): readonly string[] {
  const tokens: string[] = [];
  if (first !== undefined && !NO_LINK.test(first)) tokens.push(first);
  if (second !== undefined && second !== first && !NO_LINK.test(second)) tokens.push(second);
  return tokens;
}
