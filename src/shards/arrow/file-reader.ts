import type { BatchBody, ByteRange } from "./batch-body.ts";
import type { Column, ColumnType } from "./column-type.ts";
import { FlatTable } from "./flatbuffer.ts";
import { ArrowFormatError } from "./format-error.ts";

export const MAGIC = "ARROW1";
/** A message starts with a continuation marker and the size of its metadata. */
const MESSAGE_PREFIX_BYTES = 8;
/** The footer's size and the magic word. */
const TAIL_BYTES = 4 + MAGIC.length;
const MAX_NESTING = 16;
// A schema may name one part a thousand times over, and that part another one.
const MAX_COLUMNS = 1000;
const MAX_METADATA_ENTRIES = 1000;
const RECORD_BATCH_MESSAGE = 3;
const BLOCK_WORDS = 3;

/** Where bytes come from: a file, memory, a server that answers range requests. */
export interface ByteSource {
  readonly sizeBytes: number;
  /**
   * Exactly these bytes, at once where they are at hand; a short read is an error. Memory for them may be
   * given in `into`, and is used or not.
   */
  read(range: ByteRange, into?: Uint8Array): Uint8Array | Promise<Uint8Array>;
  /** The same after the bytes turned out to be wrong, where another copy or another try may be better. */
  readAgain?(range: ByteRange): Promise<Uint8Array>;
}

/** A record batch's place in its file: its metadata (with prefix and padding), then its body. */
interface BatchBlock {
  readonly offset: number;
  readonly metadataSizeBytes: number;
  readonly bodySizeBytes: number;
}

export interface ArrowFooter {
  readonly columns: readonly Column[];
  readonly metadata: ReadonlyMap<string, string>;
  readonly batches: readonly BatchBlock[];
}

// A footer of ours has 6 KB; 10,000 batches would be 240 KB.
const LIKELY_FOOTER_BYTES = 16 * 2 ** 10;

/** Reads a file's footer: one read, or two when it is a large one, whatever the size of the file. */
export async function readFooter(source: ByteSource): Promise<ArrowFooter> {
  const smallest = TAIL_BYTES + MAGIC.length;
  if (source.sizeBytes < smallest) {
    throw new ArrowFormatError(`a file of ${source.sizeBytes} bytes, an Arrow file has more`);
  }
  const tailOffset = source.sizeBytes - TAIL_BYTES;
  const endSize = Math.min(source.sizeBytes, LIKELY_FOOTER_BYTES);
  const end = await source.read({ offset: source.sizeBytes - endSize, sizeBytes: endSize });
  const tail = Buffer.from(end.subarray(endSize - TAIL_BYTES));
  if (tail.toString("latin1", 4) !== MAGIC) {
    throw new ArrowFormatError("the file does not end as an Arrow file does; it is cut or damaged");
  }
  const sizeBytes = tail.readInt32LE(0);
  if (sizeBytes <= 0 || sizeBytes > tailOffset - MAGIC.length) {
    throw new ArrowFormatError(`the footer's size is given as ${sizeBytes} of ${tailOffset} bytes`);
  }
  const footerOffset = tailOffset - sizeBytes;
  const isWhole = sizeBytes + TAIL_BYTES <= endSize;
  const footer = isWhole
    ? end.subarray(endSize - TAIL_BYTES - sizeBytes, endSize - TAIL_BYTES)
    : await source.read({ offset: footerOffset, sizeBytes });
  return parseFooter(footer, footerOffset);
}

function parseFooter(bytes: Uint8Array, endOfBatches: number): ArrowFooter {
  const footer = FlatTable.root(bytes);
  const { start, end } = footer.structSpan(3, BLOCK_WORDS);
  const { columns, metadata } = schemaIn(Uint8Array.from(bytes).fill(0, start, end));
  return {
    columns,
    metadata,
    batches: footer.structs(3, BLOCK_WORDS).map((words) => parseBlock(words, endOfBatches)),
  };
}

type FooterSchema = Pick<ArrowFooter, "columns" | "metadata">;

/** Of footers of each length the one read last: the bytes beside its list of batches, and what they say. */
const latestSchemas = new Map<
  number,
  { readonly others: Uint8Array; readonly said: FooterSchema }
>();
const MAX_LENGTHS = 64;

/**
 * What a footer says of its file, from its bytes with zeros in the place of its list of batches. The shards of a split
 * say the same, and to read it is most of opening one.
 */
function schemaIn(others: Uint8Array): FooterSchema {
  const latest = latestSchemas.get(others.byteLength);
  if (latest !== undefined && Buffer.compare(latest.others, others) === 0) return latest.said;
  const said = parseSchema(FlatTable.root(others));
  if (latestSchemas.size === MAX_LENGTHS) latestSchemas.clear();
  latestSchemas.set(others.byteLength, { others, said });
  return said;
}

