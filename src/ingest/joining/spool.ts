import { closeSync, constants, mkdtempSync, openSync, readSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConfigError, errnoOf } from "../../core/errors.ts";
import { explainedWriteError } from "../../core/files.ts";

/** Linux's O_TMPFILE, which Node does not name: a file in a folder without ever having a name. */
const NAMELESS = 0o20000000;
const REMEDY = "set TMPDIR to a folder that you may write to and that has space";

/**
 * Unpacked content that has to be read again at any place. It lies in a temporary file (TMPDIR says
 * where) that has no name, so that nothing is left behind however the process ends.
 */
export class Spool implements Disposable {
  readonly #descriptor: number;
  #sizeBytes = 0;

  constructor() {
    try {
      this.#descriptor = openNameless(tmpdir());
    } catch (error) {
      throw withoutPlace(error, tmpdir());
    }
  }

  /** Adds bytes; gives the position of the first. */
  append(bytes: Uint8Array): number {
    const position = this.#sizeBytes;
    try {
      for (let done = 0; done < bytes.length;) {
        done += writeSync(this.#descriptor, bytes, done, bytes.length - done, position + done);
      }
    } catch (error) {
      throw explainedWriteError(error, tmpdir(), REMEDY);
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

function openNameless(folder: string): number {
  try {
    return openSync(folder, constants.O_RDWR | constants.O_DIRECTORY | NAMELESS, 0o600);
  } catch {
    return openUnlinked(folder); // another system, or a file system that cannot do it
  }
}

function openUnlinked(folder: string): number {
  const own = mkdtempSync(join(folder, "crossweave-spool-"));
  const descriptor = openSync(join(own, "content"), "w+");
  rmSync(own, { recursive: true });
  return descriptor;
}

function withoutPlace(error: unknown, folder: string): unknown {
  const errno = errnoOf(error) ?? "";
  if (errno !== "ENOENT" && errno !== "ENOTDIR") return explainedWriteError(error, folder, REMEDY);
  return new ConfigError(`there is no folder ${folder} for temporary files`, {
    file: folder,
    remedy: REMEDY,
    cause: error,
  });
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
