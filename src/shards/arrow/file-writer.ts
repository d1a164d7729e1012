import { createHash } from "node:crypto";
import type { Schema } from "apache-arrow";
import { FileBlock, Footer } from "apache-arrow/ipc/metadata/file";
import { BufferRegion, FieldNode, Message, RecordBatch } from "apache-arrow/ipc/metadata/message";
import { alignedSize, BodyBuilder } from "./batch-body.ts";
import { arrowSchema } from "./arrow-schema.ts";
import type { FieldCodec } from "./nested-codec.ts";
import { MAGIC } from "./file-reader.ts";

const CONTINUATION = 0xffffffff;

export interface WrittenBatch {
  readonly offset: number;
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly numRows: number;
  /** The first bytes of the batch: everything but the values of its binary columns. */
  readonly headSizeBytes: number;
  readonly headSha256: string;
}

export interface WrittenFile {
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly batches: readonly WrittenBatch[];
}

/** Encodes rows as one record batch: its message with the metadata, then the buffers. */
export class EncodedBatch {
  readonly numRows: number;
  readonly parts: readonly Uint8Array[];
  readonly metadataSizeBytes: number;
  readonly bodySizeBytes: number;
  readonly headSizeBytes: number;

  constructor(numRows: number, encode: (body: BodyBuilder) => void) {
    const builder = new BodyBuilder();
    encode(builder);
    const body = builder.build();
    const header = new RecordBatch(
      numRows,
      body.nodes.map((node) => new FieldNode(node.numRows, node.numNulls)),
      body.buffers.map((buffer) => new BufferRegion(buffer.offset, buffer.sizeBytes)),
      null,
    );
    const metadata = framed(Message.encode(Message.from(header, body.sizeBytes)));
    this.numRows = numRows;
    this.parts = [metadata, ...body.parts];
    this.metadataSizeBytes = metadata.byteLength;
    this.bodySizeBytes = body.sizeBytes;
    this.headSizeBytes = metadata.byteLength + body.headSizeBytes;
  }

  get sizeBytes(): number {
    return this.metadataSizeBytes + this.bodySizeBytes;
  }
}

export function encodeBatch<T>(rows: readonly T[], fields: readonly FieldCodec<T>[]): EncodedBatch {
  return new EncodedBatch(rows.length, (body) => {
    for (const field of fields) field.encode(rows, body);
  });
}

/** Where the bytes of a file go: a `FileHandle`, or memory. */
export interface ArrowSink {
  writev(parts: readonly Uint8Array[]): Promise<{ readonly bytesWritten: number }>;
  sync(): Promise<void>;
}

/**
 * Writes an Arrow IPC file batch by batch through a file handle: each write is awaited before the
 * next batch is taken, so that a slow disk slows the caller and no more than one batch is in memory.
 */
export class ArrowFileWriter {
  readonly #file: ArrowSink;
  readonly #schema: Schema;
  readonly #hash = createHash("sha256");
  readonly #batches: WrittenBatch[] = [];
  readonly #blocks: FileBlock[] = [];
  #sizeBytes = 0;

  private constructor(file: ArrowSink, schema: Schema) {
    this.#file = file;
    this.#schema = schema;
  }

  /** Starts a file at the handle's position 0. */
  static async start(
    file: ArrowSink,
    fields: readonly FieldCodec<never>[],
    metadata: ReadonlyMap<string, string>,
  ): Promise<ArrowFileWriter> {
    const schema = arrowSchema(
      fields.map((field) => field.column),
      metadata,
    );
    const writer = new ArrowFileWriter(file, schema);
    const magic = Buffer.alloc(8);
    magic.write(MAGIC, "latin1");
    await writer.#write([magic, framed(Message.encode(Message.from(schema)), magic.byteLength)]);
    return writer;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  get numBatches(): number {
    return this.#batches.length;
  }

  async write(batch: EncodedBatch): Promise<void> {
    const offset = this.#sizeBytes;
    this.#blocks.push(new FileBlock(batch.metadataSizeBytes, batch.bodySizeBytes, offset));
    this.#batches.push({
      offset,
      sizeBytes: batch.sizeBytes,
      numRows: batch.numRows,
      headSizeBytes: batch.headSizeBytes,
      ...digestsOf(batch),
    });
    await this.#write(batch.parts);
  }

  /** Writes the footer and makes the file durable. */
  async finish(): Promise<WrittenFile> {
    const endOfStream = Buffer.alloc(8);
    endOfStream.writeUInt32LE(CONTINUATION, 0);
    const footer = Footer.encode(new Footer(this.#schema, undefined, this.#blocks, []));
    const tail = Buffer.alloc(4 + MAGIC.length);
    tail.writeInt32LE(footer.byteLength, 0);
    tail.write(MAGIC, 4, "latin1");
    await this.#write([endOfStream, footer, tail]);
    await this.#file.sync();
    return {
      sizeBytes: this.#sizeBytes,
      sha256: this.#hash.digest("hex"),
      batches: this.#batches,
    };
  }

  async #write(parts: readonly Uint8Array[]): Promise<void> {
    for (const part of parts) {
      this.#hash.update(part);
      this.#sizeBytes += part.byteLength;
    }
    await writeAll(this.#file, parts);
  }
}

// A full disk shows as a short write; only the write after it fails with the reason.
async function writeAll(file: ArrowSink, parts: readonly Uint8Array[]): Promise<void> {
  let rest = parts.filter((part) => part.byteLength > 0);
  while (rest.length > 0) {
    let { bytesWritten } = await file.writev(rest);
    rest = rest.flatMap((part) => {
      const numSkipped = Math.min(bytesWritten, part.byteLength);
      bytesWritten -= numSkipped;
      return numSkipped === part.byteLength ? [] : [part.subarray(numSkipped)];
    });
  }
}

/** The digest of all bytes of a batch. */
export function sha256OfBatch(batch: EncodedBatch): string {
  return digestsOf(batch).sha256;
}

function digestsOf(batch: EncodedBatch): { sha256: string; headSha256: string } {
  const whole = createHash("sha256");
  let headSha256: string | undefined;
  let position = 0;
  for (const part of batch.parts) {
    if (position === batch.headSizeBytes) headSha256 ??= whole.copy().digest("hex");
    whole.update(part);
    position += part.byteLength;
  }
  headSha256 ??= whole.copy().digest("hex");
  return { sha256: whole.digest("hex"), headSha256 };
}

/** A message's metadata with prefix and padding, so that what follows is aligned in the file. */
function framed(metadata: Uint8Array, offset = 0): Buffer {
  const sizeBytes = alignedSize(offset + 8 + metadata.byteLength) - offset;
  const message = Buffer.alloc(sizeBytes);
  message.writeUInt32LE(CONTINUATION, 0);
  message.writeInt32LE(sizeBytes - 8, 4);
  message.set(metadata, 8);
  return message;
}
