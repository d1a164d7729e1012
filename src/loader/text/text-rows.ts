import type { SpecialTokenIds } from "./word-piece.ts";

/** One row of a batch of texts; both arrays have the length of the longest text allowed. */
export interface TextRow {
  readonly tokenIds: Int32Array;
  /** 1 where there is a token. */
  readonly tokenMask: Int32Array;
}

/** As many tokens as fit between [CLS] and [SEP] in `maxTextTokens`. */
export function cutTokens(tokenIds: readonly number[], maxTextTokens: number): readonly number[] {
  const mostTokens = maxTextTokens - 2;
  return tokenIds.length <= mostTokens ? tokenIds : tokenIds.slice(0, mostTokens);
}

/** Writes [CLS] tokens [SEP] and padding over a whole row; the tokens must fit. */
export function writeTextRow(
  tokenIds: readonly number[],
  specials: SpecialTokenIds,
  row: TextRow,
): void {
  const length = tokenIds.length + 2;
  row.tokenIds[0] = specials.cls;
  row.tokenIds.set(tokenIds, 1);
  row.tokenIds.fill(specials.separator, length - 1, length).fill(specials.pad, length);
  row.tokenMask.fill(1, 0, length).fill(0, length);
}
