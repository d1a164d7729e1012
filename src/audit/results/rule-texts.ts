import type { TextLeakRule } from "../findings.ts";
import { leakRules, type LeakRule } from "../rules.ts";
import { textLeakRules } from "../findings.ts";

/** The rules that results have beside those of leaks. */
export const SUSPECT_RULE = "suspect";
export const CONTRADICTION_RULE = "contradicted-match";

/** What a rule of a result says, for a person who meets it in another program. */
export interface RuleText {
  readonly id: string;
  readonly level: "error" | "warning" | "note";
  readonly short: string;
  /** What it means and what to do. */
  readonly help: string;
}

const DROP =
  "Leave the training picture out: crossweave audit … --exclusions FILE, then crossweave prepare … --exclude FILE.";
const REVIEW =
  "Look at the pair on the page of crossweave audit … --report FILE.html and decide; --decisions FILE reads the decision.";

const pictureHelp: Readonly<Record<LeakRule, readonly [short: string, help: string]>> = {
  "same-key": ["A training picture has the key of an evaluation picture.", DROP],
  "linked-key": [
    "A publisher's link says that a training picture is an evaluation picture.",
    `Such as coco_id in Visual Genome's image_data.json. ${DROP}`,
  ],
  "same-flickr-photo": [
    "A training picture is the Flickr photo of an evaluation picture.",
    `The photo id is the same in both addresses or file names. ${DROP}`,
  ],
  "same-url": [
    "A training picture has the web address of an evaluation picture.",
    `Addresses are compared without scheme and "www.", with their query. ${DROP}`,
  ],
  "same-bytes": ["A training picture's file is that of an evaluation picture.", DROP],
  "same-pixels": ["A training picture has the pixels of an evaluation picture.", DROP],
  "near-duplicate": [
    "A training picture is a changed copy of an evaluation picture.",
    `Perceptual hashes found the pair and a correlation of the aligned pixels verified it. ${DROP}`,
  ],
  "denied-by-reviewer": [
    "A person says that a training picture is an evaluation picture.",
    `The pair was a suspect; the decision list denies it. ${DROP}`,
  ],
  chain: [
    "Other pictures make a training picture an evaluation picture.",
    `Each step of the chain has its evidence; crossweave why KEY prints it. ${DROP}`,
  ],
};

const textHelp: Readonly<Record<TextLeakRule, readonly [short: string, help: string]>> = {
  "same-pair-id": [
    "A training text and an evaluation text are one pair of their publisher.",
    "Leave the training text out, or do not evaluate on it.",
  ],
  "same-text-and-picture": [
    "A training text stands on the same picture in an evaluation split.",
    DROP,
  ],
  "same-text": [
    "A training text is an evaluation text, word for word.",
    "Of another picture it is no leak by itself; look whether it gives an answer away.",
  ],
  "near-text": [
    "A training text is nearly an evaluation text.",
    "Of another picture it is no leak by itself; look whether it gives an answer away.",
  ],
};

/** Every rule that a result can have, in a fixed order. */
export const ruleTexts: readonly RuleText[] = [
  ...leakRules.map((id) => ruleText(id, "error", pictureHelp[id])),
  ...textLeakRules.map((id) =>
    ruleText(id, id === "same-text" || id === "near-text" ? "note" : "error", textHelp[id]),
  ),
  ruleText(SUSPECT_RULE, "warning", [
    "A training picture looks like an evaluation picture; its pixels did not verify it.",
    REVIEW,
  ]),
  ruleText(CONTRADICTION_RULE, "note", [
    "A name says that two pictures are one and their hashes say that they are not.",
    `The pair stays a leak, to be safe. ${REVIEW}`,
  ]),
];

function ruleText(
  id: string,
  level: RuleText["level"],
  [short, help]: readonly [string, string],
): RuleText {
  return { id, level, short, help };
}
