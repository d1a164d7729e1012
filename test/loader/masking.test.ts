import { array, assert, integer, property } from "fast-check";
import { describe, expect, it } from "vitest";

import { imageKey } from "../../src/core/keys.ts";
import { batchSizeBytes, viewBatch } from "../../src/loader/batch-shape.ts";
import { writeSample } from "../../src/loader/collating/write-sample.ts";
import { sampleDraws } from "../../src/loader/draws.ts";
import {
  bertMasking,
  type MaskedTokens,
  type MaskingRules,
  maskTokens,
  maskWord,
  NOT_PREDICTED,
} from "../../src/loader/text/masking.ts";
import { WordPieceTokenizer } from "../../src/loader/text/word-piece.ts";

const specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[unused0]"];
const words = Array.from({ length: 200 }, (_, index) => `word${index}`);
const tokenizer = WordPieceTokenizer.fromVocabulary([...specials, ...words]);
const MASK = tokenizer.specials.mask;
const FIRST_WORD = specials.length;
/** Masking as UNITER released it. */
const uniterMasking: MaskingRules = {
  probability: 0.15,
  selection: "at-least-first-word",
  randomIds: "words",
};

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

/** How the chosen tokens of texts of `numTokens` tokens were treated. */
function counted(numTexts: number, numTokens: number, rules: MaskingRules) {
  const count = { chosen: 0, masked: 0, kept: 0, lowest: Infinity, highest: 0 };
  for (let sampleIndex = 0; sampleIndex < numTexts; sampleIndex += 1) {
    const { labels, tokenIds } = maskText(sampleIndex, numTokens, rules);
    for (const [place, label] of labels.entries()) {
      if (label === NOT_PREDICTED) continue;
      count.chosen += 1;
      const id = tokenIds[place] ?? 0;
      if (id === MASK) count.masked += 1;
      else if (id === label) count.kept += 1;
      else {
        count.lowest = Math.min(count.lowest, id);
        count.highest = Math.max(count.highest, id);
      }
    }
  }
  return count;
}

