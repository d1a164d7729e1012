import { closeSync, fstatSync, openSync } from "node:fs";
import { pipeline } from "node:stream";
import { parse as csvRows } from "csv-parse";
import { SourceError } from "../../core/errors.ts";
import {
  type AnnotationFile,
  AnnotationReader,
  type FileDigest,
} from "../annotations/annotation-file.ts";
import { type ParsedJson, parseJsonValue, readJsonElements } from "../annotations/json-elements.ts";
import { parseJsonLine, parseTextLine, readTextLines } from "../annotations/text-lines.ts";
import { readPickle } from "../pickle/read-pickle.ts";
import type { FileReading } from "./dataset-reading.ts";
import { readExactly, Spool } from "./spool.ts";

/** An entry of an annotation file, and where it can be read again. */
export interface FileEntry extends ParsedJson {
  /** The key of its list; "" where the document is the list. */
  readonly member: string;
  /** Its position in the list; -1 for a member that is no list. */
  readonly index: number;
  readonly byteOffset: number;
  readonly sizeBytes: number;
}

/** A pickle is read whole; the official ones have up to 60 MB. */
const MAX_PICKLE_BYTES = 512 * 2 ** 20;

/**
 * An annotation file whose entries stream past once and are then read again one by one, at the place
 * where they were: in the file itself, or in a temporary copy where it is packed or no JSON or text.
 */
export class EntryFile implements Disposable {
  readonly file: AnnotationFile;
  readonly #format: FileReading["format"];
  readonly #reader: AnnotationReader;
  readonly #descriptor: number;
  readonly #changedAtMs: number;
  readonly #spool: Spool | undefined;

  constructor(file: AnnotationFile, format: FileReading["format"], signal?: AbortSignal) {
    this.file = file;
    this.#format = format;
    this.#reader = new AnnotationReader(file, signal);
    this.#descriptor = openAnnotation(file);
    this.#changedAtMs = fstatSync(this.#descriptor).mtimeMs;
    const isPacked = /\.(?:gz|zip)$/.test(file.path);
    const isRewritten = format === "csv" || format === "pickle";
    this.#spool = isPacked || isRewritten ? new Spool() : undefined;
  }

  get digest(): FileDigest {
    return this.#reader.digest;
  }

