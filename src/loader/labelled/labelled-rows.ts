import type { RandomStream } from "../../core/random.ts";
import {
  type MaskedTokens,
  type MaskingRules,
  maskTokens,
  NOT_PREDICTED,
} from "../text/masking.ts";
import type { WordPieceTokenizer } from "../text/word-piece.ts";
import type { LabelledRow } from "./labelled-task.ts";

/** Tokens of a row between [CLS] and the last [SEP]. */
export interface RowTokens {
  readonly tokens: MaskedTokens;
  /** Where the second text begins, behind its own [SEP]; null where there is none. */
  readonly secondStart: number | null;
  readonly isCut: boolean;
}

/** How many tokens a row has, with [CLS] and each [SEP]. */
export function rowLength({ first, second }: LabelledRow, tokenizer: WordPieceTokenizer): number {
  const length = 2 + tokenizer.encode(first).length;
  return second === null ? length : length + tokenizer.encode(second).length + 1;
}

/**
 * The tokens of a row, masked by the rules and cut to `maxTokens` with [CLS] and each [SEP]: always the end of the longer text, as BERT
 * cuts pairs, of the second where they are equal.
 */
export function rowTokens(
  { first, second }: LabelledRow,
  draws: RandomStream,
  options: {
    readonly tokenizer: WordPieceTokenizer;
    readonly rules: MaskingRules;
    readonly maxTokens: number;
  },
): RowTokens {
  const { maxTokens, tokenizer } = options;
  const firstIds = tokenizer.encode(first);
  if (second === null) {
    const cut = firstIds.slice(0, maxTokens - 2);
    const tokens = maskTokens(cut, draws, options);
    return { tokens, secondStart: null, isCut: cut.length < firstIds.length };
  }
  const secondIds = tokenizer.encode(second);
  const room = maxTokens - 3;
  const [numFirst, numSecond] = keptOf(firstIds.length, secondIds.length, room);
  const [one, other] = [firstIds.slice(0, numFirst), secondIds.slice(0, numSecond)].map((ids) =>
    maskTokens(ids, draws, options),
  );
  const isCut = numFirst + numSecond < firstIds.length + secondIds.length;
  return {
    tokens: {
      tokenIds: [
        ...(one?.tokenIds ?? []),
        tokenizer.specials.separator,
        ...(other?.tokenIds ?? []),
      ],
      labels: [...(one?.labels ?? []), NOT_PREDICTED, ...(other?.labels ?? [])],
    },
    secondStart: numFirst + 1,
    isCut,
  };
}

/** What is left of two lengths when the longer one gives way until both fit. */
function keptOf(first: number, second: number, room: number): readonly [number, number] {
  const half = Math.ceil(room / 2);
  if (first + second <= room) return [first, second];
  if (first <= half) return [first, room - first];
  const others = room - half;
  return second <= others ? [room - second, second] : [half, others];
}
