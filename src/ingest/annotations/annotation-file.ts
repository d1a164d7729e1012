import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream";
import { createGunzip } from "node:zlib";
import { errnoOf, SourceError } from "../../core/errors.ts";
import { onlyMemberOf } from "./zip-member.ts";

/** A published file as it lies in the source folder. */
export interface AnnotationFile {
  /** Path below the source folder, with forward slashes and with ".gz" or ".zip" when it has that. */
  readonly path: string;
  readonly absolutePath: string;
}

/** What names a file's content in a set's index. */
export interface FileDigest {
  readonly file: string;
  readonly sizeBytes: number;
  /** Of the file as it lies there (compressed, if it is), lower-case hex. */
  readonly sha256: string;
}

const CHUNK_BYTES = 2 ** 18;

/** The file of this name, or else the one with ".gz" or ".zip" after it; undefined when there is none. */
export async function findAnnotationFile(
  sourceFolder: string,
  path: string,
): Promise<AnnotationFile | undefined> {
  for (const candidate of [path, `${path}.gz`, `${path}.zip`]) {
    const absolutePath = join(sourceFolder, candidate);
    if (await isRegularFile(absolutePath)) return { path: candidate, absolutePath };
  }
  return undefined;
}

async function isRegularFile(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === "ENOENT" || errno === "ENOTDIR") return false;
    throw new SourceError(`${path}: cannot be looked at (${errno ?? "unknown fault"})`, {
      file: path,
      remedy: "make it readable for this user",
      cause: error,
    });
  }
}

/** The content of an annotation file, in pieces. */
export interface AnnotationContent {
  readonly file: AnnotationFile;
  chunks(): AsyncGenerator<Buffer>;
}

/**
 * One pass over a file's content, unpacked if it is packed and without a byte order mark. The digest
 * of the file is taken on the way, so that a file of many gigabytes is read once.
 */
export class AnnotationReader implements AnnotationContent {
  readonly file: AnnotationFile;
  readonly #hash = createHash("sha256");
  readonly #signal: AbortSignal | undefined;
  #sizeBytes = 0;
  #markBytes = 0;
  #digest: FileDigest | undefined;

  constructor(file: AnnotationFile, signal?: AbortSignal) {
    this.file = file;
    this.#signal = signal;
  }

  /** The digest; there is one once `chunks` has come to its end. */
  get digest(): FileDigest {
    if (this.#digest === undefined) throw new Error(`${this.file.path} was not read to its end`);
    return this.#digest;
  }

  /** How many bytes of a byte order mark were left out before the content. */
  get markBytes(): number {
    return this.#markBytes;
  }

  /** The content in pieces. Throws SourceError for an unreadable, damaged or UTF-16 file. */
  async *chunks(): AsyncGenerator<Buffer> {
    let isFirst = true;
    try {
      for await (const chunk of this.#unpacked()) {
        const piece = isFirst ? withoutByteOrderMark(this.file, chunk) : chunk;
        if (isFirst) this.#markBytes = chunk.length - piece.length;
        isFirst = false;
        yield piece;
      }
    } catch (error) {
      this.#signal?.throwIfAborted();
      throw asSourceError(this.file, error);
    }
    const sha256 = this.#hash.digest("hex");
    this.#digest = { file: this.file.path, sizeBytes: this.#sizeBytes, sha256 };
  }

  async *#unpacked(): AsyncGenerator<Buffer> {
    const raw = createReadStream(this.file.absolutePath, {
      highWaterMark: CHUNK_BYTES,
      signal: this.#signal,
    });
    if (this.file.path.endsWith(".zip")) {
      await finished(this.#hashed(raw));
      return yield* onlyMemberOf(this.file);
    }
    if (!this.file.path.endsWith(".gz")) return yield* this.#hashed(raw);
    const unpacked = pipeline(
      raw,
      (chunks: AsyncIterable<Buffer>) => this.#hashed(chunks),
      createGunzip({ chunkSize: CHUNK_BYTES }),
      // The fault reaches the reader of the last stream; this callback has nothing to add.
      () => {},
    );
    return yield* unpacked;
  }

  async *#hashed(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of chunks) {
      this.#hash.update(chunk);
      this.#sizeBytes += chunk.length;
      yield chunk;
    }
  }
}

async function finished(chunks: AsyncIterable<Buffer>): Promise<void> {
  for await (const _ of chunks);
}

/** The lines of a text file, without their ends; an empty last line is left out. */
export async function readLines(reader: AnnotationReader): Promise<string[]> {
  const chunks = await Array.fromAsync(reader.chunks());
  const lines = Buffer.concat(chunks).toString("utf8").split(/\r?\n/);
  return lines.at(-1) === "" ? lines.slice(0, -1) : lines;
}

/** Line and column (from 1, in bytes) of an offset in the unpacked content; reads the file again. */
export async function placeOfByte(
  file: AnnotationFile,
  byteOffset: number,
): Promise<{ line: number; column: number }> {
  let line = 1;
  let lineStart = 0;
  let offset = 0;
  for await (const chunk of new AnnotationReader(file).chunks()) {
    const end = Math.min(chunk.length, byteOffset - offset);
    for (let at = chunk.indexOf(0x0a); at !== -1 && at < end; at = chunk.indexOf(0x0a, at + 1)) {
      line += 1;
      lineStart = offset + at + 1;
    }
    offset += chunk.length;
    if (offset > byteOffset) break;
  }
  return { line, column: byteOffset - lineStart + 1 };
}

/** Bytes of a file's beginning as text that is safe on a terminal. */
export function escapedBytes(bytes: Uint8Array, count: number): string {
  return JSON.stringify(Buffer.from(bytes.subarray(0, count)).toString("latin1")).replaceAll(
    /[\u007f-\u00ff]/g,
    (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
}

function withoutByteOrderMark(file: AnnotationFile, chunk: Buffer): Buffer {
  const [first, second, third] = chunk;
  const isUtf16 =
    (first === 0xff && second === 0xfe) ||
    (first === 0xfe && second === 0xff) ||
    (chunk.length > 1 && (first === 0 || second === 0));
  if (isUtf16) {
    throw new SourceError(`${file.path}: is UTF-16, expected UTF-8`, {
      file: file.path,
      remedy: `convert it: iconv -f UTF-16 -t UTF-8 < ${file.path} > converted.json`,
    });
  }
  return first === 0xef && second === 0xbb && third === 0xbf ? chunk.subarray(3) : chunk;
}

function asSourceError(file: AnnotationFile, error: unknown): unknown {
  const errno = errnoOf(error);
  if (errno === undefined || error instanceof SourceError) return error;
  const what = errno.startsWith("Z_") ? "is a damaged or cut gzip file" : "cannot be read";
  return new SourceError(`${file.path}: ${what} (${errno})`, {
    file: file.path,
    remedy: "download the file again, or make it readable",
    cause: error,
  });
}
