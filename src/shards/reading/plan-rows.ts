import type { ByteRange } from "../arrow/batch-body.ts";
import type { LoadedHead } from "../shard-file.ts";
import type { ListedBatch } from "./split-table.ts";

/** The columns whose values are read one at a time; all others are a batch's head. */
export type ValueColumn = "picture_bytes" | "features" | "class_probabilities";

/** One value of a row and where it lies in the file. */
export interface PlannedValue {
  readonly row: number;
  readonly pictureIndex: number;
  readonly column: ValueColumn;
  readonly range: ByteRange;
}

/** The bytes of a batch that every row of it needs first: its metadata and small columns. */
export function planHead({ offset, headSizeBytes }: ListedBatch): ByteRange {
  return { offset, sizeBytes: headSizeBytes };
}

/**
 * Which bytes of the file hold the wanted columns of wanted rows of a batch whose head was read, in the order
 * of rows, pictures and columns. Throws `ArrowFormatError` when the head's offsets are impossible.
 */
export function planValues(
  head: LoadedHead,
  wanted: { readonly rows: readonly number[]; readonly columns: readonly ValueColumn[] },
): PlannedValue[] {
  return wanted.rows.flatMap((row) => {
    const regions = head.rows.regions(row);
    return Array.from({ length: head.rows.numStoredPictures(row) }, (_, pictureIndex) =>
      wanted.columns.flatMap((column): PlannedValue[] => {
        const found = regions?.[pictureIndex];
        const range = {
          picture_bytes: () => head.rows.pictureRange(row, pictureIndex),
          features: () => found?.features,
          class_probabilities: () => found?.classProbabilities,
        }[column]();
        if (range === undefined) return [];
        return [{ row, pictureIndex, column, range: inFile(head, range) }];
      }),
    ).flat();
  });
}

/** A range of a batch's body as a range of its file. */
export function inFile({ bodyOffset }: LoadedHead, { offset, sizeBytes }: ByteRange): ByteRange {
  return { offset: bodyOffset + offset, sizeBytes };
}
