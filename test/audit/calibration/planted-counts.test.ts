import { describe, expect, it } from "vitest";
import {
  chosenDistance,
  PlantedFindings,
  type PlantedPair,
} from "../../../src/audit/calibration/planted-counts.ts";

// Three pictures; each has the numbers of itself and of two copies: 0 1 2, 3 4 5, 6 7 8.
const planted = {
  transforms: ["crop", "turn"],
  comparable: [true, true, true],
  firstEqual: [0, 1, 2, 3, 4, 5, 6, 7, 8],
};

function pair(copy: number, onto: number, distanceBits: number): PlantedPair {
  const near = { distanceBits, trainView: "", evalView: "", correlation: 0.9, agreement: 0.9 };
  return { copy, onto, near, isVerified: true };
}

/** A pair that hashes suggest and pixels do not verify. */
function suspect(copy: number, onto: number, distanceBits: number): PlantedPair {
  return { ...pair(copy, onto, distanceBits), isVerified: false };
}

describe("the counts of planted copies", () => {
  it("are, for each transform, copies found of their own pictures and those that pixels verified", () => {
    const pairs = [pair(1, 0, 10), suspect(4, 1, 20), pair(2, 0, 31), pair(5, 1, 40)];
    const findings = new PlantedFindings(planted, pairs);
    expect(findings.within(48).transforms).toEqual([
      { name: "crop", tried: 3, found: 2, verified: 1 },
      { name: "turn", tried: 3, found: 2, verified: 2 },
    ]);
    expect(findings.within(31).transforms[1]).toMatchObject({ found: 1, verified: 1 });
    expect(findings.within(9).transforms[0]).toMatchObject({ found: 0, verified: 0 });
  });

  it("take a pair of different pictures once, whatever copies of the two were mistaken", () => {
    const pairs = [pair(1, 1, 30), suspect(2, 1, 12), pair(4, 0, 44), suspect(7, 0, 5)];
    const { different } = new PlantedFindings(planted, pairs).within(48);
    expect(different).toEqual({ pairs: 3, candidates: 2, verified: 1 });
    expect(new PlantedFindings(planted, pairs).within(29).different.verified).toBe(0);
  });

  it("leave pictures that are verified as they are for a look, and count them neither way", () => {
    const pairs = [pair(0, 1, 14), pair(3, 1, 0), pair(1, 1, 20), pair(5, 0, 20), pair(8, 2, 3)];
    const findings = new PlantedFindings(planted, pairs);
    expect(findings.toLookAt).toMatchObject([{ one: 0, other: 1 }]);
    expect(findings.within(48).different).toEqual({ pairs: 2, candidates: 0, verified: 0 });
  });

  it("know a copy with a picture's own pixels, and one that stands by an equal copy", () => {
    const firstEqual = [0, 0, 2, 3, 4, 4, 6, 7, 8];
    const findings = new PlantedFindings({ ...planted, firstEqual }, [pair(4, 1, 7)]);
    expect(findings.within(48).transforms).toMatchObject([{ verified: 2 }, { verified: 1 }]);
  });

  it("leave out pictures that hashes cannot compare", () => {
    const findings = new PlantedFindings({ ...planted, comparable: [true, false, true] }, []);
    expect(findings.within(48).transforms[0]?.tried).toBe(2);
    expect(findings.within(48).different.pairs).toBe(1);
  });
});

describe("the distance that is chosen", () => {
  it("is the largest where nothing false is verified, else the largest before the first", () => {
    expect(chosenDistance(new PlantedFindings(planted, [suspect(1, 1, 30)]), 48)).toBe(48);
    expect(chosenDistance(new PlantedFindings(planted, [pair(1, 1, 30)]), 48)).toBe(29);
  });
});
