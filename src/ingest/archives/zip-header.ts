import type { FileHandle } from "node:fs/promises";
import { createInflateRaw, inflateRawSync } from "node:zlib";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream";
import { errnoOf } from "../../core/errors.ts";
import { ArchiveFault } from "./archive-fault.ts";
import { readAt } from "./zip-end.ts";

/** The header that stands before a member's data. */
export interface LocalHeader {
  readonly flags: number;
  readonly method: number;
  readonly crc32: number;
  readonly packedBytes: number;
  readonly sizeBytes: number;
  readonly rawName: Buffer;
  readonly dataStart: number;
}

const SIGNATURE = 0x04034b50;
const HEADER_BYTES = 30;

/** The sizes and the checksum stand behind the data, not in the header. */
export const HAS_DESCRIPTOR = 0x8;
const IS_ENCRYPTED = 0x1;
/** A size that stands in the 64-bit extra field. */
export const SIZE_ELSEWHERE = 0xffffffff;

/** The local header at an offset; undefined when there is none. */
export async function readLocalHeader(
  file: FileHandle,
  offset: number,
): Promise<LocalHeader | undefined> {
  const fixed = await readAt(file, offset, HEADER_BYTES);
  if (fixed.readUInt32LE(0) !== SIGNATURE) return undefined;
  const nameBytes = fixed.readUInt16LE(26);
  return {
    flags: fixed.readUInt16LE(6),
    method: fixed.readUInt16LE(8),
    crc32: fixed.readUInt32LE(14),
    packedBytes: fixed.readUInt32LE(18),
    sizeBytes: fixed.readUInt32LE(22),
    rawName: await readAt(file, offset + HEADER_BYTES, nameBytes),
    dataStart: offset + HEADER_BYTES + nameBytes + fixed.readUInt16LE(28),
  };
}

const STORED = 0;
const DEFLATED = 8;
const METHOD_NAMES: Readonly<Record<number, string>> = {
  1: "Shrink",
  6: "Implode",
  9: "Deflate64",
  12: "bzip2",
  14: "LZMA",
  93: "Zstandard",
  95: "xz",
  97: "WavPack",
  98: "PPMd",
  99: "AES encryption",
};

/** Throws ArchiveFault `ARC_UNSUPPORTED`, naming the method, for members that cannot be unpacked here. */
export function requireReadable({
  flags,
  method,
}: {
  readonly flags: number;
  readonly method: number;
}): void {
  if (method !== STORED && method !== DEFLATED) {
    const name = METHOD_NAMES[method] ?? "unknown";
    const message = `it is packed by method ${method} (${name}); read are 0 (stored) and 8 (deflate)`;
    throw new ArchiveFault("ARC_UNSUPPORTED", message);
  }
  if ((flags & IS_ENCRYPTED) !== 0) throw new ArchiveFault("ARC_UNSUPPORTED", "it is encrypted");
}

/** The unpacked content of a member whose packed bytes lie at `start`. */
export async function* memberContent(
  file: FileHandle,
  place: { readonly start: number; readonly packedBytes: number; readonly method: number },
): AsyncGenerator<Buffer> {
  const { start, packedBytes, method } = place;
  if (packedBytes <= SMALL_BYTES) {
    const small = await smallContent(file, place);
    if (small !== undefined) return yield small;
  }
  const raw = file.createReadStream({ start, end: start + packedBytes - 1, autoClose: false });
  if (method === STORED) return yield* raw;
  const inflate = createInflateRaw();
  // The fault reaches the reader of the last stream; this callback has nothing to add.
  const unpacked: Readable = pipeline(raw, inflate, () => {});
  try {
    yield* unpacked;
  } catch (error) {
    throw asDataFault(error);
  }
  requireAllRead(inflate.bytesWritten, packedBytes);
}

const SMALL_BYTES = 2 ** 16;
const SMALL_UNPACKED_BYTES = 2 ** 20;

/** A small member's content at once, which is ten times as fast; undefined when it unpacks to much. */
async function smallContent(
  file: FileHandle,
  place: { readonly start: number; readonly packedBytes: number; readonly method: number },
): Promise<Buffer | undefined> {
  const packed = await readAt(file, place.start, place.packedBytes);
  if (place.method === STORED) return packed;
  try {
    const options = { maxOutputLength: SMALL_UNPACKED_BYTES, info: true };
    const { buffer, numRead } = inflated(inflateRawSync(packed, options));
    requireAllRead(numRead, place.packedBytes);
    return buffer;
  } catch (error) {
    if (errnoOf(error) === "ERR_BUFFER_TOO_LARGE") return undefined;
    throw asDataFault(error);
  }
}

/** What zlib gives with the option `info`, which its types leave out. */
function inflated(result: unknown): { readonly buffer: Buffer; readonly numRead: number } {
  if (typeof result !== "object" || result === null) throw new TypeError("zlib gives an object");
  const engine: unknown = "engine" in result ? result.engine : undefined;
  const buffer: unknown = "buffer" in result ? result.buffer : undefined;
  if (!Buffer.isBuffer(buffer) || typeof engine !== "object" || engine === null)
    throw new TypeError("zlib gives a buffer and its engine");
  const numRead: unknown = "bytesWritten" in engine ? engine.bytesWritten : undefined;
  return { buffer, numRead: Number(numRead) };
}

function asDataFault(error: unknown): unknown {
  if (errnoOf(error)?.startsWith("Z_") !== true) return error;
  return new ArchiveFault("ARC_CRC", "its packed data are damaged", error);
}

function requireAllRead(numRead: number, packedBytes: number): void {
  if (numRead === packedBytes) return;
  throw new ArchiveFault("ARC_CRC", "its packed data end before the archive says");
}
