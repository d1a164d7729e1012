import type { EqualRows, LoadedRows, NearPairs } from "./pair-list.ts";
import { PairList } from "./pair-list.ts";
import type { Block } from "./search-blocks.ts";

/** For rows that stand for equal ones of their part: the first row of all that is equal, where it is another. */
type FirstRows = ReadonlyMap<number, number>;

/** The blocks of the search of one file as if it had not been searched in parts. */
export function joinBlocks(
  blocks: readonly Block[],
  numRows: number,
): { readonly rows: LoadedRows; readonly pairs: NearPairs } {
  const first = firstOfParts(blocks);
  const equal = joinGroups(blocks, first);
  const numRepeated = equal.reduce((sum, rows) => sum + rows.length - 1, 0);
  return {
    rows: { numRows, numDistinct: numRows - numRepeated, equal },
    pairs: joinPairs(blocks, { left: first, right: first, keepEqual: false }),
  };
}

/** The same for two files; `first` tells the first row of the right file that is equal to one of a later part. */
export function joinPassing(
  blocks: readonly Block[],
  first: FirstRows,
): { readonly equalRight: readonly EqualRows[]; readonly pairs: NearPairs } {
  return {
    equalRight: joinGroups(blocks, first),
    pairs: joinPairs(blocks, { left: new Map(), right: first, keepEqual: true }),
  };
}

// Each part is compared with all earlier ones, so that a row meets the very first that is equal to it.
function firstOfParts(blocks: readonly Block[]): FirstRows {
  const first = new Map<number, number>();
  for (const { pairs } of blocks) {
    for (const [at, distance] of pairs.distance.entries()) {
      if (distance !== 0) continue;
      const [left = 0, right = 0] = [pairs.left[at], pairs.right[at]];
      first.set(right, Math.min(left, first.get(right) ?? left));
    }
  }
  return first;
}

function joinGroups(blocks: readonly Block[], first: FirstRows): readonly EqualRows[] {
  const groups = new Map<number, Set<number>>();
  const put = (representative: number, rows: Iterable<number>): void => {
    const firstRow = first.get(representative) ?? representative;
    const known = groups.get(firstRow) ?? new Set([firstRow]);
    groups.set(firstRow, known);
    for (const row of rows) known.add(row);
  };
  for (const representative of first.keys()) put(representative, [representative]);
  for (const { equal } of blocks) {
    for (const rows of equal) put(rows[0] ?? 0, rows);
  }
  return [...groups]
    .toSorted(([one], [other]) => one - other)
    .map(([, rows]) => Uint32Array.from(rows).toSorted());
}

function joinPairs(
  blocks: readonly Block[],
  join: { readonly left: FirstRows; readonly right: FirstRows; readonly keepEqual: boolean },
): NearPairs {
  const list = new PairList(blocks.reduce((sum, { pairs }) => sum + pairs.left.length, 0));
  for (const { pairs } of blocks) {
    for (const [at, distance] of pairs.distance.entries()) {
      if (distance === 0 && !join.keepEqual) continue;
      const [left = 0, right = 0] = [pairs.left[at], pairs.right[at]];
      const [one, other] = [join.left.get(left) ?? left, join.right.get(right) ?? right];
      if (join.keepEqual) list.add(one, other, distance);
      else list.add(Math.min(one, other), Math.max(one, other), distance);
    }
  }
  return list.sorted();
}
