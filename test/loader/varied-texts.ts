import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";

import { z } from "zod";

import { RandomStream } from "../../src/core/random.ts";
import { basicTokens } from "../../src/loader/text/basic-tokenizer.ts";
import { realData } from "../real-data.ts";

const captionFile = z.object({ annotations: z.array(z.object({ caption: z.string() })) });

/** The 25,014 captions of COCO's val2017. */
export function realCaptions(): string[] {
  const content = gunzipSync(readFileSync(realData("coco/captions_val2017.json.gz"))).toString();
  return captionFile.parse(JSON.parse(content)).annotations.map(({ caption }) => caption);
}

// First and last code points; surrogates are no characters of a text.
const BLOCKS = [
  [0x20, 0x7e], // ASCII
  [0x80, 0x24f], // accents
  [0x300, 0x36f], // combining marks
  [0x370, 0x52f], // Greek, Cyrillic
  [0x5b0, 0x6ff], // Hebrew, Arabic
  [0x900, 0xdff], // India
  [0xe00, 0x10ff], // Thai to Georgian
  [0x1e00, 0x1fff], // accents, polytonic Greek
  [0x2000, 0x206f], // spaces, marks of direction
  [0x2070, 0x2bff], // signs
  [0x3000, 0x30ff], // kana
  [0x3400, 0x9fff], // CJK
  [0xac00, 0xd7a3], // Hangul
  [0xe000, 0xe0ff], // private use
  [0xf900, 0xffff], // compatibility forms
  [0x1f300, 0x1faff], // emoji
  [0x20000, 0x2fa1f], // CJK
  [0x0, 0xd7ff],
  [0x10000, 0x10ffff],
] as const;
const SPACES = ["\t", "\n", "\r", "\u00A0", "\u2009", "\u2028", "\u3000", "  ", "\u0000", "\u200B"];
const ODD = [
  "[MASK]",
  "[CLS] a [SEP]",
  "##ing",
  "don't",
  "\u039F\u0394\u039F\u03A3",
  "\u0130stanbul",
  "stra\u00DFe",
  "\uFB01sh",
  "e\u0301te\u0301",
  "\u1E9E",
  "\uD83D\uDC68\u200D\uD83D\uDC69\u200D\uD83D\uDC67",
  "\uFEFFbom",
  "$5.00",
  "U.S.A.",
  "x\u00B2",
  "\u00BD",
  "\u2026",
];

/** Texts of all kinds: real captions, changed ones, all scripts, control characters, words of up to 250 letters. */
export function variedTexts(count: number, captions: readonly string[]): string[] {
  return Array.from({ length: count }, (_, index) => {
    const draws = new RandomStream(16, index);
    const caption = draws.pick(captions);
    switch (index % 6) {
      case 0:
        return caption;
      case 1:
        return changed(caption, draws);
      case 2:
        return drawn(draws, draws.pick(BLOCKS));
      case 3:
        return Array.from({ length: 4 }, () => drawn(draws, draws.pick(BLOCKS))).join(
          draws.pick(SPACES),
        );
      case 4:
        return `${caption.slice(0, 20)}${draws.pick(SPACES)}${longWord(draws)} ${draws.pick(ODD)}`;
      default:
        return [draws.pick(ODD), caption, draws.pick(ODD)].join(draws.pick(SPACES)).toUpperCase();
    }
  });
}

function changed(caption: string, draws: RandomStream): string {
  return Array.from(caption, (character) => {
    if (draws.nextBoolean(0.9)) return character;
    return draws.nextBoolean(0.5) ? drawn(draws, draws.pick(BLOCKS), 1) : draws.pick(SPACES);
  }).join("");
}

function drawn(
  draws: RandomStream,
  [first, last]: readonly [number, number],
  length: number = 1 + draws.nextInt(12),
): string {
  return Array.from({ length }, () => {
    const code = first + draws.nextInt(last - first + 1);
    return code >= 0xd800 && code <= 0xdfff ? "?" : String.fromCodePoint(code);
  }).join("");
}

function longWord(draws: RandomStream): string {
  const length = draws.pick([5, 60, 99, 100, 101, 150, 199, 200, 201, 250]);
  const letters = draws.pick(["ab", "running", "\u00E9\u00E8", "\u0436\u0444"]);
  return letters.repeat(length).slice(0, length);
}

/** A vocabulary that keeps letter case: all characters of the captions, and their words and word ends seen most. */
export function casedVocabulary(captions: readonly string[]): string[] {
  const words = captions.flatMap((caption) => basicTokens(caption, "keep"));
  const characters = [...new Set(words.flatMap((word) => Array.from(word)))].toSorted();
  const ends = words.filter((word) => word.length > 4).map((word) => `##${word.slice(-3)}`);
  const accented = ["\u00C9t\u00E9", "Caf\u00E9", "caf\u00E9", "\u732B", "\u0397", "\u03B7"];
  return [
    ...new Set([
      "[PAD]",
      "[UNK]",
      "[CLS]",
      "[SEP]",
      "[MASK]",
      ...characters,
      ...characters.map((character) => `##${character}`),
      ...mostFrequent(words, 1000),
      ...mostFrequent(ends, 300),
      ...accented,
    ]),
  ];
}

function mostFrequent(items: readonly string[], count: number): string[] {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(item, (counts.get(item) ?? 0) + 1);
  return [...counts]
    .toSorted(([a, countA], [b, countB]) => countB - countA || (a < b ? -1 : 1))
    .slice(0, count)
    .map(([item]) => item);
}
