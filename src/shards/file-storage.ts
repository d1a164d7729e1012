import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import type { ByteRange } from "./arrow/batch-body.ts";
import type { ByteSource } from "./arrow/file-reader.ts";

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

interface OpenFile {
  readonly handle: Promise<FileHandle>;
  numReaders: number;
}

const MAX_OPEN_FILES = 64;

/** Files of a folder on this machine, the most recently used of them kept open. */
export class FileStorage implements ShardStorage {
  readonly #folder: string;
  readonly #maxOpenFiles: number;
  /** In the order of their last use. */
  readonly #files = new Map<string, OpenFile>();
  readonly #sources = new Map<string, Promise<ByteSource>>();
  #isClosed = false;

  constructor(folder: string, maxOpenFiles: number = MAX_OPEN_FILES) {
    this.#folder = folder;
    this.#maxOpenFiles = maxOpenFiles;
  }

  async open(file: string): Promise<ByteSource> {
    const known = this.#sources.get(file);
    if (known !== undefined) return known;
    const source = this.#source(file);
    this.#sources.set(file, source);
    source.catch(() => this.#sources.delete(file));
    return source;
  }

  async #source(file: string): Promise<ByteSource> {
    const sizeBytes = await this.#using(file, async (handle) => (await handle.stat()).size);
    return {
      sizeBytes,
      read: (range) => this.#using(file, (handle) => readExactly(handle, range)),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    const files = [...this.#files.values()];
    this.#files.clear();
    this.#sources.clear();
    await Promise.all(files.map(async ({ handle }) => (await handle).close()));
  }

  async #using<T>(file: string, use: (handle: FileHandle) => Promise<T>): Promise<T> {
    if (this.#isClosed) throw new TypeError(`${file} is read after its shard set was closed`);
    const entry = this.#files.get(file) ?? {
      handle: open(join(this.#folder, file), "r"),
      numReaders: 0,
    };
    this.#files.delete(file);
    this.#files.set(file, entry);
    entry.numReaders += 1;
    try {
      return await use(await entry.handle);
    } catch (error) {
      if (this.#files.get(file) === entry) this.#files.delete(file);
      throw error;
    } finally {
      entry.numReaders -= 1;
      await this.#closeOldest();
    }
  }

  async #closeOldest(): Promise<void> {
    if (this.#files.size <= this.#maxOpenFiles) return;
    const oldest = [...this.#files].find(([, { numReaders }]) => numReaders === 0);
    if (oldest === undefined) return;
    this.#files.delete(oldest[0]);
    await (await oldest[1].handle).close();
  }
}

async function readExactly(handle: FileHandle, range: ByteRange): Promise<Uint8Array> {
  const bytes = Buffer.allocUnsafeSlow(range.sizeBytes);
  let numRead = 0;
  while (numRead < range.sizeBytes) {
    const { bytesRead } = await handle.read(
      bytes,
      numRead,
      range.sizeBytes - numRead,
      range.offset + numRead,
    );
    if (bytesRead === 0) throw new ShortReadError(range, numRead);
    numRead += bytesRead;
  }
  return bytes;
}
