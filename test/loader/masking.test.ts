import { array, assert, integer, property } from "fast-check";
import { describe, expect, it } from "vitest";

import { sampleDraws } from "../../src/loader/draws.ts";
import {
  bertMasking,
  type MaskedTokens,
  type MaskingRules,
  maskTokens,
  NOT_PREDICTED,
} from "../../src/loader/text/masking.ts";
import { WordPieceTokenizer } from "../../src/loader/text/word-piece.ts";

const specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[unused0]"];
const words = Array.from({ length: 200 }, (_, index) => `word${index}`);
const tokenizer = WordPieceTokenizer.fromVocabulary([...specials, ...words]);
const MASK = tokenizer.specials.mask;
const FIRST_WORD = specials.length;

function maskText(sampleIndex: number, numTokens: number, rules: MaskingRules): MaskedTokens {
  const tokenIds = Array.from({ length: numTokens }, (_, place) => FIRST_WORD + (place % 200));
  const draws = sampleDraws("masking", { seed: 1, epoch: 0, sampleIndex });
  return maskTokens(tokenIds, draws, { rules, tokenizer });
}

function draw(epoch: number, part: number): MaskedTokens {
  return maskTokens(
    Array.from({ length: 60 }, (_, place) => FIRST_WORD + place),
    sampleDraws("masking", { seed: 7, epoch, sampleIndex: 3 }, part),
    { rules: bertMasking, tokenizer },
  );
}

/** Four standard deviations of a share of `count` draws. */
function fourSigma(probability: number, count: number): number {
  return 4 * Math.sqrt((probability * (1 - probability)) / count);
}

describe("masking for masked language modelling", () => {
  it("chooses 15 % of a million tokens, 80 : 10 : 10 (M-2)", () => {
    const numTexts = 2000;
    const numTokens = 500;
    const count = { chosen: 0, masked: 0, kept: 0 };
    for (let sampleIndex = 0; sampleIndex < numTexts; sampleIndex += 1) {
      const { labels, tokenIds } = maskText(sampleIndex, numTokens, bertMasking);
      for (const [place, label] of labels.entries()) {
        if (label === NOT_PREDICTED) continue;
        count.chosen += 1;
        if (tokenIds[place] === MASK) count.masked += 1;
        if (tokenIds[place] === label) count.kept += 1;
      }
    }
    const { chosen, masked, kept } = count;
    // A random id is [MASK], or the token itself, once in the vocabulary's size.
    const byChance = 0.1 / tokenizer.size;
    expect(Math.abs(chosen / 1e6 - 0.15)).toBeLessThan(fourSigma(0.15, 1e6));
    expect(Math.abs(masked / chosen - 0.8 - byChance)).toBeLessThan(fourSigma(0.8, chosen));
    expect(Math.abs(kept / chosen - 0.1 - byChance)).toBeLessThan(fourSigma(0.1, chosen));
  });

  it("labels exactly the chosen tokens with their ids and leaves the others", () => {
    assert(
      property(array(integer({ min: 0, max: 205 })), integer(), (tokenIds, sampleIndex) => {
        const draws = sampleDraws("masking", { seed: 1, epoch: 2, sampleIndex });
        const masked = maskTokens(tokenIds, draws, { rules: bertMasking, tokenizer });
        expect(masked.tokenIds).toHaveLength(tokenIds.length);
        const original = masked.labels.map((label, place) =>
          label === NOT_PREDICTED ? masked.tokenIds[place] : label,
        );
        expect(original).toEqual(tokenIds);
      }),
    );
  });

  it.each([
    ["vocabulary", 0],
    ["words", FIRST_WORD],
  ] as const)("replaces by ids of the %s alone", (randomIds, first) => {
    const seen = new Set<number>();
    const rules = { probability: 1, selection: "independent", randomIds } as const;
    for (let sampleIndex = 0; sampleIndex < 40; sampleIndex += 1) {
      const { labels, tokenIds } = maskText(sampleIndex, 500, rules);
      tokenIds.forEach((id, place) => {
        if (id !== MASK && id !== labels[place]) seen.add(id);
      });
    }
    expect(Math.min(...seen)).toBe(first);
    expect(Math.max(...seen)).toBe(tokenizer.size - 1);
  });

  it.each([
    [5, 0.23874],
    [10, 0.16969],
    [20, 0.15194],
  ])("forces the first word of a text of %i tokens to reach a rate of %f (M-3)", (length, rate) => {
    const rules = { ...bertMasking, selection: "at-least-first-word" } as const;
    const numTexts = 20_000;
    let chosen = 0;
    for (let sampleIndex = 0; sampleIndex < numTexts; sampleIndex += 1) {
      const { labels, tokenIds } = maskText(sampleIndex, length, rules);
      const places = [...labels.keys()].filter((place) => labels[place] !== NOT_PREDICTED);
      expect(places.length).toBeGreaterThan(0);
      chosen += places.length;
      const alone = maskText(sampleIndex, length, bertMasking);
      const isForced = alone.labels.every((label) => label === NOT_PREDICTED);
      expect(isForced ? tokenIds[0] : MASK).toBe(MASK);
    }
    expect(Math.abs(chosen / (numTexts * length) - rate)).toBeLessThan(0.004);
  });

  it("leaves an empty text empty, with the at-least-one rule too", () => {
    const rules = { ...bertMasking, selection: "at-least-first-word" } as const;
    expect(maskText(0, 0, rules)).toEqual({ tokenIds: [], labels: [] });
  });

  it("depends on nothing but seed, epoch, sample and text (M-9)", () => {
    expect(draw(0, 0)).toEqual(draw(0, 0));
    expect(draw(0, 0)).not.toEqual(draw(0, 1));
    expect(draw(0, 0)).not.toEqual(draw(1, 0));
  });
});
