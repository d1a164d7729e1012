import type { ByteSource } from "../arrow/file-reader.ts";
import { type ShardStorage, ShortReadError } from "../file-storage.ts";

/** Bytes in memory as a file; what is read are views into them. */
export function memorySource(bytes: Uint8Array): ByteSource {
  return {
    sizeBytes: bytes.byteLength,
    read(range) {
      const found = bytes.subarray(range.offset, range.offset + range.sizeBytes);
      if (found.byteLength === range.sizeBytes) return found;
      throw new ShortReadError(range, found.byteLength);
    },
  };
}

/** Files in memory, by their path below the set's folder. */
export class MemoryStorage implements ShardStorage {
  readonly #files: ReadonlyMap<string, Uint8Array>;

  constructor(files: ReadonlyMap<string, Uint8Array>) {
    this.#files = files;
  }

  async open(file: string): Promise<ByteSource> {
    const bytes = this.#files.get(file);
    if (bytes !== undefined) return memorySource(bytes);
    throw Object.assign(new Error(`there is no ${file} in memory`), { code: "ENOENT" });
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}
