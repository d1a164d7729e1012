import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { cacheFolder } from "../../core/cache-folder.ts";
import { errnoOf } from "../../core/errors.ts";

// Its number is raised by every change of what an index is checked for.
const TITLE = "crossweave proven indexes 1";
// 64 KiB; what is forgotten is proven again.
const MAX_PROVEN = 1000;

/**
 * Whether an index of exactly these bytes was found right before on this machine. `digest` is the SHA-256 of the bytes
 * of index.json, so no other index is ever taken for a proven one, whatever becomes of the list: a damaged line is
 * nobody's digest, and a list of another version counts for nothing.
 */
export function isProvenIndex(digest: string): boolean {
  return readList().includes(digest);
}

/** Remembers that; where nothing can be written, indexes are proven at every start. */
export function rememberProvenIndex(digest: string): void {
  const others = readList().filter((known) => known !== digest);
  const kept = [...others, digest].slice(-MAX_PROVEN);
  const path = listPath();
  const unfinished = `${path}.part`;
  // Several ranks may write at once: the last one wins, and what the others knew is proven once more.
  ignoringFileErrors(() => {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(unfinished, `${[TITLE, ...kept].join("\n")}\n`);
    renameSync(unfinished, path);
  });
}

function listPath(): string {
  return join(cacheFolder(), "proven-indexes.txt");
}

function readList(): string[] {
  const text = ignoringFileErrors(() => readFileSync(listPath(), "latin1")) ?? "";
  const [title, ...digests] = text.split("\n");
  return title === TITLE ? digests.filter((line) => line !== "") : [];
}

/** Undefined where the cache folder cannot be used. */
function ignoringFileErrors<T>(call: () => T): T | undefined {
  try {
    return call();
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return undefined;
  }
}
