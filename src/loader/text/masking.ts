import { ConfigError } from "../../core/errors.ts";
import type { RandomStream } from "../../core/random.ts";
import type { WordPieceTokenizer } from "./word-piece.ts";

/**
 * How the tokens to predict are chosen: each on its own ("independent": BERT's 15 % as Visual Parsing and SOHO
 * take it, some texts have none), or with the first word forced to [MASK] where none was chosen (UNITER as released); not
 * where the probability is 0, which is no masking.
 */
type MaskSelection = "independent" | "at-least-first-word";

/** Which ids may replace a token: any of the vocabulary (BERT, SOHO) or words only (UNITER: from "!" on). */
type RandomIdRange = "vocabulary" | "words";

/** What is chosen at once: a piece of a word (all three papers), or a whole word, whose pieces share the decision. */
type MaskUnit = "piece" | "word";

export interface MaskingRules {
  /** The share of tokens to predict; 0.15 in all papers. */
  readonly probability: number;
  readonly selection: MaskSelection;
  readonly randomIds: RandomIdRange;
  /** "piece" when left out. */
  readonly unit?: MaskUnit;
}

/** Masked language modelling as Visual Parsing has it: "the same masking strategy as in BERT". */
export const bertMasking: MaskingRules = {
  probability: 0.15,
  selection: "independent",
  randomIds: "vocabulary",
};

/** The label of a token that is not predicted. */
export const NOT_PREDICTED = -1;

export interface MaskedTokens {
  /** What the model sees. */
  readonly tokenIds: readonly number[];
  /** The original id where it is to be predicted, else NOT_PREDICTED. */
  readonly labels: readonly number[];
}

// BERT (Devlin et al.), appendix A.1: of the chosen tokens 80 % become [MASK], 10 % random, 10 % stay.
const MASKED_SHARE = 0.8;
const RANDOM_SHARE = 0.1;

/**
 * Masks a text's tokens for prediction. Its input has no [CLS], [SEP] or padding, so that these
 * are never chosen. A random replacement may happen to be the token itself, as in BERT. The pieces of a word that is chosen
 * as a whole are replaced each by its own draw, but all become [MASK] where the first word is forced.
 */
export function maskTokens(
  tokenIds: readonly number[],
  draws: RandomStream,
  options: { rules: MaskingRules; tokenizer: WordPieceTokenizer },
): MaskedTokens {
  const { rules, tokenizer } = options;
  const masked: number[] = [];
  const labels: number[] = [];
  let isChosen = false;
  for (const [place, id] of tokenIds.entries()) {
    const isDecided = rules.unit === "word" && place > 0 && tokenizer.isInsideWord(id);
    if (!isDecided) isChosen = draws.nextBoolean(rules.probability);
    masked.push(isChosen ? replacement(id, draws, options) : id);
    labels.push(isChosen ? id : NOT_PREDICTED);
  }
  const isForced = rules.selection === "at-least-first-word" && rules.probability > 0;
  const noneChosen = labels.every((label) => label === NOT_PREDICTED);
  if (!(isForced && noneChosen)) return { tokenIds: masked, labels };
  const numPieces = rules.unit === "word" ? wordEnd(tokenIds, 0, tokenizer) : 1;
  return maskedSpan(tokenIds, { start: 0, end: numPieces }, tokenizer);
}

/**
 * The text with one of its words masked and to be predicted, by the word's number: punctuation marks count as words, as they
 * do for BERT. What an evaluation asks when it wants this word told. ConfigError when the text has no such word.
 */
export function maskWord(
  text: string,
  wordIndex: number,
  tokenizer: WordPieceTokenizer,
): MaskedTokens {
  const tokenIds = tokenizer.encode(text);
  const starts = [...tokenIds.keys()].filter(
    (place) => place === 0 || !tokenizer.isInsideWord(tokenIds[place] ?? 0),
  );
  const start = starts[wordIndex];
  if (start === undefined) {
    throw new ConfigError(`word ${wordIndex} of the ${starts.length} words of "${text}"`);
  }
  return maskedSpan(tokenIds, { start, end: wordEnd(tokenIds, start, tokenizer) }, tokenizer);
}

/** Where a word that begins at `start` ends. */
function wordEnd(
  tokenIds: readonly number[],
  start: number,
  tokenizer: WordPieceTokenizer,
): number {
  let end = start + 1;
  while (end < tokenIds.length && tokenizer.isInsideWord(tokenIds[end] ?? 0)) end += 1;
  return Math.min(end, tokenIds.length);
}

function maskedSpan(
  tokenIds: readonly number[],
  { end, start }: { readonly start: number; readonly end: number },
  { specials }: WordPieceTokenizer,
): MaskedTokens {
  const isIn = (place: number): boolean => place >= start && place < end;
  return {
    tokenIds: tokenIds.map((id, place) => (isIn(place) ? specials.mask : id)),
    labels: tokenIds.map((id, place) => (isIn(place) ? id : NOT_PREDICTED)),
  };
}

function replacement(
  tokenId: number,
  draws: RandomStream,
  options: { rules: MaskingRules; tokenizer: WordPieceTokenizer },
): number {
  const { rules, tokenizer } = options;
  const chance = draws.nextFloat();
  if (chance < MASKED_SHARE) return tokenizer.specials.mask;
  if (chance >= MASKED_SHARE + RANDOM_SHARE) return tokenId;
  const first = rules.randomIds === "words" ? tokenizer.firstWordId : 0;
  return first + draws.nextInt(tokenizer.size - first);
}
