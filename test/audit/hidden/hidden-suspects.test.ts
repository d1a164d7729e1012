import { describe, expect, it } from "vitest";
import { withHiddenSuspects } from "../../../src/audit/hidden/hidden-suspects.ts";
import { nearFindings } from "../../../src/audit/near/near-findings.ts";
import { nearSettings } from "../../../src/audit/near/near-settings.ts";

const settings = nearSettings(10, {});
const place = { set: "a", split: "train", sceneKey: "coco:1", picture: "coco:1" } as const;
const hidden = {
  set: "hidden-00",
  split: "hashes",
  sceneKey: "row 3",
  picture: "hidden:00/3",
} as const;

function candidate(
  distanceBits: number,
): Parameters<typeof withHiddenSuspects>[1]["candidates"][0] {
  const found = { train: 0, eval: 3, distanceBits, trainView: 0, evalView: 0 };
  return { candidate: found, train: place, eval: hidden };
}

const search = {
  candidates: [candidate(40), candidate(2)],
  settings,
  hashed: { train: 10, eval: 4 },
  notComparable: { train: 1, eval: 0 },
  numWithoutHashes: 1,
  numUncompared: 0,
};

describe("candidates against hidden pictures", () => {
  it("are suspects, the nearest first, which nothing has verified", () => {
    const { summary, suspects, verified } = withHiddenSuspects(undefined, search);
    expect(verified).toEqual([]);
    expect(suspects.map(({ near, score }) => [near.distanceBits, near.correlation, score])).toEqual(
      [
        [2, null, 0.992],
        [40, null, 0.844],
      ],
    );
    expect(suspects[0]).toMatchObject({ train: place, eval: hidden });
    expect(summary).toMatchObject({
      candidates: 2,
      suspects: 2,
      verified: 0,
      hashed: { train: 10, eval: 4 },
      method: expect.stringMatching(
        /4 hidden pictures by their hashes alone, 1 of them without perceptual hashes: .* no pixels can verify$/,
      ),
    });
  });

  it("are added to what was found between other sets, whose training pictures are the same", () => {
    const found = nearFindings([], {
      settings,
      hashed: { train: 10, eval: 7 },
      notComparable: { train: 1, eval: 2 },
      listedNotComparable: [],
      numUncompared: 0,
    });
    const { summary } = withHiddenSuspects(found, search);
    expect(summary.hashed).toEqual({ train: 10, eval: 11 });
    expect(summary.notComparable).toEqual({ train: 1, eval: 2 });
  });
});
