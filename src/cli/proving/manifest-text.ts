import type { ChangedSetting, ManifestDiff } from "../../audit/manifests/manifest-diff.ts";
import type { ReadManifest } from "../../audit/manifests/read-manifest.ts";
import type { ExclusionRow } from "../../core/attestation/exclusion-row.ts";
import type { JsonValue } from "../../core/digest.ts";
import { textTable } from "../text-table.ts";

const MAX_LISTED = 20;

/** What became of a manifest, as a person reads it: how many, by dataset and rule, why, and the first of them. */
export function diffText(diff: ManifestDiff): string {
  const { added, changed, groups, removed, settings, settingsUnknown, unchanged } = diff;
  if (diff.same) return `The two are the same: ${unchanged} pictures, by the same settings.`;
  const parts = [
    `${added.length} pictures added, ${removed.length} removed, ${changed.length} for another reason, ${unchanged} as before.`,
  ];
  if (groups.length > 0) parts.push(groupTable(diff));
  if (settings.length > 0) parts.push(settingsTable(settings));
  else if (settingsUnknown)
    parts.push("one of the two is of version 1, which does not say by which settings it was made");
  const rows = [
    ...added.map((row) => ["added", ...rowCells(row)]),
    ...removed.map((row) => ["removed", ...rowCells(row)]),
    ...changed.map(({ new: now, old }) => {
      const [key, , evidence] = rowCells(now);
      return [
        "changed",
        key ?? "",
        old.rule === now.rule ? now.rule : `${old.rule} -> ${now.rule}`,
        evidence ?? "",
      ];
    }),
  ];
  if (rows.length > 0) {
    parts.push(
      textTable([["", "training picture", "rule", "evidence"], ...rows.slice(0, MAX_LISTED)]),
    );
  }
  if (rows.length > MAX_LISTED)
    parts.push(`the first ${MAX_LISTED} of ${rows.length}; --json gives all`);
  return parts.join("\n\n");
}

function groupTable({ groups }: ManifestDiff): string {
  return textTable([
    ["dataset", "rule", "added", "removed", "another reason"],
    ...groups.map(({ added, changed, dataset, removed, rule }) => [
      dataset,
      rule,
      added,
      removed,
      changed,
    ]),
  ]);
}

function settingsTable(settings: readonly ChangedSetting[]): string {
  return textTable([
    ["setting", "old", "new"],
    ...settings.map(({ new: now = "(none)", old = "(none)", setting }) => [setting, old, now]),
  ]);
}

function rowCells({ evidence, key, rule }: ExclusionRow): string[] {
  return [key, rule, evidence];
}

/** The same as a document, whole. */
export function diffJson(
  diff: ManifestDiff,
  { now, old }: { readonly old: ReadManifest; readonly now: ReadManifest },
): JsonValue {
  return {
    same: diff.same,
    old: namedJson(old),
    new: namedJson(now),
    added: diff.added.map(rowJson),
    removed: diff.removed.map(rowJson),
    changed: diff.changed.map((row) => ({ old: rowJson(row.old), new: rowJson(row.new) })),
    unchanged: diff.unchanged,
    groups: diff.groups.map((group) => ({ ...group })),
    settings: diff.settings.map(({ new: now_, old: old_, setting }) => ({
      setting,
      old: old_ ?? null,
      new: now_ ?? null,
    })),
    settingsUnknown: diff.settingsUnknown,
  };
}

function namedJson({ auditDigest, digest, rows, version }: ReadManifest): JsonValue {
  return { version, digest, auditDigest, pictures: rows.length };
}

function rowJson(row: ExclusionRow): JsonValue {
  return { ...row, chain: row.chain.map((step) => ({ ...step })) };
}
