import { describe, expect, it } from "vitest";
import { PdqHasher } from "../../../src/audit/perceptual/pdq.ts";
import { photographs } from "./photographs.ts";
import { nearness, see, type SeenPicture, verified } from "./recall.ts";
import { transformed, transforms } from "./transforms.ts";

const NUM_PHOTOGRAPHS = 51;
const MAX_DISTANCE = 48;
/** The least recall, in percent, of copies that are found within MAX_DISTANCE and verified by their pixels. */
const leastRecall: Readonly<Record<string, number>> = {
  "corner crop 10 %": 98,
  "random crop 5–10 %": 95,
  "random crop 10–20 %": 60,
  "rotation 5°": 95,
};

describe("the suite of 27 transforms, on the real photographs", () => {
  const hasher = new PdqHasher();
  const recalls = new Map<string, number>();
  let originals: readonly SeenPicture[] = [];

  it.each(transforms)("finds and verifies copies: $name", async (transform) => {
    const pictures = await photographs(NUM_PHOTOGRAPHS);
    if (originals.length === 0) originals = pictures.map((picture) => see(hasher, picture));
    let numVerified = 0;
    for (const [at, original] of originals.entries()) {
      const picture = pictures[at];
      if (picture === undefined) throw new Error("a picture for each original");
      const copy = see(hasher, await transformed(picture, transform, at + 1));
      if (nearness(original, copy).bothWays > MAX_DISTANCE) continue;
      numVerified += Number(verified(original, copy).verdict === "verified");
    }
    const recall = (100 * numVerified) / originals.length;
    recalls.set(transform.name, recall);
    expect(recall).toBeGreaterThanOrEqual(leastRecall[transform.name] ?? 100);
  });

  it("finds 95 % of all copies", () => {
    expect(recalls.size).toBe(27);
    const sum = [...recalls.values()].reduce((total, recall) => total + recall, 0);
    expect(sum / recalls.size).toBeGreaterThanOrEqual(95);
  });

  it("verifies no pair of different photographs, and has none within its distance", () => {
    let numPairs = 0;
    for (const [at, one] of originals.entries()) {
      for (const [to, other] of originals.entries()) {
        if (at === to) continue;
        numPairs += 1;
        expect(nearness(one, other).bothWays).toBeGreaterThan(MAX_DISTANCE);
        expect(verified(one, other).verdict).toBe("refuted");
      }
    }
    expect(numPairs).toBe(51 * 50);
  });
});
