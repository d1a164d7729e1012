import { createHash } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { canonicalJson, type JsonValue } from "../../core/digest.ts";
import { errnoOf, RefusedError, StateError } from "../../core/errors.ts";
import { explainedWriteError, writeFileAtomically } from "../../core/files.ts";
import { ProcessLock } from "../../core/locks.ts";
import type { EqualRows, NearPairs } from "./pair-list.ts";

/** What was found in a part of a search, by rows of the files. */
export interface Block {
  readonly pairs: NearPairs;
  /** Groups of equal rows; of the search of one file only where the block is a partition with itself. */
  readonly equal: readonly EqualRows[];
}

const DIGEST_BYTES = 32;
const WORD_BYTES = Uint32Array.BYTES_PER_ELEMENT;

/**
 * The folder in which a search keeps the blocks it has finished, so that one that was killed goes on. Each
 * block is written whole or not at all and carries its SHA-256; one that is damaged counts as missing.
 */
export class SearchBlocks implements Disposable {
  readonly #folder: string;
  readonly #lock: ProcessLock;

  private constructor(folder: string, lock: ProcessLock) {
    this.#folder = folder;
    this.#lock = lock;
  }

  /**
   * Opens the folder of a search that is described by `settings`, everything its result depends on.
   *
   * Throws StateError where the folder holds another search, RefusedError where one is running in it.
   */
  static async open(folder: string, settings: JsonValue): Promise<SearchBlocks> {
    await mkdir(folder, { recursive: true });
    const lock = ProcessLock.tryAcquire(join(folder, "search.lock"));
    if (lock === undefined) {
      throw new RefusedError(`${folder}: another search is running in this folder`, {
        file: folder,
      });
    }
    using undo = new DisposableStack();
    undo.use(lock);
    const path = join(folder, "search.json");
    const [wanted, present] = [canonicalJson(settings), await textOf(path)];
    if (present === undefined) await write(path, Buffer.from(wanted));
    else if (present !== wanted) {
      throw new StateError(`${folder}: holds the blocks of another search`, {
        file: path,
        remedy: "name an empty folder, or remove this one",
      });
    }
    undo.move();
    return new SearchBlocks(folder, lock);
  }

  /** A finished block, or undefined. */
  async read(name: string): Promise<Block | undefined> {
    const bytes = await bytesOf(this.#pathOf(name));
    if (bytes === undefined || bytes.length < DIGEST_BYTES) return undefined;
    const content = bytes.subarray(0, -DIGEST_BYTES);
    return digestOf(content).equals(bytes.subarray(-DIGEST_BYTES)) ? decoded(content) : undefined;
  }

  async write(name: string, block: Block): Promise<void> {
    const content = encoded(block);
    await write(this.#pathOf(name), Buffer.concat([content, digestOf(content)]));
  }

  [Symbol.dispose](): void {
    this.#lock[Symbol.dispose]();
  }

  #pathOf(name: string): string {
    return join(this.#folder, `${name}.block`);
  }
}

// Words: numbers of pairs and groups, left rows, right rows, sizes of groups, their rows; then bytes: distances.
function encoded({ pairs, equal }: Block): Buffer {
  const head = Uint32Array.of(pairs.left.length, equal.length);
  const sizes = Uint32Array.from(equal, ({ length }) => length);
  const words = [head, pairs.left, pairs.right, sizes, ...equal];
  return Buffer.concat([...words.map(bytesIn), pairs.distance]);
}

function decoded(content: Buffer): Block {
  const all = Uint8Array.from(content);
  const wordsAt = (at: number, length: number): Uint32Array =>
    new Uint32Array(all.buffer, at * WORD_BYTES, length);
  const [numPairs = 0, numGroups = 0] = wordsAt(0, 2);
  let at = 2;
  const take = (length: number): Uint32Array => {
    at += length;
    return wordsAt(at - length, length);
  };
  const [left, right] = [take(numPairs), take(numPairs)];
  const equal = Array.from(take(numGroups), (size) => take(size));
  return { pairs: { left, right, distance: all.subarray(at * WORD_BYTES) }, equal };
}

function bytesIn(words: Uint32Array): Uint8Array {
  return new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
}

function digestOf(content: Uint8Array): Buffer {
  return createHash("sha256").update(content).digest();
}

async function write(path: string, content: Uint8Array): Promise<void> {
  try {
    await writeFileAtomically(path, content);
  } catch (error) {
    throw explainedWriteError(error, path);
  }
}

async function textOf(path: string): Promise<string | undefined> {
  return (await bytesOf(path))?.toString("utf8");
}

async function bytesOf(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
}
