import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import { errnoOf, IncompleteError } from "../core/errors.ts";
import type { ByteRange } from "./arrow/batch-body.ts";
import type { ByteSource } from "./arrow/file-reader.ts";
import { ArrowFormatError } from "./arrow/format-error.ts";

/** Where the files of a shard set are read from. */
export interface ShardStorage extends AsyncDisposable {
  /** Opens a file below the set's folder; opening the same file again is free. */
  open(file: string): Promise<ByteSource>;
}

/** A file that is shorter than its index or footer says. */
export class ShortReadError extends Error {
  constructor(range: ByteRange, numRead: number) {
    super(
      `${numRead} of ${range.sizeBytes} bytes at ${range.offset} could be read; the file is cut`,
    );
    this.name = new.target.name;
  }
}

/** What is asked of the system; another one than Node's is for tests. */
export interface FileCalls {
  open(path: string): number;
  sizeOf(descriptor: number): number;
  /** How many bytes it read, 0 at the end of the file. */
  read(descriptor: number, into: Uint8Array, position: number): number;
  close(descriptor: number): void;
}

// Without O_NONBLOCK, opening a named pipe waits for one who writes to it.
const OPENING = constants.O_RDONLY | constants.O_NONBLOCK;

const systemCalls: FileCalls = {
  open: (path) => openSync(path, OPENING),
  sizeOf(descriptor) {
    const found = fstatSync(descriptor);
    if (found.isFile()) return found.size;
    throw new ArrowFormatError("a folder, a pipe or a device is where a file belongs");
  },
  read: (descriptor, into, position) => readSync(descriptor, into, 0, into.byteLength, position),
  close: (descriptor) => closeSync(descriptor),
};

export interface FileStorageOptions {
  readonly maxOpenFiles?: number;
  readonly calls?: FileCalls;
}

const MAX_OPEN_FILES = 64;
/** A disk or a network mount that is back at the next try has lost nothing. */
const PASSING_ERRORS: ReadonlySet<string> = new Set(["EIO", "ESTALE", "ETIMEDOUT", "EAGAIN"]);
const MAX_TRIES = 3;

/**
 * Files of a folder on this machine, the most recently used of them kept open. Reads are synchronous: what
 * is in the page cache is there sooner than a thread of the pool would be. A read that fails with an error
 * of the disk or the mount is tried again on the file opened anew, then ends in an `IncompleteError`.
 */
export class FileStorage implements ShardStorage {
  readonly #folder: string;
  readonly #maxOpenFiles: number;
  readonly #calls: FileCalls;
  /** In the order of their last use. */
  readonly #descriptors = new Map<string, number>();
  readonly #sources = new Map<string, ByteSource>();
  #isClosed = false;

  constructor(folder: string, options: FileStorageOptions = {}) {
    this.#folder = folder;
    this.#maxOpenFiles = options.maxOpenFiles ?? MAX_OPEN_FILES;
    this.#calls = options.calls ?? systemCalls;
  }

  async open(file: string): Promise<ByteSource> {
    const known = this.#sources.get(file);
    if (known !== undefined) return known;
    const sizeBytes = this.#using(file, (descriptor) => this.#calls.sizeOf(descriptor));
    const source: ByteSource = {
      sizeBytes,
      read: (range, into) => this.#using(file, (descriptor) => this.#read(descriptor, range, into)),
    };
    this.#sources.set(file, source);
    return source;
  }

  /** Closes a file that another one has taken the place of; it is opened anew when it is needed. */
  close(file: string): void {
    this.#forget(file);
    this.#sources.delete(file);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    const descriptors = [...this.#descriptors.values()];
    this.#descriptors.clear();
    this.#sources.clear();
    for (const descriptor of descriptors) this.#calls.close(descriptor);
  }

  #using<T>(file: string, use: (descriptor: number) => T): T {
    if (this.#isClosed) throw new TypeError(`${file} is read after its shard set was closed`);
    for (let numTries = 1; ; numTries += 1) {
      try {
        return use(this.#descriptor(file));
      } catch (error) {
        this.#forget(file);
        if (!PASSING_ERRORS.has(errnoOf(error) ?? "")) throw error;
        if (numTries === MAX_TRIES) throw this.#diskError(file, error);
      }
    }
  }

  #descriptor(file: string): number {
    const descriptor = this.#descriptors.get(file) ?? this.#calls.open(join(this.#folder, file));
    this.#descriptors.delete(file);
    this.#descriptors.set(file, descriptor);
    const [oldest] = this.#descriptors.keys();
    if (this.#descriptors.size > this.#maxOpenFiles && oldest !== undefined) this.#forget(oldest);
    return descriptor;
  }

  #forget(file: string): void {
    const descriptor = this.#descriptors.get(file);
    if (descriptor === undefined) return;
    this.#descriptors.delete(file);
    // What cannot be closed cannot be read either: the read before has told it.
    try {
      this.#calls.close(descriptor);
    } catch {}
  }

  #read(descriptor: number, range: ByteRange, into: Uint8Array | undefined): Uint8Array {
    const { offset, sizeBytes } = range;
    const bytes =
      into !== undefined && into.byteLength >= sizeBytes
        ? into.subarray(0, sizeBytes)
        : Buffer.allocUnsafeSlow(sizeBytes);
    let numRead = this.#calls.read(descriptor, bytes, offset);
    while (numRead < sizeBytes) {
      const more = this.#calls.read(descriptor, bytes.subarray(numRead), offset + numRead);
      if (more === 0) throw new ShortReadError(range, numRead);
      numRead += more;
    }
    return bytes;
  }

  #diskError(file: string, cause: unknown): IncompleteError {
    const path = join(this.#folder, file);
    return new IncompleteError(
      `${path}: ${MAX_TRIES} reads failed with ${errnoOf(cause) ?? "an unknown error"}`,
      {
        file: path,
        remedy:
          "check the disk or the mount, then run the same command again; it goes on from here",
        cause,
      },
    );
  }
}
