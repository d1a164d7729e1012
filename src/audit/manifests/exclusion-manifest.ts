import { createHash } from "node:crypto";
import type { ExclusionRow, ExclusionStepRow } from "../../core/attestation/exclusion-row.ts";
import { canonicalJson, type JsonValue } from "../../core/digest.ts";
import { collectionOf } from "../../core/keys.ts";
import type { EvidenceStep } from "../findings.ts";
import type { AuditVerdict, Exclusion } from "../verdict.ts";
import { type AuditSettings, settingsJson, settingsOf } from "./audit-settings.ts";

export const MANIFEST_FORMAT = "crossweave-exclusions";
export const MANIFEST_VERSION = 2;

/** Every training picture that an audit wants left out, by key, and why; the training side is always the one to drop. */
export interface ExclusionManifest {
  /** The digest of the verdict that it was made from. */
  readonly auditDigest: string;
  readonly settings: AuditSettings;
  readonly rows: readonly ExclusionRow[];
  /** SHA-256 of the canonical JSON of the manifest without this member. */
  readonly digest: string;
}

/** The exclusion manifest of a verdict: the same for the same sets, in whatever order they were given. */
export function manifestOf(verdict: AuditVerdict, toolVersion: string): ExclusionManifest {
  const settings = settingsOf(verdict, toolVersion);
  return manifestOfExclusions(verdict.exclusions, settings, verdict.digest);
}

/** The manifest of pictures to leave out, that an audit of these settings found. */
export function manifestOfExclusions(
  exclusions: readonly Exclusion[],
  settings: AuditSettings,
  auditDigest: string,
): ExclusionManifest {
  const run = { policy: settings.policy?.name ?? null, toolVersion: settings.tool.version };
  const rows = exclusions.map((exclusion) => rowOf(exclusion, run));
  return sealManifest({ auditDigest, settings, rows });
}

function rowOf(
  { chain, eval: evaluated, evidence, key, rule, train }: Exclusion,
  run: { readonly policy: string | null; readonly toolVersion: string },
): ExclusionRow {
  return {
    key,
    dataset: collectionOf(key),
    set: train.set,
    split: train.split,
    rule,
    evidence,
    evalSet: evaluated.set,
    evalSplit: evaluated.split,
    evalKey: evaluated.picture,
    chain: chain.map(stepRow),
    ...run,
  };
}

function stepRow({
  evidence,
  from,
  fromPlace,
  near,
  rule,
  to,
  toPlace,
}: EvidenceStep): ExclusionStepRow {
  const text = near === undefined ? null : canonicalJson({ ...near });
  return { from, to, rule, evidence, fromPlace, toPlace, near: text };
}

/** A manifest with the digest that names it. */
export function sealManifest(content: Omit<ExclusionManifest, "digest">): ExclusionManifest {
  const hash = createHash("sha256");
  for (const piece of pieces(content, "")) hash.update(piece);
  return { ...content, digest: hash.digest("hex") };
}

/**
 * The manifest's text in pieces: canonical JSON (RFC 8785) `{auditDigest, digest, exclusions: [{chain, dataset, evalKey,
 * evalSet, evalSplit, evidence, key, rule, set, split}], format, settings, version}` and a line end.
 */
export function* manifestText(manifest: ExclusionManifest): Generator<string> {
  yield* pieces(manifest, `"digest":${JSON.stringify(manifest.digest)},`);
  yield "\n";
}

const ROWS_PER_PIECE = 1000;

function* pieces(
  { auditDigest, rows, settings }: Omit<ExclusionManifest, "digest">,
  digestMember: string,
): Generator<string> {
  yield `{"auditDigest":${JSON.stringify(auditDigest)},${digestMember}"exclusions":[`;
  for (let start = 0; start < rows.length; start += ROWS_PER_PIECE) {
    const piece = rows
      .slice(start, start + ROWS_PER_PIECE)
      .map((row) => canonicalJson(rowJson(row)));
    yield `${start === 0 ? "" : ","}${piece.join(",")}`;
  }
  const end = canonicalJson({
    format: MANIFEST_FORMAT,
    settings: settingsJson(settings),
    version: MANIFEST_VERSION,
  });
  yield `],${end.slice(1)}`;
}

// The policy and the tool's version are the same in all rows: they stand in the settings.
function rowJson(row: ExclusionRow): JsonValue {
  const { chain, policy: _, toolVersion: __, ...rest } = row;
  return { ...rest, chain: chain.map(stepJson) };
}

function stepJson({ near, ...step }: ExclusionStepRow): JsonValue {
  const parsed: JsonValue = near === null ? null : JSON.parse(near);
  return { ...step, near: parsed };
}
