import { assert, integer, property } from "fast-check";
import { describe, expect, it } from "vitest";

import { RandomStream } from "../../../src/core/random.ts";
import { rowLength, rowTokens } from "../../../src/loader/labelled/labelled-rows.ts";
import { bertMasking } from "../../../src/loader/text/masking.ts";
import { WordPieceTokenizer } from "../../../src/loader/text/word-piece.ts";

const letters = Array.from("abcdefghijklmnopqrstuvwxyz");
const specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
const tokenizer = WordPieceTokenizer.fromVocabulary([...specials, ...letters]);
const SEP = tokenizer.specials.separator;
const nothing = { ...bertMasking, probability: 0 };

function words(count: number, first: number): string {
  return Array.from({ length: count }, (_, place) => letters[(first + place) % 26]).join(" ");
}

function rowOf(row: readonly [string, string | null], maxTokens: number, rules = nothing) {
  const [first, second] = row;
  return rowTokens({ first, second }, new RandomStream(1), { tokenizer, rules, maxTokens });
}

describe("a row of two texts", () => {
  it("is the first text, [SEP] and the second, which begins behind it", () => {
    const { isCut, secondStart, tokens } = rowOf(["a b", "c"], 10);
    expect(tokens.tokenIds.map((id) => tokenizer.token(id))).toEqual(["a", "b", "[SEP]", "c"]);
    expect([secondStart, isCut]).toEqual([3, false]);
    expect(rowLength({ first: "a b", second: "c" }, tokenizer)).toBe(6);
    expect(rowLength({ first: "a b", second: null }, tokenizer)).toBe(4);
  });

  it("is cut at the end of the longer text until it fits, and never longer than told", () => {
    assert(
      property(
        integer({ min: 1, max: 20 }),
        integer({ min: 1, max: 20 }),
        integer({ min: 5, max: 30 }),
        (numFirst, numSecond, maxTokens) => {
          const [first, second] = [words(numFirst, 0), words(numSecond, 13)];
          const { isCut, secondStart, tokens } = rowOf([first, second], maxTokens);
          const kept = (secondStart ?? 0) - 1;
          const others = tokens.tokenIds.length - 1 - kept;
          // What BERT's loop leaves: one token of the longer text at a time.
          let [one, other] = [numFirst, numSecond];
          while (one + other > maxTokens - 3) {
            if (one > other) one -= 1;
            else other -= 1;
          }
          expect([kept, others]).toEqual([one, other]);
          expect(isCut).toBe(numFirst + numSecond > maxTokens - 3);
          expect(tokens.tokenIds[kept]).toBe(SEP);
        },
      ),
    );
  });

  it("is masked in both texts and never at [SEP]", () => {
    const rules = { ...bertMasking, probability: 1 };
    const { tokens } = rowOf([words(4, 0), words(5, 13)], 30, rules);
    const predicted = tokens.labels.map((label) => Number(label >= 0)).join("");
    expect(predicted).toBe("1111011111");
    expect(tokens.tokenIds[4]).toBe(SEP);
  });
});

describe("a row of one text", () => {
  it("is cut at its end", () => {
    const { isCut, secondStart, tokens } = rowOf([words(9, 0), null], 6);
    expect(tokens.tokenIds.map((id) => tokenizer.token(id))).toEqual(["a", "b", "c", "d"]);
    expect([secondStart, isCut]).toEqual([null, true]);
  });
});
