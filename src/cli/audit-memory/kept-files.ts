import { createHash } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { cacheFolder } from "../../core/cache-folder.ts";
import { errnoOf } from "../../core/errors.ts";
import { explainedWriteError, writeFileAtomically } from "../../core/files.ts";
import { ProcessLock } from "../../core/locks.ts";

const DIGEST_BYTES = 32;

/**
 * Files in which audits keep what they have computed, by their paths below a folder of the cache. Each is written whole or
 * not at all. Throws RefusedError when one cannot be written.
 */
export class KeptFiles {
  readonly #folder: string;
  readonly #signal: AbortSignal;

  constructor(signal: AbortSignal, folder: string = join(cacheFolder(), "near-duplicates")) {
    this.#folder = folder;
    this.#signal = signal;
  }

  /** What was written, or undefined. */
  async read(path: string): Promise<Buffer | undefined> {
    try {
      return await readFile(join(this.#folder, path));
    } catch (error) {
      if (errnoOf(error) === "ENOENT") return undefined;
      throw error;
    }
  }

  async write(path: string, content: Uint8Array | string): Promise<void> {
    const to = join(this.#folder, path);
    try {
      await mkdir(dirname(to), { recursive: true });
      // Two audits may have computed the same, and a file that is being written has one name.
      using _ = await ProcessLock.acquire(join(this.#folder, "write.lock"), {
        signal: this.#signal,
      });
      await writeFileAtomically(to, content);
    } catch (error) {
      throw explainedWriteError(error, to, "name a folder for caches with CROSSWEAVE_CACHE");
    }
  }

  /** What `writeSealed` wrote; undefined where nothing or something else is there. */
  async readSealed(path: string): Promise<Uint8Array | undefined> {
    const bytes = await this.read(path);
    if (bytes === undefined || bytes.length < DIGEST_BYTES) return undefined;
    const content = bytes.subarray(0, -DIGEST_BYTES);
    return digestOf(content).equals(bytes.subarray(-DIGEST_BYTES)) ? content : undefined;
  }

  /** Writes the content and its SHA-256. */
  async writeSealed(path: string, content: Uint8Array): Promise<void> {
    await this.write(path, Buffer.concat([content, digestOf(content)]));
  }
}

function digestOf(content: Uint8Array): Buffer {
  return createHash("sha256").update(content).digest();
}
