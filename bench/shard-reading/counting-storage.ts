import type { ByteSource } from "../../src/shards/arrow/file-reader.ts";
import { FileStorage, type ShardStorage } from "../../src/shards/file-storage.ts";

/** Files of a folder, and how much was read of them. */
export class CountingStorage implements ShardStorage {
  numReads = 0;
  numBytes = 0;
  readonly #files: FileStorage;

  constructor(folder: string) {
    this.#files = new FileStorage(folder);
  }

  async open(file: string): Promise<ByteSource> {
    const source = await this.#files.open(file);
    return {
      sizeBytes: source.sizeBytes,
      read: (range, into) => {
        this.numReads += 1;
        this.numBytes += range.sizeBytes;
        return source.read(range, into);
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#files[Symbol.asyncDispose]();
  }
}
