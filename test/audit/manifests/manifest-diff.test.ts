import { describe, expect, it } from "vitest";
import type { AuditSettings } from "../../../src/audit/manifests/audit-settings.ts";
import { diffManifests } from "../../../src/audit/manifests/manifest-diff.ts";
import type { ReadManifest } from "../../../src/audit/manifests/read-manifest.ts";
import type { ExclusionRow } from "../../../src/core/attestation/exclusion-row.ts";

const digest = "a".repeat(64);
const settings: AuditSettings = {
  version: 1,
  tool: { name: "crossweave", version: "0.1.0" },
  rules: ["same-key", "same-bytes"],
  near: { method: "PDQ", settings: { wholeDistance: 48, windows: "both" }, recall: null },
  texts: null,
  policy: null,
  review: null,
  training: [{ set: "vg", split: "train", digest, pictures: 9 }],
  evaluation: [{ set: "coco", split: "test", digest, pictures: 5 }],
  through: [],
};

function row(key: string, change: Partial<ExclusionRow> = {}): ExclusionRow {
  return {
    key,
    dataset: key.slice(0, key.indexOf(":")),
    set: "vg",
    split: "train",
    rule: "same-key",
    evidence: `key ${key}`,
    evalSet: "coco",
    evalSplit: "test",
    evalKey: key,
    chain: [],
    policy: null,
    toolVersion: "0.1.0",
    ...change,
  };
}

function manifest(
  rows: readonly ExclusionRow[],
  change: Partial<AuditSettings> = {},
): ReadManifest {
  return { version: 2, auditDigest: digest, digest, settings: { ...settings, ...change }, rows };
}

describe("the difference of two exclusion manifests", () => {
  it("is none for the same pictures, reasons and settings", () => {
    const rows = [row("coco:1"), row("vg:2")];
    expect(diffManifests(manifest(rows), manifest(rows))).toMatchObject({
      same: true,
      unchanged: 2,
      groups: [],
      settings: [],
    });
  });

  it("counts what is added, removed and there for another reason, by dataset and rule", () => {
    const old = manifest([row("coco:1"), row("vg:2"), row("vg:3")]);
    const changed = row("vg:2", { rule: "same-bytes" });
    const chain = [
      { from: "vg:3", to: "coco:3", rule: "linked-key", evidence: "", fromPlace: "", toPlace: "" },
    ].map((step) => ({ ...step, near: null }));
    const now = manifest([changed, row("vg:3", { chain }), row("vg:4"), row("sbu:5")]);
    const diff = diffManifests(old, now);
    expect(diff.same).toBe(false);
    expect(diff.added.map(({ key }) => key)).toEqual(["vg:4", "sbu:5"]);
    expect(diff.removed.map(({ key }) => key)).toEqual(["coco:1"]);
    expect(diff.changed.map(({ new: { key } }) => key)).toEqual(["vg:2", "vg:3"]);
    expect(diff.unchanged).toBe(0);
    expect(diff.groups).toEqual([
      { dataset: "coco", rule: "same-key", added: 0, removed: 1, changed: 0 },
      { dataset: "sbu", rule: "same-key", added: 1, removed: 0, changed: 0 },
      { dataset: "vg", rule: "same-bytes", added: 0, removed: 0, changed: 1 },
      { dataset: "vg", rule: "same-key", added: 1, removed: 0, changed: 1 },
    ]);
  });

  it("case 60: names a threshold, a version of the tool and an evaluation list that changed", () => {
    const near = {
      method: "PDQ",
      settings: { wholeDistance: 31, windows: "both" },
      recall: null,
    } as const;
    const other = "b".repeat(64);
    const { settings: changed, same } = diffManifests(
      manifest([]),
      manifest([], {
        near,
        tool: { name: "crossweave", version: "0.2.0" },
        evaluation: [
          { set: "coco", split: "test", digest: other, pictures: 6 },
          { set: "nlvr2", split: "dev", digest, pictures: 7 },
        ],
        policy: { name: "strict", digest, notCompared: ["nlvr2 dev"] },
      }),
    );
    expect(same).toBe(false);
    expect(changed).toEqual([
      {
        setting: "evaluation coco/test",
        old: `${digest}, 5 pictures`,
        new: `${other}, 6 pictures`,
      },
      { setting: "evaluation nlvr2/dev", old: undefined, new: `${digest}, 7 pictures` },
      { setting: "near.settings.wholeDistance", old: "48", new: "31" },
      { setting: "policy", old: "null", new: undefined },
      { setting: "policy.digest", old: undefined, new: digest },
      { setting: "policy.name", old: undefined, new: "strict" },
      { setting: "policy.notCompared", old: undefined, new: '["nlvr2 dev"]' },
      { setting: "tool.version", old: "0.1.0", new: "0.2.0" },
    ]);
  });

  it("compares rules alone where one is of version 1", () => {
    const old: ReadManifest = { ...manifest([row("vg:2")]), version: 1, settings: null };
    const now = manifest([row("vg:2", { evidence: "said otherwise" })]);
    expect(diffManifests(old, now)).toMatchObject({ changed: [], settingsUnknown: true });
  });
});
