import { ArrowFormatError } from "./format-error.ts";

const SIZE_OF_OFFSET = 4;
// Names and metadata are short; a damaged file may point at one long text from a thousand places.
const MAX_TEXT_BYTES = 64 * 2 ** 10;
const MAX_SAFE = BigInt(Number.MAX_SAFE_INTEGER);

/**
 * One table of a FlatBuffers message, read without copying. Every position is checked against the
 * buffer, so that damaged or hostile metadata ends in an `ArrowFormatError`, never in a wrong read.
 */
export class FlatTable {
  readonly #data: DataView;
  readonly #start: number;
  readonly #vtable: number;
  readonly #vtableSize: number;

  private constructor(data: DataView, start: number) {
    this.#data = data;
    this.#start = start;
    this.#vtable = start - data.getInt32(checked(data, start, SIZE_OF_OFFSET), true);
    this.#vtableSize = data.getUint16(checked(data, this.#vtable, 2), true);
    checked(data, this.#vtable, this.#vtableSize);
  }

  /** The root table of a message. */
  static root(bytes: Uint8Array): FlatTable {
    const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return new FlatTable(data, data.getUint32(checked(data, 0, SIZE_OF_OFFSET), true));
  }

  /** The number of elements of a vector. */
  count(slot: number): number {
    const start = this.#target(slot);
    if (start === undefined) return 0;
    return this.#data.getUint32(checked(this.#data, start, SIZE_OF_OFFSET), true);
  }

  has(slot: number): boolean {
    return this.#position(slot, 1) !== undefined;
  }

  uint8(slot: number): number {
    const position = this.#position(slot, 1);
    return position === undefined ? 0 : this.#data.getUint8(position);
  }

  int16(slot: number): number {
    const position = this.#position(slot, 2);
    return position === undefined ? 0 : this.#data.getInt16(position, true);
  }

  int32(slot: number): number {
    const position = this.#position(slot, 4);
    return position === undefined ? 0 : this.#data.getInt32(position, true);
  }

  int64(slot: number): number {
    const position = this.#position(slot, 8);
    return position === undefined ? 0 : wholeNumber(this.#data, position);
  }

  text(slot: number): string {
    const start = this.#target(slot);
    if (start === undefined) return "";
    const length = this.#data.getUint32(checked(this.#data, start, SIZE_OF_OFFSET), true);
    const from = checked(this.#data, start + SIZE_OF_OFFSET, length);
    if (length > MAX_TEXT_BYTES) {
      throw new ArrowFormatError(`the metadata holds a word of ${length} bytes`);
    }
    return Buffer.from(this.#data.buffer, this.#data.byteOffset + from, length).toString("utf8");
  }

  table(slot: number): FlatTable | undefined {
    const start = this.#target(slot);
    return start === undefined ? undefined : new FlatTable(this.#data, start);
  }

  tables(slot: number): FlatTable[] {
    return this.#elements(slot, SIZE_OF_OFFSET).map((position) => {
      return new FlatTable(this.#data, position + this.#data.getUint32(position, true));
    });
  }

  /** The 64-bit words of a vector of structs, `numWords` for each struct. */
  structs(slot: number, numWords: number): number[][] {
    return this.#elements(slot, numWords * 8).map((position) =>
      Array.from({ length: numWords }, (_, word) => wholeNumber(this.#data, position + word * 8)),
    );
  }

  /** Where the elements of a vector of structs of `numWords` 64-bit words begin and end. */
  structSpan(slot: number, numWords: number): { readonly start: number; readonly end: number } {
    const start = this.#target(slot);
    if (start === undefined) return { start: 0, end: 0 };
    const sizeBytes = this.count(slot) * numWords * 8;
    const first = checked(this.#data, start + SIZE_OF_OFFSET, sizeBytes);
    return { start: first, end: first + sizeBytes };
  }

  #elements(slot: number, elementSize: number): number[] {
    const start = this.#target(slot);
    if (start === undefined) return [];
    const count = this.count(slot);
    const first = checked(this.#data, start + SIZE_OF_OFFSET, count * elementSize);
    return Array.from({ length: count }, (_, index) => first + index * elementSize);
  }

  #target(slot: number): number | undefined {
    const position = this.#position(slot, SIZE_OF_OFFSET);
    return position === undefined ? undefined : position + this.#data.getUint32(position, true);
  }

  #position(slot: number, sizeBytes: number): number | undefined {
    const entry = 4 + slot * 2;
    if (entry + 2 > this.#vtableSize) return undefined;
    const offset = this.#data.getUint16(this.#vtable + entry, true);
    return offset === 0 ? undefined : checked(this.#data, this.#start + offset, sizeBytes);
  }
}

function checked(data: DataView, position: number, sizeBytes: number): number {
  if (position < 0 || sizeBytes < 0 || position + sizeBytes > data.byteLength) {
    throw new ArrowFormatError(
      `the metadata points at bytes ${position} to ${position + sizeBytes} of ${data.byteLength}`,
    );
  }
  return position;
}

function wholeNumber(data: DataView, position: number): number {
  const value = data.getBigInt64(checked(data, position, 8), true);
  if (value > MAX_SAFE || value < -MAX_SAFE) {
    throw new ArrowFormatError(`the metadata holds the impossible size ${value}`);
  }
  return Number(value);
}
