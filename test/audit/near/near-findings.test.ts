import { describe, expect, it } from "vitest";
import { nearFindings, type NearFindings } from "../../../src/audit/near/near-findings.ts";
import { nearSettings, settingsForVerdict } from "../../../src/audit/near/near-settings.ts";
import type { PicturePlace } from "../../../src/audit/verdict.ts";
import { imageKey } from "../../../src/core/keys.ts";

function place(set: string, id: number): PicturePlace {
  return { set, split: "train", sceneKey: `coco:${id}`, picture: imageKey("coco", id) };
}

function findings(
  scores: readonly (readonly [isVerified: boolean, correlation: number, agreement: number])[],
): NearFindings {
  const compared = scores.map(([isVerified, correlation, agreement], at) => ({
    candidate: { train: at, eval: 0, distanceBits: 20 + at, trainView: 0, evalView: 5 },
    score: { isVerified, correlation, agreement },
    train: place("train", at),
    eval: place("eval", 100),
  }));
  return nearFindings(compared, {
    settings: nearSettings(scores.length, {}),
    hashed: { train: 3, eval: 1 },
    notComparable: { train: 1, eval: 0 },
    listedNotComparable: [place("train", 9)],
    numUncompared: 4,
  });
}

describe("the findings of a search for near-duplicates", () => {
  it("are the verified pairs with what shows them, and the rest as suspects, the best first", () => {
    const found = findings([
      [false, 0.3, 0.7],
      [true, 0.98765, 1],
      [false, 0.9, 0.35],
      [false, -0.1, 0],
    ]);
    expect(found.verified).toEqual([
      {
        train: place("train", 1),
        eval: place("eval", 100),
        near: {
          distanceBits: 21,
          trainView: "as it is",
          evalView: "mirrored left to right",
          correlation: 0.9877,
          agreement: 1,
        },
        evidence:
          "aligned pixels correlate by 0.9877 and agree in 100 % of the places; hashes differ in 21 of 256 bits (training picture as it is, evaluation picture mirrored left to right)",
      },
    ]);
    expect(found.suspects.map(({ train, score }) => [train.picture, score])).toEqual([
      ["coco:0", 0.5],
      ["coco:2", 0.5],
      ["coco:3", 0],
    ]);
    expect(found.summary).toMatchObject({ candidates: 4, verified: 1, suspects: 3, recall: null });
    expect(found.summary.method).toContain("4 pairs of views with equal hashes were counted");
  });

  it("state every setting that decides them (case 60)", () => {
    expect(settingsForVerdict(nearSettings(1, { distance: 40, windows: "eval" }))).toEqual({
      hash: "PDQ",
      recordVersion: 1,
      verificationVersion: 2,
      wholeDistance: 40,
      windowDistance: 40,
      windows: "eval",
      evalViews: 56,
      trainViews: 1,
      hashDistanceAlone: 31,
      minQuality: 50,
      verifiedCorrelation: 0.6,
      verifiedAgreement: 0.7,
      minOverlap: 0.5,
    });
  });

  it("compare the parts of training pictures unless there are too many", () => {
    expect(nearSettings(300_000, {}).windows).toBe("both");
    expect(nearSettings(300_001, {}).windows).toBe("eval");
    expect(nearSettings(300_001, { windows: "both" }).windows).toBe("both");
  });
});