describe("masking for masked language modelling", () => {
  it("M-1: selects no [CLS], [SEP] or padding in a million tokens of rows", () => {
    const [textsPerPicture, textTokens] = [1000, 20];
    const shape = {
      numPictures: 1,
      textsPerPicture,
      textTokens,
      pictureHeight: 0,
      pictureWidth: 0,
      regionsPerPicture: 0,
      featuresPerRegion: 0,
      classesPerRegion: 0,
      hasTextBoxes: false,
      hasRegionMasks: false,
    };
    const arrays = viewBatch(new SharedArrayBuffer(batchSizeBytes(shape)), shape);
    const target = { arrays, shape, specials: tokenizer.specials };
    const selected = { special: 0, word: 0 };
    for (let row = 0; row < 1e6 / (textsPerPicture * textTokens); row += 1) {
      const texts = Array.from({ length: textsPerPicture }, (_, text) => {
        const numTokens = text % (textTokens - 1);
        const tokens = maskText(row * textsPerPicture + text, numTokens, uniterMasking);
        return { textId: "", matched: true, tokens, box: null };
      });
      const statistics = { numRedraws: 0, numRepeats: 0, numCutTexts: 0, numDroppedTexts: 0 };
      const timings = { readMs: 0, decodeMs: 0, textMs: 0 };
      const shown = { height: 0, width: 0 };
      const picture = { key: imageKey("coco", 1), pixels: new Uint8Array(), shown };
      const pictures = [{ ...picture, regions: undefined }];
      writeSample({ pictures, texts, statistics, timings }, 0, target);
      for (let place = 0; place < textsPerPicture * textTokens; place += 1) {
        if ((arrays.mlmLabels[place] ?? 0) === NOT_PREDICTED) continue;
        const numTokens = Math.floor(place / textTokens) % (textTokens - 1);
        const isWord = place % textTokens > 0 && place % textTokens <= numTokens;
        selected[isWord ? "word" : "special"] += 1;
      }
    }
    expect(selected.special).toBe(0);
    expect(selected.word).toBeGreaterThan(50_000);
  });

  it.each([
    ["BERT's, Visual Parsing's and SOHO's", bertMasking, 0],
    ["UNITER's", uniterMasking, FIRST_WORD],
  ] as const)(
    "M-2: treats the selected of a million tokens 80 : 10 : 10 by %s rules, random ids in their range",
    (_, rules, lowest) => {
      const count = counted(2000, 500, rules);
      // A random id is [MASK], or the token itself, once in the range's size.
      const byChance = 0.1 / (tokenizer.size - lowest);
      const maskedByChance = lowest === 0 ? byChance : 0;
      const { chosen, kept, masked } = count;
      expect(Math.abs(masked / chosen - 0.8 - maskedByChance)).toBeLessThan(fourSigma(0.8, chosen));
      expect(Math.abs(kept / chosen - 0.1 - byChance)).toBeLessThan(fourSigma(0.1, chosen));
      expect([count.lowest, count.highest]).toEqual([lowest, tokenizer.size - 1]);
    },
  );

  it.each([5, 10, 20, 30, 500])(
    "M-3: selects 15 % of a million tokens in texts of %i without the rule",
    (length) => {
      const { chosen } = counted(1e6 / length, length, bertMasking);
      expect(Math.abs(chosen / 1e6 - 0.15)).toBeLessThan(fourSigma(0.15, 1e6));
    },
  );

  it.each([
    [5, 0.23874],
    [10, 0.16969],
    [20, 0.15194],
    [30, 0.15025],
  ])("M-3: with the at-least-one rule selects of texts of %i tokens %f", (length, rate) => {
    expect(Math.abs(0.15 + 0.85 ** length / length - rate)).toBeLessThan(1e-5);
    const numTexts = Math.round(1e6 / length);
    const { chosen } = counted(numTexts, length, uniterMasking);
    // A forced word makes the number of a text's selected ones vary less.
    const share = chosen / (numTexts * length);
    expect(Math.abs(share - rate)).toBeLessThan(fourSigma(0.15, numTexts * length));
  });

  it.each([5, 10, 20, 30])(
    "M-3: forces the first word of 0.85^%i of the texts, always to [MASK]",
    (length) => {
      const numTexts = 10_000;
      let numForced = 0;
      for (let sampleIndex = 0; sampleIndex < numTexts; sampleIndex += 1) {
        const alone = maskText(sampleIndex, length, { ...uniterMasking, selection: "independent" });
        const ruled = maskText(sampleIndex, length, uniterMasking);
        const isForced = alone.labels.every((label) => label === NOT_PREDICTED);
        numForced += Number(isForced);
        const tokenIds = [MASK, ...alone.tokenIds.slice(1)];
        const labels = [FIRST_WORD, ...alone.labels.slice(1)];
        expect(ruled).toEqual(isForced ? { tokenIds, labels } : alone);
      }
      const share = numForced / numTexts;
      expect(Math.abs(share - 0.85 ** length)).toBeLessThan(fourSigma(0.85 ** length, numTexts));
    },
  );

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

  it("leaves an empty text empty and a text that is not to be masked as it is, with the at-least-one rule too", () => {
    expect(maskText(0, 0, uniterMasking)).toEqual({ tokenIds: [], labels: [] });
    const plain = maskText(0, 3, { ...uniterMasking, probability: 0 });
    expect(plain.labels).toEqual([NOT_PREDICTED, NOT_PREDICTED, NOT_PREDICTED]);
  });

  it("depends on nothing but seed, epoch, sample and text", () => {
    expect(draw(0, 0)).toEqual(draw(0, 0));
    expect(draw(0, 0)).not.toEqual(draw(0, 1));
    expect(draw(0, 0)).not.toEqual(draw(1, 0));
  });
});

const pieces = ["play", "##ing", "##s", "dog", "a", "!"];
const ofPieces = WordPieceTokenizer.fromVocabulary([...specials, ...pieces]);
const PLAYINGS = "a playings dog plays";