function parseSchema(footer: FlatTable): FooterSchema {
  const schema = footer.table(1);
  if (schema === undefined) throw new ArrowFormatError("the footer has no schema");
  if (schema.int16(0) !== 0) throw new ArrowFormatError("the file is big-endian");
  if (footer.structs(2, BLOCK_WORDS).length > 0) {
    throw new ArrowFormatError("the file has dictionaries, which shards never have");
  }
  if (schema.count(2) > MAX_METADATA_ENTRIES) {
    throw new ArrowFormatError(`the schema has ${schema.count(2)} entries of metadata`);
  }
  const budget = { numColumns: MAX_COLUMNS };
  return {
    columns: schema.tables(1).map((table) => parseColumn(table, budget)),
    metadata: new Map(schema.tables(2).map((entry) => [entry.text(0), entry.text(1)])),
  };
}

function parseBlock(words: readonly number[], end: number): BatchBlock {
  const [offset = 0, metadata = 0, bodySizeBytes = 0] = words;
  // The second word is an int32 and four bytes of padding.
  const metadataSizeBytes = Number(BigInt.asIntN(32, BigInt(metadata)));
  const isInside =
    offset >= MAGIC.length &&
    metadataSizeBytes >= MESSAGE_PREFIX_BYTES &&
    bodySizeBytes >= 0 &&
    offset + metadataSizeBytes + bodySizeBytes <= end;
  if (isInside) return { offset, metadataSizeBytes, bodySizeBytes };
  throw new ArrowFormatError(
    `a batch at byte ${offset} with ${metadataSizeBytes} + ${bodySizeBytes} bytes does not lie in the ${end} bytes before the footer`,
  );
}

/** `budget` counts down the columns that may still come. */
function parseColumn(field: FlatTable, budget: { numColumns: number }, depth = 0): Column {
  budget.numColumns -= 1;
  if (depth > MAX_NESTING || budget.numColumns < 0) {
    throw new ArrowFormatError("the schema is nested too deeply or has too many columns");
  }
  const children = field.tables(5).map((child) => parseColumn(child, budget, depth + 1));
  const type: ColumnType = field.has(4)
    ? { kind: "other", typeName: "dictionary" }
    : parseType(field, children);
  return { name: field.text(0), nullable: field.uint8(1) !== 0, type };
}

function parseType(field: FlatTable, children: readonly Column[]): ColumnType {
  const typeId = field.uint8(2);
  const parameters = field.table(3);
  const [item] = children;
  switch (typeId) {
    case 2:
      return parameters?.int32(0) === 32 && parameters.uint8(1) === 1
        ? { kind: "int32" }
        : { kind: "other", typeName: "int" };
    case 3:
      return floatType(parameters?.int16(0) ?? 0);
    case 5:
      return { kind: "utf8" };
    case 12:
      return item === undefined ? { kind: "other", typeName: "list" } : { kind: "list", item };
    case 13:
      return { kind: "struct", columns: children };
    case 16:
      return item === undefined
        ? { kind: "other", typeName: "fixed_size_list" }
        : { kind: "fixed_size_list", size: parameters?.int32(0) ?? 0, item };
    case 19:
      return { kind: "large_binary" };
    default:
      return { kind: "other", typeName: `arrow type ${typeId}` };
  }
}

function floatType(precision: number): ColumnType {
  return precision === 1 ? { kind: "float32" } : { kind: "other", typeName: "float" };
}

export interface BatchMessage extends BatchBody {
  readonly numRows: number;
  readonly metadataSizeBytes: number;
}

/** Parses a record batch from its first byte on; the body may be cut after any buffer. */
export function parseBatch(bytes: Uint8Array): BatchMessage {
  if (bytes.byteLength < MESSAGE_PREFIX_BYTES) {
    throw new ArrowFormatError(`a record batch of ${bytes.byteLength} bytes`);
  }
  const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const flatSizeBytes = data.getInt32(4, true);
  const metadataSizeBytes = MESSAGE_PREFIX_BYTES + flatSizeBytes;
  if (
    data.getUint32(0, true) !== 0xffffffff ||
    flatSizeBytes <= 0 ||
    metadataSizeBytes > bytes.byteLength
  ) {
    throw new ArrowFormatError("no record batch starts where the index says one does");
  }
  const message = FlatTable.root(bytes.subarray(MESSAGE_PREFIX_BYTES, metadataSizeBytes));
  const batch = message.table(2);
  if (message.uint8(1) !== RECORD_BATCH_MESSAGE || batch === undefined) {
    throw new ArrowFormatError("a message that is no record batch where one was expected");
  }
  if (batch.has(3)) throw new ArrowFormatError("the batch is compressed, which shards never are");
  return {
    numRows: batch.int64(0),
    nodes: batch.structs(1, 2).map(([numRows = 0, numNulls = 0]) => ({ numRows, numNulls })),
    buffers: batch.structs(2, 2).map(([offset = 0, sizeBytes = 0]) => ({ offset, sizeBytes })),
    sizeBytes: message.int64(3),
    metadataSizeBytes,
    bytes: bytes.subarray(metadataSizeBytes),
  };
}
