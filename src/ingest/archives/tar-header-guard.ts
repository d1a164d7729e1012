import { Transform, type TransformCallback } from "node:stream";
import { ArchiveFault } from "./archive-fault.ts";

const BLOCK_BYTES = 512;
const SIZE_FIELD = { start: 124, end: 136 } as const;
const TYPE_FIELD = 156;
/** Long names and extended headers, which a reader keeps in memory as a whole. */
const KEPT_TYPES: ReadonlySet<string> = new Set(["x", "g", "L", "K"]);
const MAX_KEPT_BYTES = 2 ** 20;

/** Passes a tar on, unless one of the headers that a reader keeps in memory is too large for that. */
export class TarHeaderGuard extends Transform {
  #header = Buffer.alloc(0);
  #numToSkip = 0;

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    try {
      this.#walk(chunk);
      done(null, chunk);
    } catch (error) {
      done(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #walk(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      const skipped = Math.min(this.#numToSkip, chunk.length - at);
      this.#numToSkip -= skipped;
      at += skipped;
      const rest = chunk.subarray(at, at + BLOCK_BYTES - this.#header.length);
      this.#header = Buffer.concat([this.#header, rest]);
      at += rest.length;
      if (this.#header.length === BLOCK_BYTES) this.#readHeader();
    }
  }

  #readHeader(): void {
    const header = this.#header;
    this.#header = Buffer.alloc(0);
    const sizeBytes = sizeIn(header.subarray(SIZE_FIELD.start, SIZE_FIELD.end));
    const type = String.fromCharCode(header[TYPE_FIELD] ?? 0);
    if (KEPT_TYPES.has(type) && sizeBytes > MAX_KEPT_BYTES)
      throw new ArchiveFault("ARC_BOMB", `a header of the archive has ${sizeBytes} bytes`);
    this.#numToSkip = Math.ceil(sizeBytes / BLOCK_BYTES) * BLOCK_BYTES;
  }
}

function sizeIn(field: Buffer): number {
  const isBinary = ((field[0] ?? 0) & 0x80) !== 0;
  if (isBinary) return field.readUIntBE(field.length - 6, 6);
  const digits = /^[\s\0]*([0-7]*)/.exec(field.toString("latin1"))?.[1] ?? "";
  return digits === "" ? 0 : Number.parseInt(digits, 8);
}
