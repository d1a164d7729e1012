import { assert as check, asyncProperty, nat, property, shuffledSubarray } from "fast-check";
import { describe, expect, it } from "vitest";
import { auditSplits } from "../../../src/audit/audit-splits.ts";
import {
  type ExclusionManifest,
  manifestOf,
  manifestText,
} from "../../../src/audit/manifests/exclusion-manifest.ts";
import {
  exclusionsOf,
  manifestOfTable,
  parseManifest,
  tableOf,
} from "../../../src/audit/manifests/read-manifest.ts";
import type { AuditVerdict } from "../../../src/audit/verdict.ts";
import { canonicalJson } from "../../../src/core/digest.ts";
import { SourceError } from "../../../src/core/errors.ts";
import { pictureOf, splitOf } from "../picture-fixtures.ts";

function splitsOf(numPictures: number): readonly ReturnType<typeof splitOf>[] {
  const pictures = Array.from({ length: numPictures }, (_, id) => pictureOf(id));
  const others = pictures.map((_, id) => pictureOf(id, { key: pictureOf(5000 + id).key }));
  return [
    splitOf("a/train", "train", pictures),
    splitOf("b/test", "eval", others),
    splitOf("c/train", "train", pictures.slice(0, 3)),
  ];
}

function leakingVerdict(numPictures: number): Promise<AuditVerdict> {
  return auditSplits(splitsOf(numPictures));
}

async function manifestWith(numPictures: number): Promise<ExclusionManifest> {
  return manifestOf(await leakingVerdict(numPictures), "0.1.0");
}

function textOf(manifest: ExclusionManifest): string {
  return [...manifestText(manifest)].join("");
}

