import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { assert, property, string } from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";

import { SourceError } from "../../src/core/errors.ts";
import { WordPieceTokenizer } from "../../src/loader/text/word-piece.ts";

const bertFolder = fileURLToPath(new URL("../../../shared/data/bert/", import.meta.url));
const tokenizationCase = z.object({
  text: z.string(),
  tokens: z.array(z.string()),
  ids: z.array(z.number()),
});
const SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];

describe("WordPiece with bert-base-uncased", () => {
  let tokenizer: WordPieceTokenizer;
  const cases = readFileSync(`${bertFolder}tokenization_cases.jsonl`, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => tokenizationCase.parse(JSON.parse(line)));

  beforeAll(async () => {
    tokenizer = await WordPieceTokenizer.fromFile(`${bertFolder}vocab.txt`);
  });

  it("gives the tokens and ids of google-research/bert for all 308 cases but a word of 200 letters", () => {
    expect(cases).toHaveLength(308);
    // google-research/bert takes words of up to 200 letters apart, transformers of up to 100.
    const alike = cases.filter(({ text }) => text !== "a".repeat(200));
    expect(alike).toHaveLength(307);
    for (const { text, tokens, ids } of alike) {
      expect(tokenizer.tokenize(text)).toEqual(tokens);
      expect(tokenizer.encode(text)).toEqual(ids);
    }
  });

  it("knows its size, its special tokens and the first word", () => {
    expect(tokenizer.size).toBe(30_522);
    expect(tokenizer.specials).toEqual({
      pad: 0,
      unknown: 100,
      cls: 101,
      separator: 102,
      mask: 103,
    });
    expect(tokenizer.token(tokenizer.firstWordId)).toBe("!");
    expect(tokenizer.id("motorcycle")).toBe(9055);
  });

  it("never yields an id outside the vocabulary, nor [CLS], [SEP], [MASK] or [PAD]", () => {
    const { pad, cls, separator, mask } = tokenizer.specials;
    assert(
      property(string({ unit: "binary" }), (text) => {
        const ids = tokenizer.encode(text);
        expect(ids.every((id) => id < tokenizer.size)).toBe(true);
        expect(ids.some((id) => [pad, cls, separator, mask].includes(id))).toBe(false);
      }),
    );
  });

  it("splits on line and paragraph separators as Python's split does", () => {
    expect(tokenizer.tokenize("a\u2028man\u2029here")).toEqual(["a", "man", "here"]);
  });
});

describe("beside transformers' BertTokenizer (D-16)", () => {
  const fixture = z
    .object({
      casedVocabulary: z.array(z.string()),
      cases: z.array(
        z.object({ text: z.string(), lower: z.array(z.number()), keep: z.array(z.number()) }),
      ),
    })
    .parse(JSON.parse(readFileSync(new URL("fixtures/bert-tokens.json", import.meta.url), "utf8")));

  it.each(["lower", "keep"] as const)(
    "240 varied texts get the same ids: letter case %s (10,000 in the slow tests)",
    async (letterCase) => {
      const tokenizer =
        letterCase === "lower"
          ? await WordPieceTokenizer.fromFile(`${bertFolder}vocab.txt`)
          : WordPieceTokenizer.fromVocabulary(fixture.casedVocabulary, { letterCase });
      expect(fixture.cases).toHaveLength(240);
      for (const { text, ...ids } of fixture.cases)
        expect({ text, ids: tokenizer.encode(text) }).toEqual({ text, ids: ids[letterCase] });
    },
  );

  it("takes a word of 100 letters apart and one of 101 for unknown", () => {
    const tokenizer = WordPieceTokenizer.fromVocabulary([...SPECIALS, "a", "##a"]);
    expect(tokenizer.encode("a".repeat(100))).toHaveLength(100);
    expect(tokenizer.tokenize("a".repeat(101))).toEqual(["[UNK]"]);
  });

  it("gives a word the same ids when it meets it again", () => {
    const tokenizer = WordPieceTokenizer.fromVocabulary([...SPECIALS, "a", "##a"]);
    expect([tokenizer.encode("aa aa b"), tokenizer.encode("aa")]).toEqual([
      [5, 6, 5, 6, 1],
      [5, 6],
    ]);
  });
});

describe("a vocabulary", () => {
  it("keeps letter case and accents when it is a cased one", () => {
    const tokenizer = WordPieceTokenizer.fromVocabulary([...SPECIALS, "H\u00e9llo", "hello"], {
      letterCase: "keep",
    });
    expect(tokenizer.tokenize("H\u00e9llo hello Hello")).toEqual(["H\u00e9llo", "hello", "[UNK]"]);
  });

  it("has a digest that does not depend on line ends", () => {
    const lines = [...SPECIALS, "a", "man"];
    const unix = WordPieceTokenizer.fromVocabulary([...lines, ""]);
    const windows = WordPieceTokenizer.fromVocabulary(lines.map((line) => `${line}\r`));
    expect(unix.digest).toBe(windows.digest);
    expect(unix.size).toBe(7);
    expect(WordPieceTokenizer.fromVocabulary([...lines, "cat"]).digest).not.toBe(unix.digest);
  });

  it("is refused without a special token", () => {
    expect(() => WordPieceTokenizer.fromVocabulary(["[PAD]", "[UNK]", "[CLS]", "[SEP]"])).toThrow(
      "the vocabulary of 4 tokens has no [MASK]",
    );
  });

  it("is refused when a token stands twice", () => {
    expect(() => WordPieceTokenizer.fromVocabulary([...SPECIALS, "a", "b", "a"])).toThrow(
      'the vocabulary has "a" twice, the second time in line 8',
    );
  });

  it("is reported as missing with its path", async () => {
    const error = await WordPieceTokenizer.fromFile("/nowhere/vocab.txt").catch((cause) => cause);
    expect(error).toBeInstanceOf(SourceError);
    expect(error).toMatchObject({ file: "/nowhere/vocab.txt", exitCode: 23 });
  });
});
