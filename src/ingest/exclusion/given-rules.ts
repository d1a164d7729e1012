import { sha256 } from "../../core/digest.ts";
import type { ImageKey } from "../../core/keys.ts";
import type { Exclusion, ExclusionRules } from "./exclusion-rules.ts";

/** Rules by which every picture may be trained on. */
export const noExclusions: ExclusionRules = { digest: sha256(""), match: () => undefined };

/** Leaves out the pictures of a list, such as an audit wrote, each for the rule that the list names. */
export function listedExclusions(exclusions: ReadonlyMap<ImageKey, Exclusion>): ExclusionRules {
  const lines = Array.from(exclusions.keys())
    .toSorted()
    .map((key) => {
      const { rule = "", evidence = "" } = exclusions.get(key) ?? {};
      return JSON.stringify([key, rule, evidence]);
    });
  return { digest: sha256(lines.join("\n")), match: ({ key }) => exclusions.get(key) };
}

/** Leaves out what any of the rules leave out; the first that does gives the evidence. */
export function allExclusions(given: readonly ExclusionRules[]): ExclusionRules {
  const rules = given.filter((one) => one !== noExclusions);
  const [first = noExclusions] = rules;
  if (rules.length < 2) return first;
  return {
    digest: sha256(rules.map(({ digest }) => digest).join("\n")),
    match: (picture) => {
      for (const rule of rules) {
        const exclusion = rule.match(picture);
        if (exclusion !== undefined) return exclusion;
      }
      return undefined;
    },
  };
}
