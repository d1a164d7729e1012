import { type FileHandle, open } from "node:fs/promises";
import { SourceError } from "../../core/errors.ts";
import { HASH_BYTES } from "../perceptual/hash.ts";
import type { HashRows } from "./near-pairs.ts";

const READ_BYTES = 16 * 2 ** 20;

/** A part of a file's rows. */
export interface RowRange {
  readonly first: number;
  readonly end: number;
}

/** A file of hashes, 32 bytes a row and nothing else. */
export class HashFile implements AsyncDisposable {
  readonly path: string;
  readonly numRows: number;
  readonly #file: FileHandle;

  private constructor(path: string, numRows: number, file: FileHandle) {
    this.path = path;
    this.numRows = numRows;
    this.#file = file;
  }

  /** Throws SourceError where the file is not whole rows. */
  static async open(path: string): Promise<HashFile> {
    const file = await open(path);
    const { size } = await file.stat();
    if (size % HASH_BYTES === 0) return new HashFile(path, size / HASH_BYTES, file);
    await file.close();
    throw new SourceError(`${path}: ${size} bytes are not whole hashes of ${HASH_BYTES}`, {
      file: path,
    });
  }

  /** Rows to load; reading throws SourceError where the file has become shorter. */
  rows({ first, end }: RowRange): HashRows {
    return { numRows: end - first, read: (into) => this.#read(first * HASH_BYTES, into) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }

  async #read(start: number, into: Uint8Array): Promise<void> {
    for (let at = 0; at < into.length;) {
      const length = Math.min(READ_BYTES, into.length - at);
      const { bytesRead } = await this.#file.read(into, at, length, start + at);
      if (bytesRead === 0) {
        throw new SourceError(
          `${this.path}: ends before row ${(start + into.length) / HASH_BYTES}`,
          {
            file: this.path,
            remedy: "leave the file as it is during the search",
          },
        );
      }
      at += bytesRead;
    }
  }
}

/** Ranges of at most `numRows` rows that make up the file. */
export function partitions(file: HashFile, numRows: number): readonly RowRange[] {
  return Array.from({ length: Math.ceil(file.numRows / numRows) }, (_, at) => ({
    first: at * numRows,
    end: Math.min(file.numRows, (at + 1) * numRows),
  }));
}
