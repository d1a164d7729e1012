import type { RandomStream } from "../../core/random.ts";
import type { SceneHead, SceneText, TextKind } from "../../core/records.ts";
import { cutTokens } from "../text/text-rows.ts";
import type { WordPieceTokenizer } from "../text/word-piece.ts";

// Of ASCII, which nearly all captions are, the rule below leaves letters and digits.
const PLAIN = /^[\0-~]*$/;
const NO_WORD = /[^a-z0-9]+/g;

/** How texts become rows of tokens, as far as pairing must know. */
export interface TextRules {
  readonly tokenizer: WordPieceTokenizer;
  /** Including [CLS] and [SEP]. */
  readonly maxTokens: number;
  readonly longer: "cut" | "drop";
}

// What the publishers say of a picture as true. Questions say nothing, statements and hypotheses may be false.
const TRUE_KINDS: ReadonlySet<TextKind> = new Set([
  "caption",
  "region-description",
  "expression",
  "premise",
]);

/** Whether a text is said to be true of its scene, so that it can stand as matched or unmatched. */
export function isPairable(text: SceneText): boolean {
  return TRUE_KINDS.has(text.kind);
}

/** Whether a text is dropped for its length. */
export function isDropped({ text }: SceneText, rules: TextRules): boolean {
  return rules.longer === "drop" && rules.tokenizer.encode(text).length + 2 > rules.maxTokens;
}

/**
 * A text without what does not change its meaning here: NFKD, no accents, upper and then lower case, and one
 * space for each run of punctuation, symbols, control characters and spaces.
 */
export function normalizedText(text: string): string {
  if (PLAIN.test(text)) return text.toLowerCase().replaceAll(NO_WORD, " ").trim();
  return text
    .normalize("NFKD")
    .replaceAll(/\p{Mn}+/gu, "")
    .toUpperCase()
    .toLowerCase()
    .replaceAll(/[\p{P}\p{S}\p{C}\s]+/gu, " ")
    .trim();
}

/** Of an ASCII sign: 0 where it is no word's, else its code, of capitals that of the small letter. */
const WORD_SIGNS = Uint8Array.from({ length: 127 }, (_, code) => {
  const sign = String.fromCharCode(code).toLowerCase();
  return /[a-z0-9]/.test(sign) ? sign.charCodeAt(0) : 0;
});
/** Where a text has no more words. */
const END = 0;

/** Whether two texts are equal once they are normalized; of most it is told by their first words. */
export function saySame(one: string, other: string): boolean {
  let [place, otherPlace] = [0, 0];
  for (;;) {
    const start = wordSign(one, place);
    const otherStart = wordSign(other, otherPlace);
    const sign = signAt(one, start);
    const otherSign = signAt(other, otherStart);
    // What is no ASCII can change what stands at its place and behind it, but nothing before.
    if (sign === undefined || otherSign === undefined) break;
    if (sign !== otherSign) return false;
    if (sign === END) return true;
    const isSameWord = start === place || place === 0;
    if (isSameWord !== (otherStart === otherPlace || otherPlace === 0)) return false;
    [place, otherPlace] = [start + 1, otherStart + 1];
  }
  return normalizedText(one) === normalizedText(other);
}

/** The place of the next sign of a word, from `place` on. */
function wordSign(text: string, place: number): number {
  let at = place;
  while (at < text.length && WORD_SIGNS[text.charCodeAt(at)] === 0) at += 1;
  return at;
}

function signAt(text: string, place: number): number | undefined {
  return place < text.length ? WORD_SIGNS[text.charCodeAt(place)] : END;
}

interface SeenText {
  readonly text: string;
  /** As the model sees it. */
  readonly tokenIds: readonly number[];
}

/** Texts seen so far; two are the same that say the same, or that the model cannot tell apart once they are cut. */
export class SeenTexts {
  readonly #rules: TextRules;
  readonly #seen: SeenText[];

  constructor(rules: TextRules, texts: readonly SceneText[] = []) {
    this.#rules = rules;
    this.#seen = texts.map((text) => this.#seenText(text));
  }

  has(text: SceneText): boolean {
    return this.#hasSeen(this.#seenText(text));
  }

  /** Whether it was not there yet. */
  add(text: SceneText): boolean {
    const one = this.#seenText(text);
    const isNew = !this.#hasSeen(one);
    this.#seen.push(one);
    return isNew;
  }

  #hasSeen(one: SeenText): boolean {
    return this.#seen.some(
      (other) => haveSameIds(other.tokenIds, one.tokenIds) || saySame(other.text, one.text),
    );
  }

  #seenText({ text }: SceneText): SeenText {
    const { maxTokens, tokenizer } = this.#rules;
    return { text, tokenIds: cutTokens(tokenizer.encode(text), maxTokens) };
  }
}

function haveSameIds(one: readonly number[], other: readonly number[]): boolean {
  return one.length === other.length && one.every((id, place) => id === other[place]);
}

/** The texts of a scene that its picture can stand beside. */
export interface OwnTexts {
  /** Of different meaning, in drawn order. */
  readonly texts: readonly SceneText[];
  /** Texts that were left out for their length. */
  readonly numDropped: number;
}

/**
 * Up to `count` of a scene's texts that are true of what is shown and short enough. Where all are too long none is
 * dropped: a picture is never lost for its texts, they are cut.
 */
export function ownTexts(
  head: SceneHead,
  draws: RandomStream,
  options: { count: number; rules: TextRules; isShown: (text: SceneText) => boolean },
): OwnTexts {
  const { count, isShown, rules } = options;
  const shown = head.texts.filter((text) => isPairable(text) && isShown(text));
  const short = shown.filter((text) => !isDropped(text, rules));
  const usable = short.length > 0 ? short : shown;
  const order = draws.sampleDistinct(usable.length, usable.length);
  const seen = new SeenTexts(rules);
  const texts: SceneText[] = [];
  for (const index of order) {
    const text = usable[index];
    if (text !== undefined && seen.add(text)) texts.push(text);
    if (texts.length === count) break;
  }
  return { texts, numDropped: shown.length - usable.length };
}
