import { readFileSync } from "node:fs";
import { Ajv } from "ajv";
import formats from "ajv-formats";
import { describe, expect, it } from "vitest";
import { sarifLog } from "../../../src/audit/results/sarif.ts";
import type { AuditVerdict } from "../../../src/audit/verdict.ts";
import {
  sampleLeak,
  sampleSuspect,
  sampleTextLeak,
  sampleTexts,
  sampleVerdict,
} from "./sample-verdict.ts";

// The schema of OASIS (sarif-2.1/schema/sarif-schema-2.1.0.json of its sarif-spec repository) without its descriptions.
const schema: unknown = JSON.parse(
  readFileSync(new URL("fixtures/sarif-2.1.0.schema.json", import.meta.url), "utf8"),
);
const ajv = new Ajv({ strict: false, unicodeRegExp: false, allErrors: true });
formats.default(ajv);
const validate = ajv.compile(Object(schema));

const tool = { version: "1.2.3", summary: "2 of 40 pictures" };
const contradiction = { distanceBits: 120, hashBits: 256 };

function runOf(verdict: AuditVerdict) {
  return JSON.parse(sarifLog(verdict, tool)).runs[0];
}

const full = sampleVerdict({
  leaks: [sampleLeak("vg:1", "coco:1"), sampleLeak("vg:2", "coco:2", { contradiction })],
  suspects: [sampleSuspect("vg:3", "coco:3")],
  textLeaks: [sampleTextLeak()],
  texts: sampleTexts([sampleTextLeak({ rule: "near-text" })]),
  review: {
    sha256: "0".repeat(64),
    allowed: [sampleLeak("vg:4", "coco:4")],
    numAllowed: 1,
    numDenied: 0,
    numOverruled: 0,
    numDismissed: 0,
    numUnmatched: 0,
  },
});

function printOf(verdict: AuditVerdict): string[] {
  return runOf(verdict).results.map(
    (result: { partialFingerprints: Record<string, string> }) =>
      result.partialFingerprints["crossweavePair/v1"],
  );
}

describe("the SARIF log", () => {
  it.each([
    ["of all kinds of findings", full],
    ["of no finding", sampleVerdict()],
    ["of nothing checked", sampleVerdict({ outcome: "unchecked" })],
    ["of hostile names", hostileVerdict()],
  ])("%s is valid by the schema of OASIS", (_, verdict) => {
    validate(JSON.parse(sarifLog(verdict, tool)));
    expect(validate.errors ?? []).toEqual([]);
  });

  it("is not valid by that schema once a result has no message", () => {
    const log = JSON.parse(sarifLog(full, tool));
    delete log.runs[0].results[0].message;
    expect(validate(log)).toBe(false);
  });

  it("calls a leak an error, a suspect a warning, and a contradiction or texts alike a note", () => {
    const levels = runOf(full).results.map((result: { ruleId: string; level: string }) => [
      result.ruleId,
      result.level,
    ]);
    expect(levels).toEqual([
      ["same-url", "error"],
      ["same-url", "error"],
      ["contradicted-match", "note"],
      ["same-url", "error"],
      ["suspect", "warning"],
      ["same-text-and-picture", "error"],
      ["near-text", "note"],
    ]);
  });

  it("names every result's rule by its place, with help, and places both pictures", () => {
    const { results, tool: made } = runOf(full);
    for (const { ruleId, ruleIndex } of results) {
      expect(made.driver.rules[ruleIndex].id).toBe(ruleId);
      expect(made.driver.rules[ruleIndex].help.text).not.toBe("");
    }
    expect(results[0]).toMatchObject({
      message: {
        text: expect.stringContaining("vg:1 (vg/train) is the evaluation picture coco:1"),
      },
      locations: [
        {
          physicalLocation: { artifactLocation: { uri: "vg/train" } },
          logicalLocations: [{ fullyQualifiedName: "vg/train/vg:1/vg:1" }],
        },
      ],
      relatedLocations: [{ logicalLocations: [{ name: "coco:1" }] }],
    });
  });

  it("suppresses a pair that a person allowed, and no other", () => {
    const suppressed = runOf(full).results.filter(
      (result: { suppressions?: unknown }) => result.suppressions !== undefined,
    );
    expect(suppressed).toMatchObject([
      {
        locations: [{ logicalLocations: [{ name: "vg:4" }] }],
        suppressions: [{ kind: "external" }],
      },
    ]);
  });

  it("gives a pair the same fingerprint by whatever rule a run finds it, and each pair its own", () => {
    const alone = printOf(
      sampleVerdict({ leaks: [sampleLeak("vg:1", "coco:1", { rule: "same-pixels" })] }),
    );
    expect(printOf(full)).toContain(alone[0]);
    expect(new Set(printOf(full)).size).toBe(6);
  });

  it("has no control character in what a person reads, and names as they are in its members", () => {
    const key = "vcr:x\n\u001B[2J\u202Egnp";
    const [leak] = [sampleLeak(key, key)];
    const log = JSON.parse(sarifLog(sampleVerdict({ leaks: [leak] }), tool));
    const [found] = log.runs[0].results;
    const shown = String.raw`vcr:x\x0a\x1b[2J\u202egnp`;
    expect(found.message.text).toContain(`${shown} (`);
    expect(found.relatedLocations[0].message.text).toBe(`evaluation: ${shown}`);
    expect(found.locations[0].logicalLocations[0].name).toBe(shown);
    expect(found.properties.chain[0].from).toBe(key);
  });

  it("is the same bytes for the same verdict", () => {
    expect(sarifLog(full, tool)).toBe(sarifLog(structuredClone(full), tool));
  });
});

function hostileVerdict(): AuditVerdict {
  const name = "a/b c#\u0000\uD800\u202E<script>%";
  const leak = sampleLeak("vcr:x", "vcr:y");
  return sampleVerdict({
    leaks: [{ ...leak, train: { ...leak.train, set: name, sceneKey: name }, evidence: name }],
  });
}