describe("the exclusion manifest", () => {
  it("names the training pictures, by key, with chain and settings, as canonical JSON", async () => {
    const verdict = await leakingVerdict(11);
    const text = textOf(manifestOf(verdict, "0.1.0"));
    const document = JSON.parse(text);
    expect(text).toBe(`${canonicalJson(document)}\n`);
    expect(document).toMatchObject({
      format: "crossweave-exclusions",
      version: 2,
      auditDigest: verdict.digest,
      settings: {
        version: 1,
        tool: { name: "crossweave", version: "0.1.0" },
        near: null,
        policy: null,
        evaluation: [{ set: "b", split: "test", pictures: 11 }],
      },
    });
    const keys = Array.from({ length: 11 }, (_, id) => `coco:${id}`);
    expect(document.exclusions.map(({ key }: { key: string }) => key)).toEqual(keys.toSorted());
    expect(document.exclusions[0]).toMatchObject({
      key: "coco:0",
      dataset: "coco",
      set: "a",
      split: "train",
      rule: "same-bytes",
      evalSet: "b",
      evalSplit: "test",
      evalKey: "coco:5000",
      chain: [{ from: "coco:0", to: "coco:5000", rule: "same-bytes", near: null }],
    });
  });

  it("is read back as it was written, also when it takes several pieces", async () => {
    const manifest = await manifestWith(1100);
    expect(parseManifest(textOf(manifest), "x.json")).toEqual({ ...manifest, version: 2 });
    expect(manifestOfTable(tableOf(manifest), "x.arrow")).toEqual({ ...manifest, version: 2 });
    expect(exclusionsOf(manifest).size).toBe(1100);
  });

  it("is the same text in whatever order the sets are given", async () => {
    const expected = textOf(await manifestWith(5));
    await check(
      asyncProperty(shuffledSubarray([0, 1, 2], { minLength: 3 }), async (order) => {
        const splits = splitsOf(5);
        const given = order.flatMap((index) => splits[index] ?? []);
        expect(textOf(manifestOf(await auditSplits(given), "0.1.0"))).toBe(expected);
      }),
      { numRuns: 6 },
    );
  });

  it("excludes nothing when nothing leaks", async () => {
    expect(parseManifest(textOf(await manifestWith(0)), "x.json").rows).toEqual([]);
  });

  it("is refused with any byte changed", async () => {
    const text = textOf(await manifestWith(2));
    check(
      property(nat(text.length - 1), nat(93), (position, step) => {
        const bytes = Buffer.from(text);
        bytes[position] = 33 + (((bytes[position] ?? 0) - 33 + 1 + step) % 94);
        const changed = bytes.toString();
        if (changed === text) return;
        expect(() => parseManifest(changed, "x.json")).toThrow(SourceError);
      }),
    );
  });

  it("is refused where it calls itself one of version 1, which has no digest", async () => {
    const text = textOf(await manifestWith(2)).replace('"version":2', '"version":1');
    expect(() => parseManifest(text, "x.json")).toThrow(SourceError);
  });

  it("is refused as an Arrow table whose rows or settings are not those of its digest", async () => {
    const table = tableOf(await manifestWith(2));
    const rows = table.rows.map((row) => ({ ...row, key: "coco:7" }));
    const foreign = table.rows.map((row) => ({ ...row, toolVersion: "9.9.9" }));
    const settings = table.settings.replace("same-bytes", "same-mood");
    for (const changed of [{ rows }, { rows: foreign }, { rows: [] }, { settings }]) {
      expect(() => manifestOfTable({ ...table, ...changed }, "x.arrow")).toThrow(
        /x\.arrow: the exclusion manifest is not as it was written/,
      );
    }
    expect(() => manifestOfTable({ ...table, settings: "{}" }, "x.arrow")).toThrow(SourceError);
  });

  it.each([
    ["is no JSON", "near"],
    ["is spelled otherwise", '{ "distanceBits":3}'],
    ["has members of its own", '{"distanceBits":{"bits":3}}'],
    ["is 100,000 levels deep", `${"[".repeat(100_000)}${"]".repeat(100_000)}`],
  ])("is refused where what pixels say %s", async (_, near) => {
    const table = tableOf(await manifestWith(1));
    const rows = table.rows.map((row) => ({
      ...row,
      chain: row.chain.map((step) => ({ ...step, near })),
    }));
    expect(() => manifestOfTable({ ...table, rows }, "x.arrow")).toThrow(SourceError);
    const text = textOf(await manifestWith(1)).replace('"near":null', `"near":${near}`);
    expect(() => parseManifest(text, "x.json")).toThrow(SourceError);
  });

  it("of version 1 is still read, though it says less", () => {
    const manifest = parseManifest(oldManifest({}), "old.json");
    expect(manifest).toMatchObject({ version: 1, settings: null, rows: [{ dataset: "coco" }] });
    expect([...exclusionsOf(manifest)]).toEqual([
      ["coco:1", { rule: "same-key", evidence: "key coco:1" }],
    ]);
  });

  it.each([
    ["{", /no JSON object/],
    ["[]", /no JSON object/],
    ["null", /no JSON object/],
    [
      '{"format":"crossweave-exclusions","version":"3"}',
      /"version" "3"; expected .* version 2 or 1/,
    ],
    ['{"format":"crossweave-exclusions","version":3}', /made by a newer crossweave: .* version 3/],
    [
      '{"format":"crossweave-exclusions","settings":{"version":2},"version":2}',
      /its settings are made by a newer crossweave: .* version 2; update crossweave/,
    ],
    ['{"format":"crossweave-exclusions","version":2}', /not an exclusion manifest: \/auditDigest/],
    ['{"format":"crossweave-exclusions","version":1}', /not an exclusion manifest: \/auditDigest/],
    [oldManifest({ key: "coco" }), /exclusion 0 has key "coco"/],
    [oldManifest({ rule: "same-mood" }), /rule "same-mood"/],
    [oldManifest({ evidence: 3 }), /\/exclusions\/0\/evidence/],
  ])("refuses %s", (text, message) => {
    expect(() => parseManifest(text, "exclusions.json")).toThrow(SourceError);
    expect(() => parseManifest(text, "exclusions.json")).toThrow(message);
  });
});

function oldManifest(wrong: { readonly [name: string]: unknown }): string {
  const exclusion = { key: "coco:1", rule: "same-key", evidence: "key coco:1", ...wrong };
  return JSON.stringify({
    format: "crossweave-exclusions",
    version: 1,
    auditDigest: "",
    exclusions: [exclusion],
  });
}
