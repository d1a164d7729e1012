import { describe, expect, it } from "vitest";
import { auditSplits } from "../../../src/audit/audit-splits.ts";
import type { NearFindings } from "../../../src/audit/near/near-findings.ts";
import {
  parseDecisions,
  reviewDecisions,
  type ReviewDecision,
} from "../../../src/audit/results/decisions.ts";
import type { AuditVerdict, AuditedSplit } from "../../../src/audit/verdict.ts";
import { isSealed } from "../../../src/audit/verdict-json.ts";
import { SourceError } from "../../../src/core/errors.ts";
import type { PictureInfo } from "../../../src/core/records.ts";
import { pictureOf, splitOf } from "../picture-fixtures.ts";
import { keyOf } from "../results/sample-verdict.ts";

/** "allow vg:1 coco:1", and what became of the note. */
function decided(...lines: readonly string[]) {
  return reviewDecisions(
    lines.map((line): ReviewDecision => {
      const [decision = "", train = "", evaluation = ""] = line.split(" ");
      return {
        decision: decision === "allow" ? "allow" : "deny",
        train: keyOf(train),
        eval: keyOf(evaluation),
        rule: "same-url",
        note: "",
      };
    }),
  );
}

type Pictures = readonly Partial<PictureInfo>[];

function world(train: Pictures, evaluation: Pictures, through: Pictures = []): AuditedSplit[] {
  const made = (pictures: Pictures, from: number): PictureInfo[] =>
    pictures.map((picture, index) => pictureOf(from + index, picture));
  return [
    splitOf("vg/train", "train", made(train, 100)),
    splitOf("coco/test", "eval", made(evaluation, 200)),
    splitOf("third/all", "witness", made(through, 300)),
  ];
}

/** The pairs that are near, each verified or suspected. */
function nearly(
  pairs: readonly (readonly [string, string, "verified" | "suspect"])[],
): NearFindings {
  const near = { distanceBits: 20, trainView: "whole", evalView: "whole", correlation: 0.7 };
  const found = pairs.map(([train, evaluation, kind]) => ({
    kind,
    train: placeOf("vg/train", train),
    eval: placeOf("coco/test", evaluation),
    near,
  }));
  const suspects = found.filter(({ kind }) => kind === "suspect");
  const verified = found.filter(({ kind }) => kind === "verified");
  return {
    summary: {
      method: "made up",
      settings: {},
      hashed: { train: 1, eval: 1 },
      notComparable: { train: 0, eval: 0 },
      listedNotComparable: [],
      candidates: found.length,
      verified: verified.length,
      suspects: suspects.length,
      recall: null,
    },
    verified: verified.map((pair) => ({ ...pair, evidence: "20 of 256 bits" })),
    suspects: suspects.map((pair) => ({ ...pair, score: 0.5 })),
  };
}

function placeOf(name: string, key: string): AuditVerdict["leaks"][number]["train"] {
  const [set = "", split = ""] = name.split("/");
  return { set, split, sceneKey: key, picture: keyOf(key) };
}

function pairsOf({ leaks }: Pick<AuditVerdict, "leaks">): string[] {
  return leaks.map((leak) => `${leak.rule} ${leak.train.picture} ${leak.eval.picture}`);
}

const url = "https://example.org/1.jpg";

/** vg:1 and evaluation pictures of the same address. */
function sameUrl(...keys: readonly string[]): AuditedSplit[] {
  return world(
    [{ key: "vg:1", url }],
    keys.map((key) => ({ key: keyOf(key), url })),
  );
}

