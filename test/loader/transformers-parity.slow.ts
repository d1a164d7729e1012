import { readFileSync } from "node:fs";

import { describe, expect, it } from "vitest";
import { z } from "zod";

import { basicTokens } from "../../src/loader/text/basic-tokenizer.ts";
import { WordPieceTokenizer } from "../../src/loader/text/word-piece.ts";
import { pythonEnvironment } from "../python-environment.ts";
import { realData } from "../real-data.ts";
import { transformersTokens } from "./transformers-tokens.ts";
import { casedVocabulary, realCaptions, variedTexts } from "./varied-texts.ts";

const captions = realCaptions();
const uncased = readFileSync(realData("bert/vocab.txt"), "utf8").trimEnd().split("\n");

describe("Beside transformers' BertTokenizer (D-16)", () => {
  it.each([
    ["lower", uncased],
    ["keep", casedVocabulary(captions)],
  ] as const)("10,000 varied texts get the same ids: letter case %s", async (letterCase, lines) => {
    const texts = variedTexts(10_000, captions);
    const expected = await transformersTokens(texts, { vocabulary: lines, letterCase });
    const tokenizer = WordPieceTokenizer.fromVocabulary(lines, { letterCase });
    const different = texts.filter(
      (text, index) => tokenizer.encode(text).join() !== expected[index]?.join(),
    );
    expect(expected).toHaveLength(10_000);
    expect(different).toEqual([]);
  });

  it.each(["lower", "keep"] as const)(
    "every character of Unicode is taken alike: letter case %s",
    async (letterCase) => {
      const python = await pythonEnvironment("requirements-parity.txt");
      const output = await python.run("tokenize_texts.py", ["--characters", letterCase]);
      const codes = Array.from({ length: 0x110000 }, (_, code) => code).filter(
        (code) => code < 0xd800 || code > 0xdfff,
      );
      const lines = output.trimEnd().split("\n");
      expect(lines).toHaveLength(codes.length);
      const different = codes.filter((code, index) => {
        const expected = z.array(z.string()).parse(JSON.parse(lines[index] ?? ""));
        const words = basicTokens(`a${String.fromCodePoint(code)}b`, letterCase);
        return words.join(" ") !== expected.join(" ");
      });
      expect(different.map((code) => code.toString(16))).toEqual([]);
    },
  );
});
