import type { LeakKind, Suspect, TextLeak } from "../../../src/audit/findings.ts";
import { leakRules } from "../../../src/audit/rules.ts";
import type { AuditVerdict, Leak, PicturePlace } from "../../../src/audit/verdict.ts";
import { sealVerdict } from "../../../src/audit/verdict-json.ts";
import { parseImageKey, type ImageKey } from "../../../src/core/keys.ts";

const kind: LeakKind = {
  modality: "picture",
  coverage: "between-datasets",
  degree: "identical",
};

/** A sealed verdict with these findings. */
export function sampleVerdict(findings: Partial<Omit<AuditVerdict, "digest">> = {}): AuditVerdict {
  const { leaks = [], suspects = [], textLeaks = [] } = findings;
  const split = { digest: "9c".repeat(32), pictures: 40, leaked: leaks.length };
  return sealVerdict({
    outcome: leaks.length === 0 ? "clean" : "leaking",
    clean: leaks.length === 0,
    leaks,
    numPairs: leaks.length,
    kinds: [],
    matrix: [],
    suspects,
    numSuspects: suspects.length,
    textLeaks,
    numTextLeaks: textLeaks.length,
    texts: null,
    near: null,
    policy: null,
    review: null,
    checked: {
      train: 40,
      eval: 40,
      rules: leakRules,
      training: [{ set: "vg", split: "train", ...split }],
      against: [
        { set: "coco", split: "test", ...split },
        { set: "coco", split: "val", ...split, leaked: 0 },
      ],
      through: [],
    },
    yields: [],
    listing: { maxPairs: 100, maxPairsPerGroup: 100, maxPartners: 10 },
    exclusions: [],
    ...findings,
  });
}

/** A leak of two pictures by their Flickr photo. */
export function sampleLeak(train: string, evaluation: string, changes: Partial<Leak> = {}): Leak {
  const [from, to] = [keyOf(train), keyOf(evaluation)];
  const rule = changes.rule === undefined || changes.rule === "chain" ? "same-url" : changes.rule;
  return {
    rule: "same-url",
    alsoBy: [],
    train: placeOf("vg", "train", from),
    eval: placeOf("coco", "test", to),
    evidence: "URL example.org/1.jpg",
    kind,
    chain: [
      {
        from,
        to,
        rule,
        evidence: "URL example.org/1.jpg",
        fromPlace: "vg/train",
        toPlace: "coco/test",
      },
    ],
    contradiction: null,
    ...changes,
  };
}

export function sampleSuspect(train: string, evaluation: string): Suspect {
  return {
    train: placeOf("vg", "train", keyOf(train)),
    eval: placeOf("coco", "test", keyOf(evaluation)),
    near: { distanceBits: 28, trainView: "whole", evalView: "whole", correlation: 0.41 },
    score: 0.5,
  };
}

export function sampleTextLeak(changes: Partial<TextLeak> = {}): TextLeak {
  const text = { sceneKey: "flickr30k:1", textId: "1#0", text: "A man runs.", label: "neutral" };
  return {
    rule: "same-text-and-picture",
    kind: { modality: "text", coverage: "between-datasets", degree: "identical" },
    train: { set: "snli", split: "train", ...text },
    eval: { set: "coco", split: "test", ...text, textId: "9#3", label: null },
    sameLabel: null,
    similarity: 1,
    evidence: "the same words",
    ...changes,
  };
}

/** What a comparison of texts says of `alike`. */
export function sampleTexts(alike: readonly TextLeak[]): NonNullable<AuditVerdict["texts"]> {
  return {
    method: "by their words",
    settings: {},
    compared: { train: 9, eval: 9 },
    withoutWords: { train: 0, eval: 0 },
    yields: [],
    matrix: [],
    alike,
  };
}

/** The key that `text` spells. */
export function keyOf(text: string): ImageKey {
  const key = parseImageKey(text);
  if (key === undefined) throw new Error(`${text} is no key`);
  return key;
}

function placeOf(set: string, split: string, picture: ImageKey): PicturePlace {
  return { set, split, sceneKey: picture, picture };
}
