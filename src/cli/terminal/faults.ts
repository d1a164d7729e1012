import { statfs } from "node:fs/promises";
import { dirname, resolve, sep } from "node:path";
import { CrossweaveError, errnoOf, EXIT_INTERRUPTED } from "../../core/errors.ts";
import { formatBytes } from "./terminal-text.ts";

/** What a failed command tells its user; the `error` object of `--json` is all of it but `exitCode` and `stack`. */
export interface Fault {
  readonly code: string;
  readonly message: string;
  readonly file: string | null;
  readonly record: string | null;
  readonly remedy: string | null;
  readonly exitCode: number;
  /** Only of our own bugs. */
  readonly stack?: string;
}

/** The exit codes of every command, as `crossweave --help` lists them. */
export const exitCodes: Readonly<Record<number, string>> = {
  0: "done",
  1: "a bug in crossweave",
  2: "the command line or a recipe is wrong",
  20: "a leak was found",
  21: "a shard is invalid",
  22: "a proof or a checkpoint does not verify",
  23: "input is missing, counts are not met or too many records are quarantined",
  24: "incomplete (disk full, network down, rank lost): the same command goes on",
  25: "refused for safety (folder locked, not empty or not writable)",
  26: "there is no TensorFlow runtime",
  130: "interrupted: the same command goes on",
};

/** The fault of a wrong command line. */
export function usageFault(message: string, remedy: string): Fault {
  return { ...nowhere, code: "USAGE", message, remedy, exitCode: 2 };
}

const nowhere = { file: null, record: null };

export const interruptedFault: Fault = {
  ...nowhere,
  code: "INTERRUPTED",
  message: "interrupted; the same command goes on where it stopped",
  remedy: "run the same command again",
  exitCode: EXIT_INTERRUPTED,
};

/**
 * What to tell the user of an error. `writesTo` is the folder the command writes to: a full disk
 * does not say which file met it, and a refused path is judged by which side it lies on.
 */
export async function faultOf(error: unknown, writesTo?: string): Promise<Fault> {
  if (error instanceof CrossweaveError) return faultOfOurs(error);
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof CrossweaveError) return faultOfOurs(cause);
    const fault = await faultOfSystem(readSystemError(cause), writesTo);
    if (fault !== undefined) return fault;
  }
  return bugFault(error);
}

function faultOfOurs(error: CrossweaveError): Fault {
  return {
    code: error.code,
    message: error.message,
    file: error.file ?? null,
    record: error.record ?? null,
    remedy: error.remedy ?? null,
    exitCode: error.exitCode,
  };
}

function bugFault(error: unknown): Fault {
  const message = error instanceof Error ? error.message : String(error);
  return {
    ...nowhere,
    code: "BUG",
    message: `this is a bug in crossweave: ${message}`,
    remedy: "report it together with the lines on stderr; nothing that was finished is lost",
    exitCode: 1,
    stack: error instanceof Error ? (error.stack ?? message) : message,
  };
}

interface SystemError {
  readonly errno: string;
  readonly message: string;
  readonly path: string | undefined;
  readonly syscall: string | undefined;
}

