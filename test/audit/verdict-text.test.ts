import { describe, expect, it } from "vitest";
import { auditSplits } from "../../src/audit/audit-splits.ts";
import { verdictSummary } from "../../src/audit/verdict-text.ts";
import { sha256 } from "../../src/core/digest.ts";
import { pictureOf, splitOf } from "./picture-fixtures.ts";

const digestOfA = sha256("a").slice(0, 12);
const digestOfB = sha256("b").slice(0, 12);

describe("the verdict in a sentence", () => {
  it("says against what nothing was found", async () => {
    const verdict = await auditSplits([
      splitOf("a/train", "train", [pictureOf(1), pictureOf(2)]),
      splitOf("a/val", "eval", [pictureOf(3)]),
      splitOf("b/test", "eval", [pictureOf(4)]),
    ]);
    expect(verdictSummary(verdict)).toBe(
      "no picture of 2 training pictures of a/train shares key, linked key, Flickr photo id, URL, bytes or pixels, " +
        `itself or by a chain, with 2 evaluation pictures of a/val (${digestOfA}) and b/test (${digestOfB}); ` +
        "near-duplicates were not looked for",
    );
  });

  it("counts the leaks on both sides", async () => {
    const verdict = await auditSplits([
      splitOf("a/train", "train", [pictureOf(1), pictureOf(2)]),
      splitOf("a/test", "eval", [pictureOf(1), pictureOf(1), pictureOf(3)]),
    ]);
    expect(verdictSummary(verdict)).toBe(
      "1 of 2 training pictures of a/train shares key, linked key, Flickr photo id, URL, bytes or pixels, " +
        `itself or by a chain, with 2 of 3 evaluation pictures of a/test (${digestOfA}); ` +
        "near-duplicates were not looked for",
    );
  });

  it("says how near-duplicates were looked for, with the measured recall or that there is none", async () => {
    const verdict = await auditSplits([
      splitOf("a/train", "train", [pictureOf(1)]),
      splitOf("a/test", "eval", [pictureOf(2)]),
      splitOf("c/list", "witness", [pictureOf(3)]),
    ]);
    const near = {
      method: "PDQ",
      settings: {},
      hashed: { train: 1, eval: 1 },
      notComparable: { train: 0, eval: 0 },
      listedNotComparable: [],
      candidates: 1,
      verified: 0,
      suspects: 1,
      recall: null,
    };
    const summary = verdictSummary({ ...verdict, near, numSuspects: 1 });
    expect(summary).toContain(`by a chain through c/list (${sha256("c").slice(0, 12)}) too, with`);
    expect(summary).toMatch(
      /of near-duplicates 0 pairs were verified, 1 suspect left to look at \(recall not measured\)$/,
    );
    const recall = {
      recall: 0.9812,
      lowerBound: 0.962,
      confidence: 0.95,
      numPairs: 500,
      differentPairs: 1_500_000,
      falseVerified: 0,
      falseUpperBound: 0.0000019971,
      digest: "",
    };
    expect(verdictSummary({ ...verdict, near: { ...near, recall } })).toMatch(
      /\(measured recall 0\.981, at least 0\.962 with 95 % confidence; at most 2 false verified pairs per million\)$/,
    );
  });

  it("says that nothing could be checked without an evaluation picture", async () => {
    const onlyTrain = await auditSplits([splitOf("a/train", "train", [pictureOf(1)])]);
    expect(verdictSummary(onlyTrain)).toBe(
      "nothing could be checked: there is no evaluation picture to compare with " +
        "(1 training picture in a/train and 0 evaluation pictures)",
    );
    const onlyEval = await auditSplits([splitOf("a/test", "eval", [pictureOf(1)])]);
    expect(verdictSummary(onlyEval)).toContain("there is no training picture to compare with");
  });
});