describe("an allowed pair", () => {
  it("is no leak any more, but counted and listed as allowed by a person", async () => {
    const without = await auditSplits(sameUrl("coco:1"));
    expect(without).toMatchObject({ outcome: "leaking", numPairs: 1, review: null });
    const verdict = await auditSplits(sameUrl("coco:1"), {
      decisions: decided("allow vg:1 coco:1"),
    });
    expect(verdict).toMatchObject({
      outcome: "clean",
      numPairs: 0,
      exclusions: [],
      review: { numAllowed: 1, numOverruled: 0, numUnmatched: 0 },
    });
    expect(pairsOf({ leaks: verdict.review?.allowed ?? [] })).toEqual(["same-url vg:1 coco:1"]);
    expect(isSealed(verdict)).toBe(true);
    expect(verdict.digest).not.toBe(without.digest);
  });

  it("stays a leak by key, bytes or pixels, and is counted as overruled", async () => {
    const splits = world(
      [{ key: "vg:1", url, pixelSha256: "aa" }, { key: "coco:7" }],
      [{ key: "coco:1", url, pixelSha256: "aa" }, { key: "coco:7" }],
    );
    const verdict = await auditSplits(splits, {
      decisions: decided("allow vg:1 coco:1", "allow coco:7 coco:7"),
    });
    expect(pairsOf(verdict)).toEqual(["same-url vg:1 coco:1", "same-key coco:7 coco:7"]);
    expect(verdict.review).toMatchObject({ numAllowed: 0, numOverruled: 2, allowed: [] });
    expect(verdict.leaks[0]?.alsoBy).toEqual(["same-pixels"]);
  });

  it("loses all weak names that the two share, and keeps the picture's other leaks", async () => {
    const splits = world(
      [{ key: "vg:1", url, flickrPhotoId: "77", linkedKeys: ["coco:1", "coco:2"] }],
      [{ key: "coco:1", url, flickrPhotoId: "77" }, { key: "coco:2" }],
    );
    const verdict = await auditSplits(splits, { decisions: decided("allow vg:1 coco:1") });
    expect(pairsOf(verdict)).toEqual(["linked-key vg:1 coco:2"]);
    expect(verdict.exclusions.map(({ key }) => key)).toEqual(["vg:1"]);
  });

  it("is parted where the link stands at the evaluation picture, or at a picture of a third set", async () => {
    const linked = world([{ key: "coco:1" }], [{ key: "vg:1", linkedKeys: ["coco:1"] }]);
    const one = await auditSplits(linked, { decisions: decided("allow coco:1 vg:1") });
    expect(one.outcome).toBe("clean");
    const chained = world(
      [{ key: "coco:1" }],
      [{ key: "flickr30k:5", flickrPhotoId: "5" }],
      [{ key: "vg:1", linkedKeys: ["coco:1"], flickrPhotoId: "5" }],
    );
    const other = await auditSplits(chained, { decisions: decided("allow coco:1 flickr30k:5") });
    expect(other).toMatchObject({ outcome: "clean", review: { numAllowed: 1 } });
  });

  it("stays a leak as long as the list does not allow the others that rest on the same name", async () => {
    const one = await auditSplits(sameUrl("coco:1", "coco:2"), {
      decisions: decided("allow vg:1 coco:1"),
    });
    expect(one).toMatchObject({ numPairs: 2, review: { numAllowed: 0, numOverruled: 1 } });
    const both = await auditSplits(sameUrl("coco:1", "coco:2"), {
      decisions: decided("allow vg:1 coco:1", "allow vg:1 coco:2"),
    });
    expect(both).toMatchObject({ outcome: "clean", review: { numAllowed: 2, numOverruled: 0 } });
  });

  it("does not free a picture that another training picture of the same bytes shows to be a leak", async () => {
    const splits = world(
      [
        { key: "vg:1", url, sha256: "bb" },
        { key: "vg:2", sha256: "bb" },
      ],
      [{ key: "coco:1", url }],
    );
    const verdict = await auditSplits(splits, { decisions: decided("allow vg:1 coco:1") });
    expect(verdict.numPairs).toBe(2);
    expect(verdict.review).toMatchObject({ numAllowed: 0, numOverruled: 1 });
  });

  it("takes the verified step away, unless that parts pairs which the list does not allow", async () => {
    const near = nearly([["vg:1", "coco:1", "verified"]]);
    const original = { key: "coco:1", sha256: "cc" } as const;
    const decisions = decided("allow vg:1 coco:1");
    expect(
      (await auditSplits(world([{ key: "vg:1" }], [original]), { near, decisions })).outcome,
    ).toBe("clean");
    const copied = await auditSplits(
      world([{ key: "vg:1" }], [original, { ...original, key: "coco:2" }]),
      { near, decisions },
    );
    expect(copied).toMatchObject({ numPairs: 2, review: { numOverruled: 1 } });
  });
});