describe("masking whole words", () => {
  const rules: MaskingRules = { ...bertMasking, unit: "word" };
  const tokenIds = ofPieces.encode(PLAYINGS);
  // a | play ##ing ##s | dog | play ##s
  const wordPlaces = [[0], [1, 2, 3], [4], [5, 6]];
  const numTexts = 10_000;
  const drawn = Array.from({ length: numTexts }, (_, sampleIndex) =>
    maskTokens(tokenIds, sampleDraws("masking", { seed: 1, epoch: 0, sampleIndex }), {
      rules,
      tokenizer: ofPieces,
    }),
  );

  it("M-7: gives the pieces of a word one decision, each word 15 % on its own", () => {
    const together = [0, 0];
    for (const places of wordPlaces) {
      const chosen = drawn.filter(({ labels }) => labels[places[0] ?? 0] !== NOT_PREDICTED);
      for (const { labels } of drawn) {
        const decisions = new Set(places.map((place) => labels[place] !== NOT_PREDICTED));
        expect(decisions.size).toBe(1);
      }
      expect(Math.abs(chosen.length / numTexts - 0.15)).toBeLessThan(fourSigma(0.15, numTexts));
    }
    for (const { labels } of drawn) {
      const [first, second] = [labels[1] !== NOT_PREDICTED, labels[5] !== NOT_PREDICTED];
      if (first) together[Number(second)] = (together[Number(second)] ?? 0) + 1;
    }
    const [without = 0, withBoth = 0] = together;
    const share = withBoth / (without + withBoth);
    expect(Math.abs(share - 0.15)).toBeLessThan(fourSigma(0.15, without + withBoth));
  });

  it("M-7: replaces each piece of a chosen word by a draw of its own", () => {
    const chosen = drawn.filter(({ labels }) => labels[1] !== NOT_PREDICTED);
    const kinds = chosen.map((text) =>
      [1, 2, 3].map((place) => text.tokenIds[place] === MASK).join(),
    );
    expect(new Set(kinds).size).toBe(8);
  });

  it("M-7: splits words where pieces are chosen", () => {
    const split = drawn.map((_, sampleIndex) =>
      maskTokens(tokenIds, sampleDraws("masking", { seed: 1, epoch: 0, sampleIndex }), {
        rules: bertMasking,
        tokenizer: ofPieces,
      }),
    );
    const isSplit = split.some(
      ({ labels }) => (labels[1] === NOT_PREDICTED) !== (labels[2] === NOT_PREDICTED),
    );
    expect(isSplit).toBe(true);
  });

  it("forces all pieces of the first word", () => {
    const forced = maskTokens(
      ofPieces.encode("playings dog"),
      sampleDraws("masking", { seed: 1, epoch: 0, sampleIndex: 0 }),
      {
        rules: { ...rules, probability: 1e-9, selection: "at-least-first-word" },
        tokenizer: ofPieces,
      },
    );
    const [play, ing, s, dog] = ["play", "##ing", "##s", "dog"].map((token) => ofPieces.id(token));
    expect(forced).toEqual({
      tokenIds: [MASK, MASK, MASK, dog],
      labels: [play, ing, s, NOT_PREDICTED],
    });
  });
});

describe("masking a word by its number", () => {
  const [a, play, ing, s, dog, mark] = ["a", "play", "##ing", "##s", "dog", "!"].map((token) =>
    ofPieces.id(token),
  );

  it("masks and labels all of its pieces and nothing else", () => {
    expect(maskWord("A playings, dog!", 1, ofPieces)).toEqual({
      tokenIds: [a, MASK, MASK, MASK, tokenizer.specials.unknown, dog, mark],
      labels: [-1, play, ing, s, -1, -1, -1],
    });
    expect(maskWord("a playings dog!", 3, ofPieces)).toEqual({
      tokenIds: [a, play, ing, s, dog, MASK],
      labels: [-1, -1, -1, -1, -1, mark],
    });
  });

  it("refuses a word that a text has not", () => {
    expect(() => maskWord("a dog", 2, ofPieces)).toThrow('word 2 of the 2 words of "a dog"');
  });
});