  /** What the place of an entry is called in the ledger. */
  placeOf(pointer: string, index: number): string {
    if (this.#format === "lines" || this.#format === "json-lines") return `line ${index + 1}`;
    return this.#format === "csv" ? `row ${index + 1}` : pointer;
  }

  /** All entries in order, in batches. Throws SourceError where the file as a whole is damaged. */
  async *entries(): AsyncGenerator<readonly FileEntry[]> {
    const file = this.file;
    const content = { file, chunks: () => this.#spooledChunks() };
    if (this.#format === "json") yield* readJsonElements(content);
    else if (this.#format === "csv") yield* this.#csvEntries();
    else if (this.#format === "pickle") yield await this.#pickledEntries();
    else {
      let index = 0;
      for await (const lines of readTextLines(content)) {
        yield lines.map(({ bytes, byteOffset }, offset) => {
          const place = { member: "", index: index + offset, byteOffset, sizeBytes: bytes.length };
          return { ...place, ...this.#parseLine(bytes) };
        });
        index += lines.length;
      }
    }
  }

  /** An entry's value once more, or its fault. Throws SourceError when the file has become shorter. */
  read(byteOffset: number, sizeBytes: number): ParsedJson {
    const bytes = this.#bytesAt(byteOffset, sizeBytes);
    if (bytes.length < sizeBytes) throw this.changed();
    return this.#format === "lines" ? parseTextLine(bytes) : parseSound(bytes);
  }

  /** As `read`, of an entry that may be faulty: it is checked as thoroughly as at first. */
  readFaulty(byteOffset: number, sizeBytes: number): ParsedJson {
    const bytes = this.#bytesAt(byteOffset, sizeBytes);
    return this.#format === "lines" ? parseTextLine(bytes) : parseJsonValue(bytes);
  }

  /** Throws SourceError when the file has been written to since it was read. */
  requireUnchanged(): void {
    if (fstatSync(this.#descriptor).mtimeMs !== this.#changedAtMs) throw this.changed();
  }

  changed(): SourceError {
    return new SourceError(`${this.file.path}: has changed while it was being read`, {
      file: this.file.path,
      remedy: "leave the source alone and run the same command again",
    });
  }

  [Symbol.dispose](): void {
    this.#spool?.[Symbol.dispose]();
    closeSync(this.#descriptor);
  }

  #parseLine(bytes: Buffer): ParsedJson {
    return this.#format === "lines" ? parseTextLine(bytes) : parseJsonLine(bytes);
  }

  #bytesAt(byteOffset: number, sizeBytes: number): Buffer {
    if (this.#spool !== undefined) return this.#spool.read(byteOffset, sizeBytes);
    return readExactly(this.#descriptor, byteOffset + this.#reader.markBytes, sizeBytes);
  }

  async *#spooledChunks(): AsyncGenerator<Buffer> {
    for await (const chunk of this.#reader.chunks()) {
      this.#spool?.append(chunk);
      yield chunk;
    }
  }

  async *#csvEntries(): AsyncGenerator<readonly FileEntry[]> {
    const parser = csvRows({ relaxColumnCount: true, skipEmptyLines: true });
    // A fault reaches the reader of the last stream; this callback has nothing to add.
    const rows = pipeline(this.#decodedChunks(), parser, () => {});
    let index = 0;
    try {
      for await (const row of rows) {
        yield [this.#rewritten(row, index)];
        index += 1;
      }
    } catch (error) {
      throw this.#csvFault(error, index);
    }
  }

  // The parser would put a sign in the place of bytes that are no UTF-8.
  async *#decodedChunks(): AsyncGenerator<string> {
    const utf8 = new TextDecoder("utf-8", { fatal: true });
    for await (const chunk of this.#reader.chunks()) yield utf8.decode(chunk, { stream: true });
    yield utf8.decode();
  }

  #csvFault(error: unknown, index: number): unknown {
    if (error instanceof SourceError || !(error instanceof Error)) return error;
    return new SourceError(`${this.file.path}: ${error.message}`, {
      file: this.file.path,
      record: `row ${index + 1}`,
      remedy: "the file is damaged or not the official one: download it again",
      cause: error,
    });
  }

  async #pickledEntries(): Promise<FileEntry[]> {
    const chunks: Buffer[] = [];
    let sizeBytes = 0;
    for await (const chunk of this.#reader.chunks()) {
      sizeBytes += chunk.length;
      if (sizeBytes > MAX_PICKLE_BYTES)
        throw this.#noList(`has more than ${MAX_PICKLE_BYTES} bytes`);
      chunks.push(chunk);
    }
    const document = readPickle(Buffer.concat(chunks), this.file.path);
    if (!Array.isArray(document)) throw this.#noList("holds no list");
    return document.map((value: unknown, index) => this.#rewritten(value, index));
  }

  #noList(what: string): SourceError {
    return new SourceError(`${this.file.path}: ${what}; expected a pickled list of records`, {
      file: this.file.path,
      remedy: "download the file again",
    });
  }

  #rewritten(value: unknown, index: number): FileEntry {
    const bytes = Buffer.from(JSON.stringify(value) ?? "null");
    const byteOffset = this.#spool?.append(bytes) ?? 0;
    return { member: "", index, value, fault: null, byteOffset, sizeBytes: bytes.length };
  }
}

function openAnnotation(file: AnnotationFile): number {
  try {
    return openSync(file.absolutePath, "r");
  } catch (error) {
    throw new SourceError(`${file.path}: cannot be opened`, {
      file: file.path,
      remedy: "make it readable for this user",
      cause: error,
    });
  }
}

// It was checked when it streamed past.
function parseSound(bytes: Buffer): ParsedJson {
  try {
    return { value: JSON.parse(bytes.toString("utf8")), fault: null };
  } catch {
    return { value: undefined, fault: "is not JSON" };
  }
}