function readSystemError(error: Error): SystemError {
  return {
    errno: errnoOf(error) ?? "",
    message: error.message,
    path: "path" in error ? textOf(error.path) : undefined,
    syscall: "syscall" in error ? textOf(error.syscall) : undefined,
  };
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

async function faultOfSystem(error: SystemError, writesTo?: string): Promise<Fault | undefined> {
  switch (error.errno) {
    case "ENOSPC":
    case "EDQUOT":
      return fullDiskFault(error, writesTo);
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return isWriting(error, writesTo) ? unwritableFault(error, writesTo) : unreadableFault(error);
    case "ENOENT":
    case "ENOTDIR":
    case "EISDIR":
      return error.syscall === "mkdir" ? unwritableFault(error, writesTo) : missingFault(error);
    case "ENAMETOOLONG":
    case "ELOOP":
      return isWriting(error, writesTo) ? unwritableFault(error, writesTo) : missingFault(error);
    case "EIO":
    case "ESTALE":
      return brokenDiskFault(error);
    case "EMFILE":
    case "ENFILE":
      return openFilesFault(error);
    case "EEXIST":
      return error.syscall === "mkdir" ? unwritableFault(error, writesTo) : undefined;
    default:
      return NETWORK_ERRNOS.has(error.errno) ? networkFault(error) : undefined;
  }
}

const NETWORK_ERRNOS: ReadonlySet<string> = new Set([
  "EAI_AGAIN",
  "ECONNREFUSED",
  "ECONNRESET",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "ETIMEDOUT",
  "UND_ERR_CONNECT_TIMEOUT",
  "UND_ERR_SOCKET",
]);

async function fullDiskFault({ errno, path }: SystemError, writesTo?: string): Promise<Fault> {
  const place = resolve(path ?? writesTo ?? ".");
  const limit = errno === "EDQUOT" ? "your disk quota is used up" : "the disk is full";
  return {
    code: "INCOMPLETE",
    message: `${limit}: ${await freeSpaceAt(place)}`,
    file: place,
    record: null,
    remedy: "free some space there, then run the same command again; it goes on where it stopped",
    exitCode: 24,
  };
}

async function freeSpaceAt(path: string): Promise<string> {
  try {
    const { bavail, blocks, bsize } = await statfs(path);
    return `${formatBytes(bavail * bsize)} free of ${formatBytes(blocks * bsize)} on the disk of ${path}`;
  } catch {
    // The file may be gone already; its folder tells the same disk.
    return dirname(path) === path ? `nothing more fits on ${path}` : freeSpaceAt(dirname(path));
  }
}

const WRITING_CALLS =
  /^(?:write|mkdir|mkdtemp|rename|unlink|rmdir|rm|copyfile|ftruncate|fsync|link|symlink|futime|utime|chmod)/;

function isWriting({ errno, path, syscall }: SystemError, writesTo?: string): boolean {
  if (errno === "EROFS" || WRITING_CALLS.test(syscall ?? "")) return true;
  return path !== undefined && writesTo !== undefined && isInside(resolve(path), resolve(writesTo));
}

function isInside(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}

const WHY_UNWRITABLE: Readonly<Record<string, string>> = {
  EROFS: "its file system is read-only",
  // What Node's recursive mkdir says on a read-only file system, where mkdir itself says EROFS.
  ENOENT: "no folder can be made there; its file system may be read-only",
  ENOTDIR: "a part of the path is a file",
  EEXIST: "it is a file, not a folder",
  ENAMETOOLONG: "its name is too long",
  ELOOP: "links lead in a circle",
};

function unwritableFault({ errno, path }: SystemError, writesTo?: string): Fault {
  const file = path ?? writesTo ?? null;
  const why = WHY_UNWRITABLE[errno] ?? `permission denied (${errno})`;
  return {
    code: "REFUSED",
    message: `cannot write ${file ?? "the output"}: ${why}`,
    file,
    record: null,
    remedy: "name another output folder, or make this one writable",
    exitCode: 25,
  };
}

function unreadableFault({ errno, path }: SystemError): Fault {
  return {
    code: "SOURCE",
    message: `cannot read ${path ?? "the input"}: permission denied (${errno})`,
    file: path ?? null,
    record: null,
    remedy: "make it readable, then run the same command again",
    exitCode: 23,
  };
}

function missingFault({ errno, message, path }: SystemError): Fault | undefined {
  if (path === undefined) return undefined;
  const found = {
    ENOENT: `there is no ${path}`,
    EISDIR: `${path} is a folder, not a file`,
    ENAMETOOLONG: `${path.slice(0, 80)}… is too long for the name of a file`,
    ELOOP: `${path} is a link that leads in a circle`,
  }[errno];
  return {
    code: "SOURCE",
    message: found ?? message,
    file: path,
    record: null,
    remedy: "check the path, then run the same command again",
    exitCode: 23,
  };
}

function brokenDiskFault({ errno, message, path }: SystemError): Fault {
  return {
    code: "INCOMPLETE",
    message: `the disk fails: ${message} (${errno})`,
    file: path ?? null,
    record: null,
    remedy:
      "look after the disk, or the server that it belongs to, then run the same command again",
    exitCode: 24,
  };
}

function openFilesFault({ path }: SystemError): Fault {
  return {
    code: "INCOMPLETE",
    message: "the limit of open files is reached",
    file: path ?? null,
    record: null,
    remedy: "raise it (ulimit -n 4096), then run the same command again",
    exitCode: 24,
  };
}

function networkFault({ message }: SystemError): Fault {
  return {
    ...nowhere,
    code: "INCOMPLETE",
    message: `the network failed: ${message}`,
    remedy: "run the same command again when the network is back; it goes on where it stopped",
    exitCode: 24,
  };
}