describe("a denied suspect", () => {
  it("is a leak by the rule of its own, with the person's word as its evidence", async () => {
    const splits = world([{ key: "vg:1" }], [{ key: "coco:1" }]);
    const near = nearly([["vg:1", "coco:1", "suspect"]]);
    const verdict = await auditSplits(splits, { near, decisions: decided("deny vg:1 coco:1") });
    expect(verdict).toMatchObject({
      outcome: "leaking",
      numSuspects: 0,
      leaks: [
        {
          rule: "denied-by-reviewer",
          kind: { degree: "near-identical" },
          evidence: "a person says that vg:1 is coco:1",
        },
      ],
      review: { numDenied: 1 },
    });
    const found = verdict.yields.find(({ rule }) => rule === "denied-by-reviewer");
    expect(found).toMatchObject({ pairs: 1, added: 1 });
    expect(verdict.exclusions.map(({ rule }) => rule)).toEqual(["denied-by-reviewer"]);
  });

  it("is a leak even where hashes no longer suspect it", async () => {
    const splits = world([{ key: "vg:1" }], [{ key: "coco:1" }]);
    const verdict = await auditSplits(splits, { decisions: decided("deny vg:1 coco:1") });
    expect(pairsOf(verdict)).toEqual(["denied-by-reviewer vg:1 coco:1"]);
  });

  it("is one step of a chain at most: denials do not chain", async () => {
    const splits = world([{ key: "vg:1" }], [{ key: "coco:1" }, { key: "coco:2" }]);
    const near = nearly([["vg:1", "coco:2", "suspect"]]);
    const verdict = await auditSplits(splits, { near, decisions: decided("deny vg:1 coco:1") });
    expect(pairsOf(verdict)).toEqual(["denied-by-reviewer vg:1 coco:1"]);
    expect(verdict.numSuspects).toBe(1);
  });
});

it("an allowed suspect is none any more, a denied leak stays what it was, and strangers are counted", async () => {
  const splits = world(
    [{ key: "vg:1" }, { key: "vg:2", url }],
    [{ key: "coco:1" }, { key: "coco:2", url }],
  );
  const near = nearly([["vg:1", "coco:1", "suspect"]]);
  const decisions = decided("allow vg:1 coco:1", "deny vg:2 coco:2", "allow vg:9 coco:9");
  const verdict = await auditSplits(splits, { near, decisions });
  expect(pairsOf(verdict)).toEqual(["same-url vg:2 coco:2"]);
  expect(verdict).toMatchObject({
    numSuspects: 0,
    review: { numDismissed: 1, numAllowed: 0, numDenied: 0, numOverruled: 0, numUnmatched: 1 },
  });
});

function textOf(decisions: readonly object[], more: object = {}): string {
  const list = { auditDigest: "0", decisions, format: "crossweave-decisions", version: 1 };
  return JSON.stringify({ ...list, ...more });
}

describe("a list of decisions", () => {
  const made = { train: "vg:1", eval: "coco:1", decision: "deny", rule: "x", note: "" };
  it("is named by what it decides, not by its order or the report it was made on", () => {
    const other = { ...made, train: "vg:2" };
    const one = parseDecisions(textOf([made, other]), "a.json");
    const two = parseDecisions(textOf([other, made], { auditDigest: "1" }), "b.json");
    expect(one).toEqual(two);
    expect(parseDecisions(textOf([made]), "a.json").sha256).not.toBe(one.sha256);
  });

  it.each([
    ["it is not JSON", "{"],
    ["/format", textOf([], { format: "crossweave-exclusions" })],
    ["/version", textOf([], { version: 2 })],
    ["/decisions/1/decision", textOf([made, { ...made, decision: "maybe" }])],
    ['"7" is no image key such as "coco:391895"', textOf([{ ...made, eval: "7" }])],
    ["it both allows and denies vg:1 and coco:1", textOf([made, { ...made, decision: "allow" }])],
  ])("is refused with what is wrong: %s", (wrong, text) => {
    const parse = () => parseDecisions(text, "list.json");
    expect(parse).toThrow(SourceError);
    expect(parse).toThrow(wrong);
  });
});
