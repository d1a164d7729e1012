import { canonicalJson, sha256, type JsonValue } from "../../core/digest.ts";
import { escapeControls } from "../../core/text.ts";
import type { LeakKind, NearEvidence, Suspect, TextLeak, TextPlace } from "../findings.ts";
import type { AuditVerdict, Leak, PicturePlace } from "../verdict.ts";
import { CONTRADICTION_RULE, ruleTexts, SUSPECT_RULE, type RuleText } from "./rule-texts.ts";

const SCHEMA =
  "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

export interface SarifTool {
  readonly version: string;
  /** The verdict in a sentence. */
  readonly summary: string;
}

/**
 * The listed findings as a SARIF 2.1.0 log: a leak is an error, a suspect a warning, a contradicted match a note
 * beside its leak, texts that are alike on different pictures a note; a pair that a person allowed is a suppressed result. A finding's fingerprint is made of its
 * two sides alone, so that it is the same in every run. The bytes depend on the verdict and the version alone.
 */
export function sarifLog(verdict: AuditVerdict, { version, summary }: SarifTool): string {
  const results = [
    ...verdict.leaks.flatMap((leak) => [leakResult(leak), ...contradictionResults(leak)]),
    ...(verdict.review?.allowed ?? []).map(allowedResult),
    ...verdict.suspects.map(suspectResult),
    ...[...verdict.textLeaks, ...(verdict.texts?.alike ?? [])].map(textResult),
  ];
  return sarifText(results, version, {
    auditDigest: verdict.digest,
    outcome: verdict.outcome,
    summary,
    pairs: verdict.numPairs,
    suspects: verdict.numSuspects,
    textLeaks: verdict.numTextLeaks,
    exclusions: verdict.exclusions.length,
  });
}

/** What a log says of the whole audit. */
interface SarifProperties {
  readonly [name: string]: JsonValue;
  readonly auditDigest: string;
  readonly outcome: AuditVerdict["outcome"];
}

/** A log of one run, as canonical JSON. */
export function sarifText(
  results: readonly JsonValue[],
  version: string,
  properties: SarifProperties,
): string {
  const log = {
    $schema: SCHEMA,
    version: "2.1.0",
    runs: [
      {
        tool: { driver: { name: "crossweave", version, rules: ruleTexts.map(ruleJson) } },
        invocations: [{ executionSuccessful: properties.outcome !== "unchecked" }],
        columnKind: "utf16CodeUnits",
        results,
        properties,
      },
    ],
  };
  return `${canonicalJson(log)}\n`;
}

function ruleJson({ id, level, short, help }: RuleText): JsonValue {
  return {
    id,
    shortDescription: { text: short },
    fullDescription: { text: `${short} ${help}` },
    help: { text: help },
    defaultConfiguration: { level },
  };
}

export interface Finding {
  readonly rule: string;
  readonly message: string;
  readonly train: SarifPlace;
  readonly eval: SarifPlace;
  readonly properties: { readonly [name: string]: JsonValue };
}

interface SarifPlace {
  readonly set: string;
  readonly split: string;
  readonly sceneKey: string;
  /** The picture's key or the text's id. */
  readonly key: string;
}

/** A finding as a result of a log, of the level of its rule; no control character is left in what a person reads. */
export function resultOf({ rule, message, train, eval: evaluated, properties }: Finding): {
  readonly [name: string]: JsonValue;
} {
  const ruleIndex = ruleTexts.findIndex(({ id }) => id === rule);
  return {
    ruleId: rule,
    ruleIndex,
    level: ruleTexts[ruleIndex]?.level ?? "none",
    message: { text: escapeControls(message) },
    locations: [locationOf(train)],
    relatedLocations: [
      {
        ...locationOf(evaluated),
        id: 0,
        message: { text: `evaluation: ${escapeControls(evaluated.key)}` },
      },
    ],
    partialFingerprints: { "crossweavePair/v1": fingerprintOf({ rule, train, eval: evaluated }) },
    properties,
  };
}

/** The rule counts only where it tells two results of one pair apart: a leak's may change from run to run. */
function fingerprintOf({ rule, train, eval: evaluated }: Pick<Finding, "rule" | "train" | "eval">) {
  const what = rule === CONTRADICTION_RULE ? rule : "pair";
  return sha256(canonicalJson([what, { ...train }, { ...evaluated }]));
}

