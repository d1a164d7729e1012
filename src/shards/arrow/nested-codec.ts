import { ALL_VALID, type BodyBuilder, type BodyCursor, validityOf } from "./batch-body.ts";
import { bytesOf, type Codec, type ColumnView, nullTest, offsets32 } from "./codec.ts";
import type { Column } from "./column-type.ts";
import { ArrowFormatError } from "./format-error.ts";

const NOTHING: readonly never[] = [];

/** A list with 32-bit offsets; one of more than `maxItems` is an `ArrowFormatError`. */
export function list<T, V>(item: Codec<T, V>, maxItems: number = Infinity): ListCodec<T, V> {
  const refuseMore = (numItems: number): void => {
    if (numItems <= maxItems) return;
    throw new ArrowFormatError(`a list of ${numItems} items, at most ${maxItems} are allowed`);
  };
  return {
    type: { kind: "list", item: columnOf("item", item) },
    blank: [],
    nullable: false,
    encode(values, body, validity = ALL_VALID) {
      const offsets = new Int32Array(values.length + 1);
      for (const [row, value] of values.entries()) {
        refuseMore(value.length);
        offsets[row + 1] = (offsets[row] ?? 0) + value.length;
      }
      body.addNode(values.length, validity);
      body.addBuffer([bytesOf(offsets)]);
      item.encode(flattened(values), body);
    },
    view(cursor, expectedRows, allowsNulls = false) {
      const { numRows, numNulls, bitmap } = cursor.node(allowsNulls, expectedRows);
      const range = offsets32(cursor.bytes(), numRows);
      const items = item.view(cursor);
      return {
        numRows,
        isNull: nullTest(numNulls, bitmap),
        get(row) {
          const [start, end] = range(row, items.numRows);
          if (start === end) return NOTHING; // as most lists of a text are
          refuseMore(end - start);
          const values: V[] = [];
          for (let index = start; index < end; index += 1) values.push(items.get(index));
          return values;
        },
        item(row, index) {
          const [start, end] = range(row, items.numRows);
          return index >= 0 && start + index < end ? items.get(start + index) : undefined;
        },
        numItems(row) {
          const [start, end] = range(row, items.numRows);
          return end - start;
        },
      };
    },
  };
}

export interface ListCodec<T, V> extends Codec<readonly T[], readonly V[]> {
  view(cursor: BodyCursor, numRows?: number, allowsNulls?: boolean): ListView<V>;
}

interface ListView<V> extends ColumnView<readonly V[]> {
  /** One item of a row, or undefined past its end. */
  item(row: number, index: number): V | undefined;
  numItems(row: number): number;
}

/** A list of always the same length. */
export function fixedSizeList<T, V>(
  item: Codec<T, V>,
  size: number,
): Codec<readonly T[], readonly V[]> {
  return {
    type: { kind: "fixed_size_list", size, item: columnOf("item", item) },
    blank: Array.from({ length: size }, () => item.blank),
    nullable: false,
    encode(values, body, validity = ALL_VALID) {
      body.addNode(values.length, validity);
      item.encode(flattened(values), body);
    },
    view(cursor, expectedRows, allowsNulls = false) {
      const { numRows, numNulls, bitmap } = cursor.node(allowsNulls, expectedRows);
      const items = item.view(cursor, numRows * size);
      return {
        numRows,
        isNull: nullTest(numNulls, bitmap),
        get: (row) => Array.from({ length: size }, (_, index) => items.get(row * size + index)),
      };
    },
  };
}

/** A column whose values may be null. */
export function nullable<T, V>(codec: Codec<T, V>): Codec<T | null, V | null> {
  return {
    type: codec.type,
    blank: null,
    nullable: true,
    encode(values, body) {
      const validity = validityOf(values);
      codec.encode(
        values.map((value) => value ?? codec.blank),
        body,
        validity,
      );
    },
    view(cursor, numRows) {
      const view = codec.view(cursor, numRows, true);
      return {
        numRows: view.numRows,
        isNull: () => false,
        get: (row) => (view.isNull(row) ? null : view.get(row)),
      };
    },
  };
}

/** One named column of a struct or of the rows of a file. */
export interface FieldCodec<T> {
  readonly column: Column;
  encode(rows: readonly T[], body: BodyBuilder): void;
}

/** A column of rows `T` that takes its values from `value`. */
export function field<T, M>(
  name: string,
  codec: Codec<M, unknown>,
  value: (row: T) => M,
): FieldCodec<T> {
  return {
    column: columnOf(name, codec),
    encode(rows, body) {
      codec.encode(
        rows.map((row) => value(row)),
        body,
      );
    },
  };
}

/** A struct; `view` reads its fields from the cursor in the same order as `fields` lists them. */
export function struct<T, V = T>(options: {
  fields: readonly FieldCodec<T>[];
  blank: T;
  view: (cursor: BodyCursor, numRows: number) => (row: number) => V;
}): Codec<T, V> {
  return {
    type: { kind: "struct", columns: options.fields.map((member) => member.column) },
    blank: options.blank,
    nullable: false,
    encode(values, body, validity = ALL_VALID) {
      body.addNode(values.length, validity);
      for (const member of options.fields) member.encode(values, body);
    },
    view(cursor, expectedRows, allowsNulls = false) {
      const { numRows, numNulls, bitmap } = cursor.node(allowsNulls, expectedRows);
      return {
        numRows,
        isNull: nullTest(numNulls, bitmap),
        get: options.view(cursor, numRows),
      };
    },
  };
}

function columnOf(name: string, codec: Pick<Codec<never>, "type" | "nullable">): Column {
  return { name, nullable: codec.nullable, type: codec.type };
}

function flattened<T>(lists: readonly (readonly T[])[]): T[] {
  const items: T[] = [];
  for (const values of lists) for (const value of values) items.push(value);
  return items;
}
