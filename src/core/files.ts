import { constants } from "node:buffer";
import { randomUUID } from "node:crypto";
import { mkdir, open, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { hostname } from "node:os";
import { basename, dirname, join } from "node:path";
import { sha256 } from "./digest.ts";
import { errnoOf, IncompleteError, RefusedError, SourceError } from "./errors.ts";

/** What a file is to hold; pieces are written one after the other. */
export type FileContent = Uint8Array | string | Iterable<string> | AsyncIterable<string>;

/**
 * Writes a whole file so that its name never shows a part of it: temporary file, fsync, rename, fsync of the folder.
 * The temporary file always has the same name, so that a kill leaves one at most: for places that one process writes to.
 */
export async function writeFileAtomically(path: string, data: FileContent): Promise<void> {
  await writeByRename(path, data, { temporary: `${path}.part`, flags: "w" });
}

/**
 * Writes a file that a user named, and the folders it needs, so that its name never shows a part of it, also when several
 * processes write it at once: the last one stays. Throws IncompleteError for a full disk, RefusedError where it may not be written.
 */
export async function writeResultFile(path: string, data: FileContent): Promise<void> {
  // A new file of a name that nobody can foresee: not what another process writes, nor where a link leads.
  const temporary = `${path}.${ownMark()}-${randomUUID().slice(0, 8)}.part`;
  try {
    await mkdir(dirname(path), { recursive: true });
    await removeAbandoned(path);
    await writeByRename(path, data, { temporary, flags: "wx" });
  } catch (error) {
    throw explainedWriteError(error, dirname(path));
  }
}

/** By the name of what is unfinished, a later process on the same machine knows whether this one still writes it. */
function ownMark(pid: number = process.pid): string {
  return `${sha256(hostname()).slice(0, 8)}-${pid}`;
}

const MARKED = /^\.[0-9a-f]{8}-(\d+)-[0-9a-f]{8}\.part$/;

/** Removes what processes that were killed have left of `path`. */
async function removeAbandoned(path: string): Promise<void> {
  const [folder, name] = [dirname(path), basename(path)];
  // A folder that may be written but not listed keeps what is left in it.
  for (const each of await readdir(folder).catch(() => [])) {
    if (!each.startsWith(name)) continue;
    const pid = Number(MARKED.exec(each.slice(name.length))?.[1]);
    const isOwn = each.startsWith(`${name}.${ownMark(pid)}-`); // of this machine
    if (isOwn && !isRunning(pid)) await rm(join(folder, each), { force: true });
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0); // sends nothing
    return true;
  } catch (error) {
    return errnoOf(error) !== "ESRCH";
  }
}

async function writeByRename(
  path: string,
  data: FileContent,
  { flags, temporary }: { readonly temporary: string; readonly flags: string },
): Promise<void> {
  try {
    await using file = await open(temporary, flags);
    await file.writeFile(data);
    await file.sync();
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await rename(temporary, path).catch(async (error: unknown) => {
    await rm(temporary, { force: true });
    throw error;
  });
  await syncFolder(dirname(path));
}

/**
 * Reads a whole file that a user named; `remedy` says which one that should be. Throws SourceError where it cannot be read, is
 * larger than `maxBytes` (what one string can hold), or is no plain file: a pipe might never end.
 */
export async function readGivenFile(
  path: string,
  remedy: string,
  maxBytes: number = constants.MAX_STRING_LENGTH,
): Promise<Buffer> {
  try {
    const found = await stat(path);
    if (found.size > maxBytes) throw tooLarge({ path, remedy, sizeBytes: found.size, maxBytes });
    if (found.isFile()) return await readFile(path);
  } catch (error) {
    if (error instanceof SourceError) throw error;
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

function tooLarge(found: {
  readonly path: string;
  readonly remedy: string;
  readonly sizeBytes: number;
  readonly maxBytes: number;
}): SourceError {
  const { maxBytes, path, remedy, sizeBytes } = found;
  const [size, most] = [sizeBytes, maxBytes].map((bytes) => bytes.toLocaleString("en-US"));
  return new SourceError(`${path}: it has ${size} bytes, of such a file ${most} can be read`, {
    file: path,
    remedy,
  });
}

/** What a file that is to be written may have held before. */
export interface EarlierFile {
  /** Such as "no exclusion manifest", for the message. */
  readonly whatItIsNot: string;
  /** Of a file of more than 2 MiB, `bytes` are the first and the last MiB. */
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
  if (found.isFile() && isEarlier(await endsOf(path))) return;
  throw new RefusedError(`${path} exists and ${whatItIsNot}; it is left as it is`, {
    file: path,
    remedy: "name another file",
  });
}

const END_BYTES = 2 ** 20;

/** The first and the last bytes of a file; all of them where there are not many. */
async function endsOf(path: string): Promise<Buffer> {
  await using file = await open(path, "r");
  const { size } = await file.stat();
  if (size <= 2 * END_BYTES) return file.readFile();
  const ends = Buffer.alloc(2 * END_BYTES);
  await file.read(ends, 0, END_BYTES, 0);
  await file.read(ends, END_BYTES, END_BYTES, size - END_BYTES);
  return ends;
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
    return fullDisk(path, error);
  }
  if (code === "EFBIG") {
    return new IncompleteError(`${path}: a file may not be as large as this one (EFBIG)`, {
      file: path,
      remedy: "raise the limit (ulimit -f) or name another disk, then run the same command again",
      cause: error,
    });
  }
  if (UNWRITABLE.has(code) || isFailedMkdir(error)) {
    return new RefusedError(`${path}: ${whyUnwritable(code)} (${code})`, {
      file: path,
      remedy,
      cause: error,
    });
  }
  return error;
}

/** What a user is told of a disk that `cause` says is full. */
export function fullDisk(path: string, cause: unknown): IncompleteError {
  return new IncompleteError(`${path}: no space is left on the disk`, {
    file: path,
    remedy: "free some space and run the same command again; it goes on from here",
    cause,
  });
}

const UNWRITABLE: ReadonlySet<string> = new Set([
  "EROFS",
  "EACCES",
  "EPERM",
  "ENAMETOOLONG",
  "ELOOP",
]);

function whyUnwritable(code: string): string {
  if (code === "ENAMETOOLONG") return "the name is too long";
  if (code === "ELOOP") return "links lead in a circle";
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
