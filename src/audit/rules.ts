import { kindOfField, namesOfPicture, type NameField, type PictureNameKind } from "../core/keys.ts";
import type { PictureInfo } from "../core/records.ts";

/** The rules by which one step of a chain calls two pictures the same, strongest evidence first. */
export const stepRules = [
  "same-key",
  "linked-key",
  "same-flickr-photo",
  "same-url",
  "same-bytes",
  "same-pixels",
  "near-duplicate",
] as const;

export type StepRule = (typeof stepRules)[number];

/** The rules of pairs: those of one step, and "chain" for a pair that only several steps join. */
export type LeakRule = StepRule | "chain";

export const leakRules: readonly LeakRule[] = [...stepRules, "chain"];

/** The rule by which two pictures are the same that have one name in these fields. */
export function ruleOfFields(one: NameField, other: NameField): StepRule {
  if (one === "key" && other === "key") return "same-key";
  return ruleOfKind[kindOfField[one]];
}

const ruleOfKind = {
  key: "linked-key",
  photo: "same-flickr-photo",
  address: "same-url",
  bytes: "same-bytes",
  pixels: "same-pixels",
} as const satisfies Readonly<Record<PictureNameKind, StepRule>>;

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

function tokensOfKind(kind: PictureNameKind): (picture: PictureInfo) => readonly string[] {
  return (picture) =>
    namesOfPicture(picture)
      .filter((its) => its.kind === kind)
      .map(({ name }) => name);
}

/** The rules that compare names, in the order of `leakRules`. */
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
    tokensOf: tokensOfKind("key"),
    evidenceOf: (token) => `linked key ${token}`,
  },
  {
    name: "same-flickr-photo",
    shared: "Flickr photo id",
    tokensOf: tokensOfKind("photo"),
    evidenceOf: (token) => `Flickr photo ${token}`,
  },
  {
    name: "same-url",
    shared: "URL",
    tokensOf: tokensOfKind("address"),
    evidenceOf: (token) => `URL ${token}`,
  },
  {
    name: "same-bytes",
    shared: "bytes",
    tokensOf: tokensOfKind("bytes"),
    evidenceOf: (token) => `bytes with sha256 ${token}`,
  },
  {
    name: "same-pixels",
    shared: "pixels",
    tokensOf: tokensOfKind("pixels"),
    evidenceOf: (token) => `upright pixels with sha256 ${token}`,
  },
];
