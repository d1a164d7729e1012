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

/** Texts seen so far; two are the same that say the same, or that the model cannot tell apart once they are cut. */
export class SeenTexts {
  readonly #rules: TextRules;
  readonly #marks = new Set<string>();

  constructor(rules: TextRules, texts: readonly SceneText[] = []) {
    this.#rules = rules;
    for (const text of texts) this.add(text);
  }

  has(text: SceneText): boolean {
    return this.#marks.has(meaning(text)) || this.#marks.has(this.#tokens(text));
  }

  /** Whether it was not there yet. */
  add(text: SceneText): boolean {
    const [said, tokens] = [meaning(text), this.#tokens(text)];
    const isNew = !this.#marks.has(said) && !this.#marks.has(tokens);
    this.#marks.add(said).add(tokens);
    return isNew;
  }

  #tokens({ text }: SceneText): string {
    const { maxTokens, tokenizer } = this.#rules;
    return `tokens ${cutTokens(tokenizer.encode(text), maxTokens).join(" ")}`;
  }
}

function meaning({ text }: SceneText): string {
  return `meaning ${normalizedText(text)}`;
}

/** The texts of a scene that its picture can stand beside. */
export interface OwnTexts {
  /** One of each meaning, in drawn order. */
  readonly texts: readonly SceneText[];
  /** Texts that were left out for their length. */
  readonly numDropped: number;
}

/**
 * A scene's texts that are true of what is shown and short enough. Where all are too long none is dropped: a
 * picture is never lost for its texts, they are cut.
 */
export function ownTexts(
  head: SceneHead,
  draws: RandomStream,
  options: { rules: TextRules; isShown: (text: SceneText) => boolean },
): OwnTexts {
  const { isShown, rules } = options;
  const shown = head.texts.filter((text) => isPairable(text) && isShown(text));
  const short = shown.filter((text) => !isDropped(text, rules));
  const usable = short.length > 0 ? short : shown;
  const order = draws.sampleDistinct(usable.length, usable.length);
  const seen = new SeenTexts(rules);
  const texts = order.flatMap((index) => usable[index] ?? []).filter((text) => seen.add(text));
  return { texts, numDropped: shown.length - usable.length };
}
