import { ArrowFormatError } from "./format-error.ts";

/** Buffers start at multiples of this, as Arrow recommends, so that readers can map them. */
const ALIGNMENT_BYTES = 64;

/** Arrow's "field node": the length of one (nested) column and how many of its values are null. */
export interface ColumnNode {
  readonly numRows: number;
  readonly numNulls: number;
}

/** A byte range; offsets are relative to the body of the record batch. */
export interface ByteRange {
  readonly offset: number;
  readonly sizeBytes: number;
}

export function alignedSize(sizeBytes: number): number {
  return Math.ceil(sizeBytes / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
}

/** The body of a record batch as it is written: parts that follow each other, each buffer padded to the alignment. */
export interface BuiltBody {
  readonly nodes: readonly ColumnNode[];
  /** In the order of the schema, wherever they lie. */
  readonly buffers: readonly ByteRange[];
  readonly parts: readonly Uint8Array[];
  /** How many bytes at the start hold every buffer but the large ones. */
  readonly headSizeBytes: number;
  readonly sizeBytes: number;
}

/**
 * Collects the columns of one record batch in the order in which the schema lists them. Large buffers are
 * laid behind all others, so that everything else is one contiguous read; a reader finds each by its offset.
 */
export class BodyBuilder {
  readonly #nodes: ColumnNode[] = [];
  readonly #buffers: { readonly pieces: readonly Uint8Array[]; readonly isLarge: boolean }[] = [];

  addNode(numRows: number, validity: Validity): void {
    this.#nodes.push({ numRows, numNulls: validity.numNulls });
    this.addBuffer([validity.bitmap]);
  }

  /** Adds one buffer, given in pieces that are written one after the other. */
  addBuffer(pieces: readonly Uint8Array[]): void {
    this.#buffers.push({ pieces, isLarge: false });
  }

  /** The same for a buffer whose values are read one at a time. */
  addLargeBuffer(pieces: readonly Uint8Array[]): void {
    this.#buffers.push({ pieces, isLarge: true });
  }

  build(): BuiltBody {
    const ranges = new Map<number, ByteRange>();
    const parts: Uint8Array[] = [];
    const lay = (wantsLarge: boolean, start: number): number => {
      let end = start;
      for (const [index, { pieces, isLarge }] of this.#buffers.entries()) {
        if (isLarge !== wantsLarge) continue;
        const sizeBytes = pieces.reduce((sum, piece) => sum + piece.byteLength, 0);
        ranges.set(index, { offset: end, sizeBytes });
        const padding = new Uint8Array(alignedSize(sizeBytes) - sizeBytes);
        parts.push(...pieces, padding);
        end += sizeBytes + padding.byteLength;
      }
      return end;
    };
    const headSizeBytes = lay(false, 0);
    const sizeBytes = lay(true, headSizeBytes);
    const buffers = this.#buffers.flatMap((_, index) => ranges.get(index) ?? []);
    return {
      nodes: this.#nodes,
      buffers,
      parts: parts.filter((part) => part.byteLength > 0),
      headSizeBytes,
      sizeBytes,
    };
  }
}

/** Which values of a column are null; an empty bitmap says none. */
export interface Validity {
  readonly numNulls: number;
  readonly bitmap: Uint8Array;
}

export const ALL_VALID: Validity = { numNulls: 0, bitmap: new Uint8Array(0) };

export function validityOf(values: readonly unknown[]): Validity {
  const bitmap = new Uint8Array(Math.ceil(values.length / 8));
  let numNulls = 0;
  for (const [index, value] of values.entries()) {
    if (value === null) numNulls += 1;
    else bitmap[index >>> 3] = (bitmap[index >>> 3] ?? 0) | (1 << (index & 7));
  }
  return numNulls === 0 ? ALL_VALID : { numNulls, bitmap };
}

/** What the metadata of a record batch says of its body, and as much of the body as was read. */
export interface BatchBody {
  readonly nodes: readonly ColumnNode[];
  readonly buffers: readonly ByteRange[];
  readonly sizeBytes: number;
  /** The first bytes of the body, at least up to the last buffer. */
  readonly bytes: Uint8Array;
}

/** Hands out the nodes and buffers of a record batch in order, each checked against the bytes that are there. */
export class BodyCursor {
  readonly #body: BatchBody;
  #nextNode = 0;
  #nextBuffer = 0;

  constructor(body: BatchBody) {
    this.#body = body;
  }

  /** The next node with its validity bitmap; `numRows`, when given, is how many rows it must have. */
  node(allowsNulls: boolean, numRows?: number): ColumnNode & { readonly bitmap: Uint8Array } {
    const node = this.#body.nodes[this.#nextNode];
    if (node === undefined)
      throw new ArrowFormatError("the batch has fewer columns than its schema");
    this.#nextNode += 1;
    const bitmap = this.bytes();
    if (node.numRows < 0 || (numRows !== undefined && node.numRows !== numRows)) {
      throw new ArrowFormatError(
        `a column has ${node.numRows} rows, expected ${numRows ?? "0 or more"}`,
      );
    }
    if (node.numNulls !== 0 && !allowsNulls) {
      throw new ArrowFormatError(`a column that allows none has ${node.numNulls} nulls`);
    }
    if (node.numNulls !== 0 && bitmap.byteLength * 8 < node.numRows) {
      throw new ArrowFormatError(
        `a validity bitmap of ${bitmap.byteLength} bytes for ${node.numRows} rows`,
      );
    }
    return { ...node, bitmap };
  }

  /** The next buffer, wholly inside the bytes that were read. */
  bytes(): Uint8Array {
    const { offset, sizeBytes } = this.range();
    if (offset + sizeBytes > this.#body.bytes.byteLength) {
      throw new ArrowFormatError(
        `a buffer ends at byte ${offset + sizeBytes}, past the ${this.#body.bytes.byteLength} that were read`,
      );
    }
    return this.#body.bytes.subarray(offset, offset + sizeBytes);
  }

  /** The next buffer's place in the body; its bytes need not have been read. */
  range(): ByteRange {
    const range = this.#body.buffers[this.#nextBuffer];
    if (range === undefined)
      throw new ArrowFormatError("the batch has fewer buffers than its schema");
    this.#nextBuffer += 1;
    const isInside =
      range.offset >= 0 &&
      range.sizeBytes >= 0 &&
      range.offset + range.sizeBytes <= this.#body.sizeBytes;
    if (isInside) return range;
    throw new ArrowFormatError(
      `a buffer spans bytes ${range.offset} to ${range.offset + range.sizeBytes} of a body of ${this.#body.sizeBytes}`,
    );
  }

  /** Says that every column has been read. */
  end(): void {
    const extra =
      this.#body.nodes.length - this.#nextNode + this.#body.buffers.length - this.#nextBuffer;
    if (extra !== 0)
      throw new ArrowFormatError(`the batch has ${extra} columns or buffers too many`);
  }
}
