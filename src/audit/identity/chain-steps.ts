import { kindOfField, type NameField, type PictureNameKind } from "../../core/keys.ts";
import type { EvidenceStep } from "../findings.ts";
import { ruleOfFields, stepRules, type StepRule } from "../rules.ts";
import type { PicturePlace } from "../verdict.ts";
import type { Identities } from "./identities.ts";
import type { ChainLink } from "./partners.ts";

/** The steps of a chain with what shows each. */
export function stepsOf(
  identities: Identities,
  links: readonly ChainLink[],
): readonly EvidenceStep[] {
  return links.map((link) => stepOf(identities, link));
}

/** Where a picture stands. */
export function placeOf(identities: Identities, picture: number): PicturePlace {
  const { set, split } = identities.source(picture);
  const key = identities.key(picture);
  return { set, split, sceneKey: identities.ownPlace(picture) ?? key, picture: key };
}

/** The rules of one step by which two pictures are the same, strongest first; none where only a chain joins them. */
export function rulesBetween(
  identities: Identities,
  { one, other }: { readonly one: number; readonly other: number },
): readonly StepRule[] {
  const rules = new Set<StepRule>();
  identities.forEachSharedName(one, (name, field) => {
    const otherField = identities.fieldOf(other, name);
    if (otherField !== undefined) rules.add(ruleOfFields(field, otherField));
  });
  for (const edge of identities.nearEdgesOf(one)) if (edge.other === other) rules.add(edge.rule);
  return stepRules.filter((rule) => rules.has(rule));
}

/** The rule of one step. */
export function ruleOfLink(identities: Identities, link: ChainLink): StepRule {
  if ("edge" in link) return link.edge.rule;
  const fromField = identities.fieldOf(link.from, link.name) ?? "key";
  return ruleOfFields(fromField, identities.fieldOf(link.to, link.name) ?? "key");
}

function stepOf(identities: Identities, link: ChainLink): EvidenceStep {
  const { from, to } = link;
  const ends = {
    from: identities.key(from),
    to: identities.key(to),
    fromPlace: placeText(identities, from),
    toPlace: placeText(identities, to),
  };
  if ("edge" in link) {
    const { evidence, near, rule } = link.edge;
    return { ...ends, rule, evidence, near };
  }
  const fromField = identities.fieldOf(from, link.name) ?? "key";
  const toField = identities.fieldOf(to, link.name) ?? "key";
  const rule = ruleOfFields(fromField, toField);
  const shared = `${sharedWords[kindOfField[fromField]]} ${identities.nameText(link.name)}`;
  const isPlain = rule === "same-key" || rule === "same-pixels";
  const evidence = isPlain
    ? `${shared} (in ${ends.fromPlace}; in ${ends.toPlace})`
    : `${shared} (${bearer(fromField, ends.from, ends.fromPlace)}; ${bearer(toField, ends.to, ends.toPlace)})`;
  return { ...ends, rule, evidence: rule === "linked-key" ? `linked ${evidence}` : evidence };
}

function bearer(field: NameField, key: string, place: string): string {
  return `${field} of ${key} in ${place}`;
}

const sharedWords = {
  key: "key",
  photo: "Flickr photo",
  address: "URL",
  bytes: "bytes with sha256",
  pixels: "upright pixels with sha256",
} as const satisfies Readonly<Record<PictureNameKind, string>>;

/** "coco/train", and where in it if the picture's key does not say that. */
export function placeText(identities: Identities, picture: number): string {
  const { set, split } = identities.source(picture);
  const place = identities.ownPlace(picture);
  return place === undefined ? `${set}/${split}` : `${set}/${split}, ${place}`;
}
