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
      "no picture of 2 training pictures of a/train shares key, linked key, Flickr photo id, URL, bytes or pixels " +
        `with 2 evaluation pictures of a/val (${digestOfA}) and b/test (${digestOfB})`,
    );
  });

  it("counts the leaks on both sides", async () => {
    const verdict = await auditSplits([
      splitOf("a/train", "train", [pictureOf(1), pictureOf(2)]),
      splitOf("a/test", "eval", [pictureOf(1), pictureOf(1), pictureOf(3)]),
    ]);
    expect(verdictSummary(verdict)).toBe(
      "1 of 2 training pictures of a/train shares key, linked key, Flickr photo id, URL, bytes or pixels " +
        `with 2 of 3 evaluation pictures of a/test (${digestOfA})`,
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
