import type { SpecialTokenIds } from "./word-piece.ts";

/** One row of a batch of texts; both arrays have the length of the longest text allowed. */
export interface TextRow {
  readonly tokenIds: Int32Array;
  /** 1 where there is a token. */
  readonly tokenMask: Int32Array;
}

/** As many tokens as fit between [CLS] and [SEP] in `maxTextTokens`. */
export function cutTokens(tokenIds: readonly number[], maxTextTokens: number): readonly number[] {
  return tokenIds.slice(0, maxTextTokens - 2);
}

/** Writes [CLS] tokens [SEP] and padding over a whole row; the tokens must fit. */
export function writeTextRow(
  tokenIds: readonly number[],
  specials: SpecialTokenIds,
  row: TextRow,
): void {
  const length = tokenIds.length + 2;
  row.tokenIds.fill(specials.pad);
  row.tokenIds.set([specials.cls, ...tokenIds, specials.separator]);
  row.tokenMask.fill(1, 0, length).fill(0, length);
}
