import { z } from "zod";
import type { ExclusionRow, ExclusionStepRow } from "../../core/attestation/exclusion-row.ts";
import { jsonObject } from "../../core/attestation/dsse.ts";
import { canonicalJson, sha256 } from "../../core/digest.ts";
import { SourceError } from "../../core/errors.ts";
import { collectionOf, type ImageKey, parseImageKey } from "../../core/keys.ts";
import { leakRules } from "../rules.ts";
import {
  type AuditSettings,
  auditSettingsSchema,
  madeByNewer,
  newerSettings,
  settingsJson,
} from "./audit-settings.ts";
import {
  type ExclusionManifest,
  MANIFEST_FORMAT,
  MANIFEST_VERSION,
  manifestText,
  sealManifest,
} from "./exclusion-manifest.ts";

/** An exclusion manifest as it was read; one of version 1 has no settings, and its rows have no chains and no places. */
export interface ReadManifest extends Omit<ExclusionManifest, "settings"> {
  readonly version: 1 | 2;
  readonly settings: AuditSettings | null;
}

/** What an Arrow file holds of a manifest. */
export interface ManifestTable {
  readonly auditDigest: string;
  /** Canonical JSON. */
  readonly settings: string;
  readonly digest: string;
  readonly rows: readonly ExclusionRow[];
}

const text = z.string();
/** What hashes and pixels say of a pair: no member has members of its own. */
const nearSchema = z.record(z.string(), z.union([z.string(), z.number(), z.null()]));
const stepSchema = z.strictObject({
  from: text,
  to: text,
  rule: text,
  evidence: text,
  fromPlace: text,
  toPlace: text,
  near: nearSchema.nullable(),
});
const rowSchema = z.strictObject({
  key: text,
  dataset: text,
  set: text,
  split: text,
  rule: text,
  evidence: text,
  evalSet: text,
  evalSplit: text,
  evalKey: text,
  chain: z.array(stepSchema),
});
const documentSchema = z.strictObject({
  format: z.literal(MANIFEST_FORMAT),
  version: z.literal(MANIFEST_VERSION),
  auditDigest: text,
  digest: text,
  settings: auditSettingsSchema,
  exclusions: z.array(rowSchema),
});
/** It has no digest; nothing of version 2 may pass for it, where everything was checked. */
const oldDocumentSchema = z.strictObject({
  format: z.literal(MANIFEST_FORMAT),
  version: z.literal(1),
  auditDigest: text,
  exclusions: z.array(z.strictObject({ key: text, rule: text, evidence: text })),
});

/**
 * Reads a manifest of version 2 or 1 as JSON. Throws SourceError when `content`, that of `file`, is none; one of
 * version 2 that differs in any byte from what was written is none either.
 */
export function parseManifest(content: string, file: string): ReadManifest {
  const document = jsonObject(content);
  if (document === undefined) throw notAManifest(file, "it is no JSON object");
  const { format, settings: stated, version } = document;
  if (format === MANIFEST_FORMAT && typeof version === "number" && version > MANIFEST_VERSION) {
    throw notAManifest(file, madeByNewer(version));
  }
  if (format !== MANIFEST_FORMAT || (version !== 1 && version !== MANIFEST_VERSION)) {
    throw notAManifest(file, `"format" is ${show(format)} and "version" ${show(version)}`);
  }
  if (version === 1) return oldManifest(document, { content, file });
  requireKnownSettings(stated, file);
  const { exclusions, settings, ...named } = parsed(documentSchema, document, file);
  const run = { policy: settings.policy?.name ?? null, toolVersion: settings.tool.version };
  const rows = exclusions.map(({ chain, ...row }) => {
    const steps = chain.map(({ near, ...step }) => {
      return { ...step, near: near === null ? null : canonicalJson(near) };
    });
    return { ...row, chain: steps, ...run };
  });
  const { auditDigest, digest } = named;
  const manifest = checkedManifest({ auditDigest, digest, settings, rows }, file);
  if ([...manifestText(manifest)].join("") !== content) throw changed(file);
  return { ...manifest, version: MANIFEST_VERSION };
}

