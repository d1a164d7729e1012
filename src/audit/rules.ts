import { kindOfField, type NameField, type PictureNameKind } from "../core/keys.ts";

/** The rules by which one step of a chain calls two pictures the same, strongest evidence first. */
export const stepRules = [
  "same-key",
  "linked-key",
  "same-flickr-photo",
  "same-url",
  "same-bytes",
  "same-pixels",
  "near-duplicate",
  "denied-by-reviewer",
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

/** What two pictures share by the rules that compare names, for a sentence. */
export const sharedByRule = {
  "same-key": "key",
  "linked-key": "linked key",
  "same-flickr-photo": "Flickr photo id",
  "same-url": "URL",
  "same-bytes": "bytes",
  "same-pixels": "pixels",
} as const;
