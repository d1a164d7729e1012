import { describe, expect, it } from "vitest";
import { auditSplits } from "../../src/audit/audit-splits.ts";
import { exclusionManifest, parseExclusionManifest } from "../../src/audit/exclusions.ts";
import type { AuditVerdict } from "../../src/audit/verdict.ts";
import { canonicalJson } from "../../src/core/digest.ts";
import { SourceError } from "../../src/core/errors.ts";
import { pictureOf, splitOf } from "./picture-fixtures.ts";

async function leakingVerdict(numPictures: number): Promise<AuditVerdict> {
  const pictures = Array.from({ length: numPictures }, (_, id) => pictureOf(id));
  return auditSplits([
    splitOf("a/train", "train", pictures),
    splitOf(
      "b/test",
      "eval",
      pictures.map((_, id) => pictureOf(id, { key: pictureOf(5000 + id).key })),
    ),
  ]);
}

describe("the exclusion manifest", () => {
  it("names the training pictures, by key, as canonical JSON", async () => {
    const verdict = await leakingVerdict(11);
    const text = [...exclusionManifest(verdict)].join("");
    const document = JSON.parse(text);
    expect(text).toBe(`${canonicalJson(document)}\n`);
    expect(document).toMatchObject({
      format: "crossweave-exclusions",
      version: 1,
      auditDigest: verdict.digest,
    });
    const keys = Array.from({ length: 11 }, (_, id) => `coco:${id}`);
    expect(document.exclusions.map(({ key }: { key: string }) => key)).toEqual(keys.toSorted());
    expect(document.exclusions[0]).toEqual({
      key: "coco:0",
      rule: "same-bytes",
      evidence: `bytes with sha256 ${pictureOf(0).sha256}; evaluation picture coco:5000 of b/test`,
    });
  });

  it("is read back as it was written, also when it takes several pieces", async () => {
    const verdict = await leakingVerdict(2500);
    const text = [...exclusionManifest(verdict)].join("");
    const list = parseExclusionManifest(text, "exclusions.json");
    expect(list.auditDigest).toBe(verdict.digest);
    expect([...list.exclusions.values()]).toEqual(
      verdict.exclusions.map(({ key, rule, evidence }) => ({ key, rule, evidence })),
    );
  });

  it("is the same text for the same pictures", async () => {
    const [first, second] = [await leakingVerdict(20), await leakingVerdict(20)];
    expect([...exclusionManifest(first)]).toEqual([...exclusionManifest(second)]);
  });

  it("excludes nothing when nothing leaks", async () => {
    const text = [...exclusionManifest(await leakingVerdict(0))].join("");
    expect(parseExclusionManifest(text, "exclusions.json").exclusions.size).toBe(0);
  });

  it.each([
    ["{", /not JSON/],
    ["[]", /no JSON object/],
    ["null", /no JSON object/],
    ['{"format":"crossweave-exclusions","version":2}', /"version" 2/],
    ['{"format":"crossweave-exclusions","version":1}', /"auditDigest" or "exclusions" is missing/],
    [manifestWith({ key: "coco" }), /exclusion 0 has key "coco"/],
    [manifestWith({ rule: "same-mood" }), /rule "same-mood"/],
    [manifestWith({ evidence: 3 }), /exclusion 0/],
  ])("refuses %s", (text, message) => {
    expect(() => parseExclusionManifest(text, "exclusions.json")).toThrow(SourceError);
    expect(() => parseExclusionManifest(text, "exclusions.json")).toThrow(message);
  });
});

function manifestWith(wrong: { readonly [name: string]: unknown }): string {
  const exclusion = { key: "coco:1", rule: "same-key", evidence: "key coco:1", ...wrong };
  return JSON.stringify({
    format: "crossweave-exclusions",
    version: 1,
    auditDigest: "",
    exclusions: [exclusion],
  });
}
