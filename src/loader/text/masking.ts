import type { RandomStream } from "../../core/random.ts";
import type { WordPieceTokenizer } from "./word-piece.ts";

/**
 * How the tokens to predict are chosen: each on its own ("independent": BERT's 15 % as Visual Parsing and SOHO
 * take it, some texts have none), or with the first word forced to [MASK] where none was chosen (UNITER as released).
 */
type MaskSelection = "independent" | "at-least-first-word";

/** Which ids may replace a token: any of the vocabulary (BERT, SOHO) or words only (UNITER: from "!" on). */
type RandomIdRange = "vocabulary" | "words";

export interface MaskingRules {
  /** The share of tokens to predict; 0.15 in all papers. */
  readonly probability: number;
  readonly selection: MaskSelection;
  readonly randomIds: RandomIdRange;
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
 * are never chosen. A random replacement may happen to be the token itself, as in BERT.
 */
export function maskTokens(
  tokenIds: readonly number[],
  draws: RandomStream,
  options: { rules: MaskingRules; tokenizer: WordPieceTokenizer },
): MaskedTokens {
  const { rules, tokenizer } = options;
  const masked: number[] = [];
  const labels: number[] = [];
  for (const id of tokenIds) {
    const isChosen = draws.nextBoolean(rules.probability);
    masked.push(isChosen ? replacement(id, draws, options) : id);
    labels.push(isChosen ? id : NOT_PREDICTED);
  }
  const [first] = tokenIds;
  const noneChosen = !labels.some((label) => label !== NOT_PREDICTED);
  if (first !== undefined && noneChosen && rules.selection === "at-least-first-word") {
    masked[0] = tokenizer.specials.mask;
    labels[0] = first;
  }
  return { tokenIds: masked, labels };
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
