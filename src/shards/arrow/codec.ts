import { isAscii } from "node:buffer";
import {
  ALL_VALID,
  type BodyBuilder,
  type BodyCursor,
  type ByteRange,
  type Validity,
} from "./batch-body.ts";
import type { ColumnType } from "./column-type.ts";
import { ArrowFormatError } from "./format-error.ts";

/** Rows of one column, decoded one at a time from the bytes of a batch. */
export interface ColumnView<V> {
  readonly numRows: number;
  isNull(row: number): boolean;
  /** The value of a row that is not null. */
  get(row: number): V;
}

/** How values become an Arrow column and back; `V` is what reading gives when it is not what was written. */
export interface Codec<T, V = T> {
  readonly type: ColumnType;
  /** What stands in the data buffers where a value is null. */
  readonly blank: T;
  readonly nullable: boolean;
  encode(values: readonly T[], body: BodyBuilder, validity?: Validity): void;
  /** `numRows` is how many rows the column must have, when that is known. */
  view(cursor: BodyCursor, numRows?: number, allowsNulls?: boolean): ColumnView<V>;
}

// A byte order mark at the start of a text belongs to the text.
const utf8Decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Well-formed Unicode text; writing or reading any other is an `ArrowFormatError`. */
export const utf8: Codec<string> = {
  type: { kind: "utf8" },
  blank: "",
  nullable: false,
  encode(values, body, validity = ALL_VALID) {
    const offsets = new Int32Array(values.length + 1);
    for (const [row, value] of values.entries()) {
      if (!value.isWellFormed()) {
        throw new ArrowFormatError(
          `the text ${JSON.stringify(value)} has half of a surrogate pair`,
        );
      }
      offsets[row + 1] = (offsets[row] ?? 0) + Buffer.byteLength(value);
    }
    const bytes = Buffer.alloc(offsets[values.length] ?? 0);
    for (const [row, value] of values.entries()) bytes.write(value, offsets[row] ?? 0);
    body.addNode(values.length, validity);
    body.addBuffer([bytesOf(offsets)]);
    body.addBuffer([bytes]);
  },
  view(cursor, expectedRows, allowsNulls = false) {
    const { numRows, numNulls, bitmap } = cursor.node(allowsNulls, expectedRows);
    const range = offsets32(cursor.bytes(), numRows);
    const found = cursor.bytes();
    const bytes = Buffer.from(found.buffer, found.byteOffset, found.byteLength);
    // Where all is ASCII, as in most columns, no text needs a decoder of its own.
    let isPlain: boolean | undefined;
    return {
      numRows,
      isNull: nullTest(numNulls, bitmap),
      get(row) {
        const [start, end] = range(row, bytes.byteLength);
        if (start === end) return "";
        isPlain ??= isAscii(bytes);
        return isPlain
          ? bytes.toString("latin1", start, end)
          : decodedText(bytes.subarray(start, end));
      },
    };
  },
};

function decodedText(bytes: Uint8Array): string {
  try {
    return utf8Decoder.decode(bytes);
  } catch {
    throw new ArrowFormatError("a text is not valid UTF-8");
  }
}

const readNumber = {
  int32: (data: DataView, position: number) => data.getInt32(position, true),
  float32: (data: DataView, position: number) => data.getFloat32(position, true),
};

/** Whole numbers of 32 bits; writing any other is an `ArrowFormatError`. */
export const int32: Codec<number> = numbers("int32", 4, (values) => {
  for (const value of values) {
    if (value !== (value | 0)) throw new ArrowFormatError(`${value} is not a 32-bit integer`);
  }
  return bytesOf(Int32Array.from(values));
});
/** Numbers rounded to 32-bit floats. */
export const float32: Codec<number> = numbers("float32", 4, (values) =>
  bytesOf(Float32Array.from(values)),
);

/** Bytes that stay in the file: reading gives their range in the body of the batch. */
export const largeBinary: Codec<Uint8Array, ByteRange> = {
  type: { kind: "large_binary" },
  blank: new Uint8Array(0),
  nullable: false,
  encode(values, body, validity = ALL_VALID) {
    const offsets = new BigInt64Array(values.length + 1);
    let end = 0;
    for (const [row, value] of values.entries()) {
      end += value.byteLength;
      offsets[row + 1] = BigInt(end);
    }
    body.addNode(values.length, validity);
    body.addBuffer([bytesOf(offsets)]);
    body.addLargeBuffer(values);
  },
  view(cursor, expectedRows, allowsNulls = false) {
    const { numRows, numNulls, bitmap } = cursor.node(allowsNulls, expectedRows);
    const offsets = viewOf(cursor.bytes(), numRows === 0 ? 0 : (numRows + 1) * 8);
    const values = cursor.range();
    return {
      numRows,
      isNull: nullTest(numNulls, bitmap),
      get(row) {
        const start = Number(offsets.getBigInt64(row * 8, true));
        const end = Number(offsets.getBigInt64(row * 8 + 8, true));
        checkRange(start, end, values.sizeBytes);
        return { offset: values.offset + start, sizeBytes: end - start };
      },
    };
  },
};

/** The bytes of a typed array. */
export function bytesOf(array: ArrayBufferView<ArrayBuffer>): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

function viewOf(bytes: Uint8Array, neededBytes: number): DataView {
  if (bytes.byteLength < neededBytes) {
    throw new ArrowFormatError(
      `a buffer of ${bytes.byteLength} bytes, its rows need ${neededBytes}`,
    );
  }
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The item range of a row, by 32-bit offsets; a column without rows may leave its offsets out. */
export function offsets32(
  bytes: Uint8Array,
  numRows: number,
): (row: number, limit: number) => readonly [number, number] {
  const offsets = viewOf(bytes, numRows === 0 ? 0 : (numRows + 1) * 4);
  return (row, limit) => {
    const start = offsets.getInt32(row * 4, true);
    const end = offsets.getInt32(row * 4 + 4, true);
    checkRange(start, end, limit);
    return [start, end];
  };
}

function checkRange(start: number, end: number, limit: number): void {
  if (start >= 0 && start <= end && end <= limit) return;
  throw new ArrowFormatError(`the offsets ${start} to ${end} do not lie in 0 to ${limit}`);
}

/** Tells which rows of a column are null. */
export function nullTest(numNulls: number, bitmap: Uint8Array): (row: number) => boolean {
  if (numNulls === 0) return () => false;
  return (row) => ((bitmap[row >>> 3] ?? 0) & (1 << (row & 7))) === 0;
}

function numbers(
  kind: "int32" | "float32",
  sizeBytes: number,
  encode: (values: readonly number[]) => Uint8Array,
): Codec<number> {
  const read = readNumber[kind];
  return {
    type: { kind },
    blank: 0,
    nullable: false,
    encode(values, body, validity = ALL_VALID) {
      body.addNode(values.length, validity);
      body.addBuffer([encode(values)]);
    },
    view(cursor, expectedRows, allowsNulls = false) {
      const { numRows, numNulls, bitmap } = cursor.node(allowsNulls, expectedRows);
      const data = viewOf(cursor.bytes(), numRows * sizeBytes);
      return {
        numRows,
        isNull: nullTest(numNulls, bitmap),
        get: (row) => read(data, row * sizeBytes),
      };
    },
  };
}
