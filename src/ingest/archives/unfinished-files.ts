import { copyFile, type FileHandle, mkdir, open, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { errnoOf } from "../../core/errors.ts";

/** So many files are brought to the disk together, which costs less than one after the other. */
const MAX_FINISHING = 8;

/**
 * Files that have not their names yet. Each is written in a folder of its own kind, synced while others
 * are written, and then renamed; what a killed process left in that folder is removed.
 */
export class UnfinishedFiles implements AsyncDisposable {
  readonly #folder: string;
  /** By the path that each will have. */
  readonly #finishing = new Map<string, Promise<void>>();
  #isMade = false;
  #numBegun = 0;
  #fault: { readonly error: unknown } | undefined;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Writes a file; it has its name when `finishAll` has resolved. Throws what `write` or the disk throws. */
  async write(target: string, write: (file: FileHandle) => Promise<void>): Promise<void> {
    this.#throwFault();
    if (!this.#isMade) await this.#makeFolder();
    this.#numBegun += 1;
    const path = join(this.#folder, String(this.#numBegun));
    const file = await open(path, "wx");
    try {
      await write(file);
    } catch (error) {
      await file.close();
      await rm(path, { force: true });
      throw error;
    }
    const finishing = finish(file, path, target)
      .catch((error: unknown) => {
        this.#fault ??= { error };
      })
      .finally(() => this.#finishing.delete(target));
    this.#finishing.set(target, finishing);
    if (this.#finishing.size >= MAX_FINISHING) await Promise.race(this.#finishing.values());
  }

  /** Waits for a file that stands where a folder of this path should be. */
  async finishAbove(target: string): Promise<void> {
    for (let path = dirname(target); path !== dirname(path); path = dirname(path))
      await this.#finishing.get(path);
  }

  /** Waits until all files have their names. Throws what kept one from it. */
  async finishAll(): Promise<void> {
    await Promise.all(this.#finishing.values());
    this.#throwFault();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#finishing.values());
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #makeFolder(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
    await mkdir(this.#folder, { recursive: true });
    this.#isMade = true;
  }

  #throwFault(): void {
    if (this.#fault !== undefined) throw this.#fault.error;
  }
}

async function finish(file: FileHandle, path: string, target: string): Promise<void> {
  try {
    await file.datasync();
  } finally {
    await file.close();
  }
  try {
    await rename(path, target);
  } catch (error) {
    if (errnoOf(error) !== "EXDEV") throw error;
    await moveToOtherDisk(path, target);
  }
}

/** A folder may be a link to another disk; a file gets there by a copy, which has its name only at the end. */
async function moveToOtherDisk(path: string, target: string): Promise<void> {
  const near = join(dirname(target), `${basename(dirname(path))}-copy`);
  await rm(near, { force: true });
  await copyFile(path, near);
  await using file = await open(near, "r+");
  await file.datasync();
  await rename(near, target);
}
