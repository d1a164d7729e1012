import { createHash } from "node:crypto";
import { canonicalJson, type JsonValue } from "../core/digest.ts";
import { SourceError } from "../core/errors.ts";
import { parseImageKey, type ImageKey } from "../core/keys.ts";
import type { EvidenceStep } from "./findings.ts";
import { leakRules, type LeakRule } from "./rules.ts";
import type { AuditVerdict, Exclusion } from "./verdict.ts";

const FORMAT = "crossweave-exclusions";
const VERSION = 1;

/**
 * The exclusion manifest of a verdict, in pieces: canonical JSON
 * `{auditDigest, exclusions: [{evidence, key, rule}], format, version}` and a line end, exclusions by key.
 * It names training pictures only: the training side is always the one to drop.
 */
export function* exclusionManifest(
  verdict: Pick<AuditVerdict, "digest" | "exclusions">,
): Generator<string> {
  yield `{"auditDigest":${JSON.stringify(verdict.digest)},"exclusions":[`;
  for (let start = 0; start < verdict.exclusions.length; start += EXCLUSIONS_PER_PIECE) {
    const piece = verdict.exclusions.slice(start, start + EXCLUSIONS_PER_PIECE).map(exclusionJson);
    yield `${start === 0 ? "" : ","}${piece.join(",")}`;
  }
  yield `],"format":"${FORMAT}","version":${VERSION}}\n`;
}

const EXCLUSIONS_PER_PIECE = 1000;

function exclusionJson({ key, rule, evidence }: Exclusion): string {
  return canonicalJson({ key, rule, evidence });
}

/** SHA-256 over the exclusions with their chains, one line of canonical JSON each. */
export function digestOfExclusions(exclusions: readonly Exclusion[]): string {
  const hash = createHash("sha256");
  for (const { chain, eval: evaluated, train, ...named } of exclusions) {
    const places = { train: { ...train }, eval: { ...evaluated } };
    hash.update(`${canonicalJson({ ...named, ...places, chain: chain.map(stepJson) })}\n`);
  }
  return hash.digest("hex");
}

/** A step of a chain as it stands in documents. */
export function stepJson({ near, ...step }: EvidenceStep): JsonValue {
  return { ...step, near: near === undefined ? null : { ...near } };
}

/** What a manifest says of a picture. */
export type ListedExclusion = Pick<Exclusion, "key" | "rule" | "evidence">;

/** What a reader of an exclusion manifest gets: why each training picture has to stay out. */
export interface ExclusionList {
  readonly auditDigest: string;
  readonly exclusions: ReadonlyMap<ImageKey, ListedExclusion>;
}

/** Reads an exclusion manifest. Throws SourceError when `text`, the content of `file`, is none. */
export function parseExclusionManifest(text: string, file: string): ExclusionList {
  const document = parseObject(text, file);
  const { format, version, auditDigest, exclusions } = document;
  if (format !== FORMAT || version !== VERSION) {
    throw notAManifest(file, `"format" is ${show(format)} and "version" ${show(version)}`);
  }
  if (typeof auditDigest !== "string" || !Array.isArray(exclusions)) {
    throw notAManifest(file, `"auditDigest" or "exclusions" is missing`);
  }
  const entries = exclusions.map((entry: unknown, index) => parseExclusion(entry, { file, index }));
  return { auditDigest, exclusions: new Map(entries.map((entry) => [entry.key, entry])) };
}

function parseObject(text: string, file: string): { readonly [name: string]: unknown } {
  try {
    const document: unknown = JSON.parse(text);
    if (isObject(document)) return document;
  } catch (error) {
    throw notAManifest(file, "it is not JSON", error);
  }
  throw notAManifest(file, "it is no JSON object");
}

function parseExclusion(entry: unknown, place: { file: string; index: number }): ListedExclusion {
  const { key, rule, evidence } = isObject(entry) ? entry : {};
  const imageKey = typeof key === "string" ? parseImageKey(key) : undefined;
  const leakRule = leakRules.find((name: LeakRule) => name === rule);
  if (imageKey === undefined || leakRule === undefined || typeof evidence !== "string") {
    throw new SourceError(
      `${place.file}: exclusion ${place.index} has key ${show(key)} and rule ${show(rule)}; expected an image key such as "coco:391895" and one of ${leakRules.join(", ")}`,
      { file: place.file, record: `/exclusions/${place.index}`, remedy: REMEDY },
    );
  }
  return { key: imageKey, rule: leakRule, evidence };
}

const REMEDY = "write the file again: crossweave audit <set…> --exclusions FILE";

function notAManifest(file: string, found: string, cause?: unknown): SourceError {
  return new SourceError(
    `${file}: not an exclusion manifest: ${found}; expected format "${FORMAT}", version ${VERSION}`,
    { file, remedy: REMEDY, cause },
  );
}

function show(value: unknown): string {
  return value === undefined ? "missing" : JSON.stringify(value).slice(0, 80);
}

function isObject(value: unknown): value is { readonly [name: string]: unknown } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
