import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { explainedWriteError } from "../../core/files.ts";

/**
 * Unpacked content that has to be read again at any place. It lies in a temporary file (TMPDIR says
 * where) that has no name any more, so that nothing is left behind however the process ends.
 */
export class Spool implements Disposable {
  readonly #descriptor: number;
  #sizeBytes = 0;

  constructor() {
    const folder = mkdtempSync(join(tmpdir(), "crossweave-spool-"));
    this.#descriptor = openSync(join(folder, "content"), "w+");
    rmSync(folder, { recursive: true });
  }

  /** Adds bytes; gives the position of the first. */
  append(bytes: Uint8Array): number {
    const position = this.#sizeBytes;
    try {
      for (let done = 0; done < bytes.length;) {
        done += writeSync(this.#descriptor, bytes, done, bytes.length - done, position + done);
      }
    } catch (error) {
      throw explainedWriteError(error, tmpdir());
    }
    this.#sizeBytes += bytes.length;
    return position;
  }

  read(position: number, sizeBytes: number): Buffer {
    return readExactly(this.#descriptor, position, sizeBytes);
  }

  [Symbol.dispose](): void {
    closeSync(this.#descriptor);
  }
}

/** Bytes at a place of an open file; fewer when it ends before. */
export function readExactly(descriptor: number, position: number, sizeBytes: number): Buffer {
  const bytes = Buffer.allocUnsafe(sizeBytes);
  let done = 0;
  while (done < sizeBytes) {
    const count = readSync(descriptor, bytes, done, sizeBytes - done, position + done);
    if (count === 0) break;
    done += count;
  }
  return bytes.subarray(0, done);
}
