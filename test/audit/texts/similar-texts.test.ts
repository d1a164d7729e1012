import { expect, it } from "vitest";
import { comparedWords } from "../../../src/audit/texts/compared-text.ts";
import { shinglesOf, similarityOf } from "../../../src/audit/texts/shingles.ts";
import { SimilarTexts } from "../../../src/audit/texts/similar-texts.ts";
import { RandomStream } from "../../../src/core/random.ts";

it("compares words whatever their case, form, marks and spaces", () => {
  expect(comparedWords("  The ﬁsh’s\u00a0CAFE\u0301,\n２ cats\u202e! ")).toEqual([
    "the",
    "fish",
    "s",
    "café",
    "2",
    "cats",
  ]);
});

it("gives the share of the pairs of words that two texts have in common", () => {
  const [one, other] = ["a b c d", "b c d e"].map((text) => shinglesOf(text.split(" ")));
  expect(similarityOf(one ?? new Uint32Array(), other ?? new Uint32Array())).toBe(2 / 4);
});

/** Texts of twenty words and for each a copy in which some are other words. */
function plantedPairs(numPairs: number): { original: string[]; copy: string[] }[] {
  const random = new RandomStream(7);
  const word = (): string => `w${random.nextInt(5000)}`;
  return Array.from({ length: numPairs }, () => {
    const original = Array.from({ length: 20 }, word);
    const copy = [...original];
    copy[random.nextInt(20)] = word();
    return { original, copy };
  });
}

it("finds at least 92 of 100 texts with four fifths of their shingles in common, and none with less than it says", () => {
  const pairs = plantedPairs(400);
  const similar = new SimilarTexts();
  for (const { original } of pairs) similar.add(shinglesOf(original));
  similar.seal();
  let [numPlanted, numFound] = [0, 0];
  for (const [index, { copy, original }] of pairs.entries()) {
    const found = similar.find(shinglesOf(copy));
    for (const { entry, similarity } of found) {
      const other = shinglesOf(pairs[entry]?.original ?? []);
      expect(similarityOf(shinglesOf(copy), other)).toBe(similarity);
      expect(similarity).toBeGreaterThanOrEqual(0.7);
    }
    if (similarityOf(shinglesOf(original), shinglesOf(copy)) < 0.8) continue;
    numPlanted += 1;
    if (found.some(({ entry }) => entry === index)) numFound += 1;
  }
  expect(numPlanted).toBeGreaterThan(100);
  expect(numFound / numPlanted).toBeGreaterThanOrEqual(0.92);
});
