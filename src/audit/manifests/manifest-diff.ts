import type { ExclusionRow } from "../../core/attestation/exclusion-row.ts";
import { canonicalJson, type JsonValue } from "../../core/digest.ts";
import { type AuditSettings, settingsJson, type SettingsSplit } from "./audit-settings.ts";
import type { ReadManifest } from "./read-manifest.ts";

/** A picture that both manifests leave out, for another reason. */
interface ChangedExclusion {
  readonly old: ExclusionRow;
  readonly new: ExclusionRow;
}

/** How many pictures of one dataset and rule changed; of a changed reason, the new rule counts. */
interface DiffGroup {
  readonly dataset: string;
  readonly rule: string;
  readonly added: number;
  readonly removed: number;
  readonly changed: number;
}

/** A setting that differs; undefined on the side that does not have it. */
export interface ChangedSetting {
  /** "near.settings.maxDistance", "evaluation coco/test". */
  readonly setting: string;
  readonly old: string | undefined;
  readonly new: string | undefined;
}

/** What became of an exclusion manifest. */
export interface ManifestDiff {
  /** Whether both leave out the same pictures for the same reasons by the same settings. */
  readonly same: boolean;
  readonly added: readonly ExclusionRow[];
  readonly removed: readonly ExclusionRow[];
  readonly changed: readonly ChangedExclusion[];
  readonly unchanged: number;
  readonly groups: readonly DiffGroup[];
  readonly settings: readonly ChangedSetting[];
  /** Whether one of the two is of version 1, which says nothing of settings and chains. */
  readonly settingsUnknown: boolean;
}

/** Compares two manifests picture by picture and setting by setting. */
export function diffManifests(old: ReadManifest, now: ReadManifest): ManifestDiff {
  const before = new Map(old.rows.map((row) => [row.key, row]));
  const after = new Map(now.rows.map((row) => [row.key, row]));
  const added = now.rows.filter(({ key }) => !before.has(key));
  const removed = old.rows.filter(({ key }) => !after.has(key));
  const settingsUnknown = old.settings === null || now.settings === null;
  const changed = now.rows.flatMap((row) => {
    const earlier = before.get(row.key);
    const isSame =
      earlier === undefined ||
      reasonOf(earlier, settingsUnknown) === reasonOf(row, settingsUnknown);
    return isSame ? [] : [{ old: earlier, new: row }];
  });
  const settings = changedSettings(old.settings, now.settings);
  return {
    same: added.length + removed.length + changed.length + settings.length === 0,
    added,
    removed,
    changed,
    unchanged: now.rows.length - added.length - changed.length,
    groups: groupsOf({ added, removed, changed }),
    settings,
    settingsUnknown,
  };
}

/** Why a picture stays out, as far as both manifests say; the tool's version is no reason. */
function reasonOf(row: ExclusionRow, rulesOnly: boolean): string {
  const { chain, evalKey, evalSet, evalSplit, evidence, rule } = row;
  if (rulesOnly) return rule;
  const steps = chain.map((step) => ({ ...step }));
  return canonicalJson({ rule, evidence, evalSet, evalSplit, evalKey, chain: steps });
}

type Difference = Pick<ManifestDiff, "added" | "removed" | "changed">;

function groupsOf({ added, changed, removed }: Difference): readonly DiffGroup[] {
  const groups = new Map<string, { dataset: string; rule: string } & Counts>();
  const count = ({ dataset, rule }: ExclusionRow, what: keyof Counts): void => {
    const name = `${dataset} ${rule}`;
    const group = groups.get(name) ?? { dataset, rule, added: 0, removed: 0, changed: 0 };
    group[what] += 1;
    groups.set(name, group);
  };
  for (const row of added) count(row, "added");
  for (const row of removed) count(row, "removed");
  for (const { new: row } of changed) count(row, "changed");
  return [...groups].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, group]) => group);
}

interface Counts {
  added: number;
  removed: number;
  changed: number;
}

function changedSettings(
  old: AuditSettings | null,
  now: AuditSettings | null,
): readonly ChangedSetting[] {
  if (old === null || now === null) return [];
  const before = namedSettings(old);
  const after = namedSettings(now);
  return [...new Set([...before.keys(), ...after.keys()])]
    .toSorted()
    .filter((setting) => before.get(setting) !== after.get(setting))
    .map((setting) => ({ setting, old: before.get(setting), new: after.get(setting) }));
}

/** Each setting by a name that a person understands. */
function namedSettings(settings: AuditSettings): ReadonlyMap<string, string> {
  const named = new Map<string, string>();
  const { near, policy, review, rules, texts, tool } = settingsJson(settings);
  addLeaves(named, "", { near, policy, review, rules, texts, tool });
  addSplits(named, "training", settings.training);
  addSplits(named, "evaluation", settings.evaluation);
  addSplits(named, "through", settings.through);
  return named;
}

function addLeaves(named: Map<string, string>, path: string, value: JsonValue): void {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    named.set(path, typeof value === "string" ? value : JSON.stringify(value));
    return;
  }
  for (const [name, member] of Object.entries(value)) {
    if (member !== undefined) addLeaves(named, path === "" ? name : `${path}.${name}`, member);
  }
}

function addSplits(
  named: Map<string, string>,
  role: string,
  splits: readonly SettingsSplit[],
): void {
  for (const { digest, pictures, set, split } of splits) {
    const name = `${role} ${set}/${split}`;
    const earlier = named.get(name);
    const text = `${digest}, ${pictures} pictures`;
    named.set(name, earlier === undefined ? text : `${earlier}; ${text}`);
  }
}