function locationOf({ set, split, sceneKey, key }: SarifPlace): {
  readonly [name: string]: JsonValue;
} {
  return {
    physicalLocation: {
      artifactLocation: {
        uri: [...set.split("/"), split].filter(Boolean).map(encodeName).join("/"),
      },
    },
    logicalLocations: [
      {
        name: escapeControls(key),
        fullyQualifiedName: escapeControls(`${set}/${split}/${sceneKey}/${key}`),
        kind: "resource",
      },
    ],
  };
}

/** A name as a part of an address; a lone surrogate has no such form. */
function encodeName(name: string): string {
  return encodeURIComponent(name.toWellFormed());
}

function placeOf({ set, split, sceneKey, picture }: PicturePlace): SarifPlace {
  return { set, split, sceneKey, key: picture };
}

function textPlaceOf({ set, split, sceneKey, textId }: TextPlace): SarifPlace {
  return { set, split, sceneKey, key: textId };
}

function leakResult(leak: Leak): { readonly [name: string]: JsonValue } {
  const { rule, alsoBy, chain, evidence, kind, train } = leak;
  return resultOf({
    rule,
    message: `${train.picture} (${train.set}/${train.split}) is the evaluation picture ${leak.eval.picture} (${leak.eval.set}/${leak.eval.split}): ${evidence}`,
    train: placeOf(train),
    eval: placeOf(leak.eval),
    properties: {
      alsoBy,
      kind: kindJson(kind),
      chain: chain.map(({ from, to, rule: step, evidence: shown }) => ({
        from,
        to,
        rule: step,
        evidence: shown,
      })),
    },
  });
}

function kindJson(kind: LeakKind): JsonValue {
  return { ...kind };
}

function contradictionResults(leak: Leak): readonly { readonly [name: string]: JsonValue }[] {
  if (leak.contradiction === null) return [];
  const { distanceBits, hashBits } = leak.contradiction;
  return [
    resultOf({
      rule: CONTRADICTION_RULE,
      message: `${leak.rule} says that ${leak.train.picture} and ${leak.eval.picture} are one picture; ${distanceBits} of ${hashBits} bits of their hashes differ`,
      train: placeOf(leak.train),
      eval: placeOf(leak.eval),
      properties: { rule: leak.rule, distanceBits, hashBits },
    }),
  ];
}

function allowedResult(leak: Leak): { readonly [name: string]: JsonValue } {
  const justification = "a person's decision list says that it is not the same picture";
  return { ...leakResult(leak), suppressions: [{ kind: "external", justification }] };
}

function suspectResult(suspect: Suspect): { readonly [name: string]: JsonValue } {
  const { near, score, train } = suspect;
  return resultOf({
    rule: SUSPECT_RULE,
    message: `${train.picture} (${train.set}/${train.split}) looks like the evaluation picture ${suspect.eval.picture} (${suspect.eval.set}/${suspect.eval.split}): ${nearWords(near)}`,
    train: placeOf(train),
    eval: placeOf(suspect.eval),
    properties: { score, near: { ...near } },
  });
}

/** What hashes and pixels say, for a person. */
export function nearWords({ correlation, distanceBits }: NearEvidence): string {
  const pixels =
    correlation === null
      ? "there were no pixels to compare"
      : `the aligned pixels correlate by ${correlation.toFixed(3)}`;
  return `${distanceBits} of 256 bits of the hashes differ, ${pixels}`;
}

/** A text that is on both sides as a result. */
export function textResult(leak: TextLeak): { readonly [name: string]: JsonValue } {
  const { evidence, kind, rule, sameLabel, similarity, train } = leak;
  return resultOf({
    rule,
    message: `a text of ${train.set}/${train.split} is one of ${leak.eval.set}/${leak.eval.split}: ${evidence}`,
    train: textPlaceOf(train),
    eval: textPlaceOf(leak.eval),
    properties: {
      kind: kindJson(kind),
      sameLabel,
      similarity,
      trainText: train.text,
      evalText: leak.eval.text,
    },
  });
}
