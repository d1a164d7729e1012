import { open, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { errnoOf, IncompleteError, RefusedError, SourceError } from "./errors.ts";

/**
 * Writes a whole file so that its name never shows a part of it: temporary file, fsync, rename, fsync of the folder.
 * `data` may come in pieces, which are written one after the other.
 */
export async function writeFileAtomically(
  path: string,
  data: Uint8Array | string | Iterable<string> | AsyncIterable<string>,
): Promise<void> {
  const temporary = `${path}.part`;
  try {
    await using file = await open(temporary, "w");
    await file.writeFile(data);
    await file.sync();
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await rename(temporary, path);
  await syncFolder(dirname(path));
}

/**
 * Reads a whole file that a user named; `remedy` says which one that should be. Throws SourceError where it cannot be read, or is
 * no plain file: a pipe might never end.
 */
export async function readGivenFile(path: string, remedy: string): Promise<Buffer> {
  try {
    if ((await stat(path)).isFile()) return await readFile(path);
  } catch (error) {
    const why =
      errnoOf(error) === "ENOENT" ? "it is not there" : (errnoOf(error) ?? "unknown fault");
    throw new SourceError(`${path}: cannot be read (${why})`, {
      file: path,
      remedy,
      cause: error,
    });
  }
  throw new SourceError(`${path}: cannot be read: it is no plain file`, { file: path, remedy });
}

/** What a file that is to be written may have held before. */
export interface EarlierFile {
  /** Such as "no exclusion manifest", for the message. */
  readonly whatItIsNot: string;
  readonly isEarlier: (bytes: Buffer) => boolean;
}

/** Throws RefusedError when something is at `path` that is no earlier form of what is to be written there. */
export async function refuseOtherFile(
  path: string,
  { isEarlier, whatItIsNot }: EarlierFile,
): Promise<void> {
  const found = await stat(path).catch((error: unknown) => {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw explainedWriteError(error, path);
  });
  if (found === undefined) return;
  if (found.isFile() && isEarlier(await readFile(path))) return;
  throw new RefusedError(`${path} exists and ${whatItIsNot}; it is left as it is`, {
    file: path,
    remedy: "name another file",
  });
}

/** Makes the names in a folder durable. */
export async function syncFolder(path: string): Promise<void> {
  await using folder = await open(path, "r");
  await folder.sync();
}

/**
 * What a failed write means to the user: a full disk loses nothing that is complete (`IncompleteError`),
 * a folder that may not be written was refused (`RefusedError`). Any other error is given back as it is.
 */
export function explainedWriteError(
  error: unknown,
  path: string,
  remedy: string = "choose another folder, or give yourself the right to write to it",
): unknown {
  const code = errnoOf(error) ?? "";
  if (["ENOSPC", "EDQUOT"].includes(code)) {
    return new IncompleteError(`${path}: no space is left on the disk`, {
      file: path,
      remedy: "free some space and run the same command again; it goes on from here",
      cause: error,
    });
  }
  if (["EROFS", "EACCES", "EPERM"].includes(code) || isFailedMkdir(error)) {
    return new RefusedError(`${path}: ${whyUnwritable(code)} (${code})`, {
      file: path,
      remedy,
      cause: error,
    });
  }
  return error;
}

function whyUnwritable(code: string): string {
  if (code === "EROFS") return "the file system is read-only";
  if (code === "EACCES" || code === "EPERM") return "you may not write here";
  return code === "ENOENT"
    ? "no folder can be made here; the file system may be read-only"
    : "a file is where a folder should be";
}

// Node's recursive mkdir says ENOENT on a read-only file system, ENOTDIR or EEXIST where a file is in the way.
function isFailedMkdir(error: unknown): boolean {
  return error instanceof Error && "syscall" in error && error.syscall === "mkdir";
}