/** The manifest that an Arrow file holds. Throws SourceError where its digest or its settings are not those of a manifest. */
export function manifestOfTable(table: ManifestTable, file: string): ReadManifest {
  const document = jsonObject(table.settings);
  requireKnownSettings(document, file);
  const settings = parsed(auditSettingsSchema, document, file);
  const run = { policy: settings.policy?.name ?? null, toolVersion: settings.tool.version };
  const isRun = ({ policy, toolVersion }: ExclusionRow): boolean =>
    policy === run.policy && toolVersion === run.toolVersion;
  if (canonicalJson(settingsJson(settings)) !== table.settings || !table.rows.every(isRun)) {
    throw changed(file);
  }
  return { ...checkedManifest({ ...table, settings }, file), version: MANIFEST_VERSION };
}

function requireKnownSettings(settings: unknown, file: string): void {
  const newer = newerSettings(settings);
  if (newer !== undefined) throw notAManifest(file, `its settings are ${madeByNewer(newer)}`);
}

/** The settings as `ManifestTable` holds them. */
export function tableOf(manifest: ExclusionManifest): ManifestTable {
  return { ...manifest, settings: canonicalJson(settingsJson(manifest.settings)) };
}

function checkedManifest(manifest: ExclusionManifest, file: string): ExclusionManifest {
  for (const [index, row] of manifest.rows.entries()) checkRow(row, { file, index });
  if (!manifest.rows.every(({ chain }) => chain.every(hasCanonicalNear))) throw changed(file);
  if (sealManifest(manifest).digest !== manifest.digest) throw changed(file);
  return manifest;
}

function hasCanonicalNear({ near }: ExclusionStepRow): boolean {
  if (near === null) return true;
  const { data } = nearSchema.safeParse(jsonObject(near));
  return data !== undefined && canonicalJson(data) === near;
}

function oldManifest(
  document: unknown,
  { content, file }: { readonly content: string; readonly file: string },
): ReadManifest {
  const { auditDigest, exclusions } = parsed(oldDocumentSchema, document, file);
  const rows = exclusions.map(({ evidence, key, rule }, index) => {
    checkRow({ key, rule }, { file, index });
    const places = { set: "", split: "", evalSet: "", evalSplit: "", evalKey: "" };
    const run = { chain: [], policy: null, toolVersion: "" };
    return { key, dataset: collectionOf(key), rule, evidence, ...places, ...run };
  });
  return { version: 1, auditDigest, settings: null, rows, digest: sha256(content) };
}

function checkRow(
  { key, rule }: { readonly key: string; readonly rule: string },
  place: { readonly file: string; readonly index: number },
): void {
  const isRule = leakRules.some((name) => name === rule);
  if (isRule && parseImageKey(key) !== undefined) return;
  throw new SourceError(
    `${place.file}: exclusion ${place.index} has key ${show(key)} and rule ${show(rule)}; expected an image key such as "coco:391895" and one of ${leakRules.join(", ")}`,
    { file: place.file, record: `/exclusions/${place.index}`, remedy: REMEDY },
  );
}

/** Why each picture of a manifest has to stay out, by its key. */
export function exclusionsOf({
  rows,
}: Pick<ReadManifest, "rows">): ReadonlyMap<ImageKey, { rule: string; evidence: string }> {
  const exclusions = new Map<ImageKey, { rule: string; evidence: string }>();
  for (const { evidence, key, rule } of rows) {
    const picture = parseImageKey(key);
    if (picture !== undefined) exclusions.set(picture, { rule, evidence });
  }
  return exclusions;
}

const REMEDY = "write the file again: crossweave audit <set…> --exclusions FILE";

function parsed<T>(schema: z.ZodType<T>, document: unknown, file: string): T {
  const found = schema.safeParse(document);
  if (found.success) return found.data;
  const [issue] = found.error.issues;
  const where = issue === undefined ? "" : `/${issue.path.join("/")}: ${issue.message}`;
  throw notAManifest(file, where);
}

function notAManifest(file: string, found: string): SourceError {
  return new SourceError(
    `${file}: not an exclusion manifest: ${found}; expected format "${MANIFEST_FORMAT}", version ${MANIFEST_VERSION} or 1`,
    { file, remedy: REMEDY },
  );
}

function changed(file: string): SourceError {
  return new SourceError(
    `${file}: the exclusion manifest is not as it was written; the file was changed`,
    { file, remedy: REMEDY },
  );
}

function show(value: unknown): string {
  return value === undefined ? "missing" : JSON.stringify(value).slice(0, 80);
}
