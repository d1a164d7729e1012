import { accessSync, constants } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { fullDisk } from "./files.ts";

const POLL_MS = 200;

/** What waits for a lock is told once that it waits, and stops when `signal` says so. */
export interface LockOptions {
  readonly onWait?: () => void;
  readonly signal?: AbortSignal | undefined;
}

/**
 * A lock between processes on a file that may stay behind. SQLite holds it by the kernel's file
 * locks, so it ends with its holder, even by SIGKILL, and no age has to be guessed.
 */
export class ProcessLock implements Disposable {
  readonly #database: DatabaseSync;

  private constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /**
   * The lock, or undefined while another process (or another holder in this one) has it. Throws IncompleteError where the disk
   * has no room for it.
   */
  static tryAcquire(path: string): ProcessLock | undefined {
    const database = openDatabase(path);
    try {
      database.exec("BEGIN EXCLUSIVE");
      return new ProcessLock(database);
    } catch (error) {
      database.close();
      if (hasCode(error, SQLITE_BUSY)) return undefined;
      throw hasCode(error, SQLITE_FULL) ? fullDisk(dirname(path), error) : error;
    }
  }

  /** The files that a lock on `path` may leave beside others: itself and SQLite's journal. */
  static filesOf(path: string): string[] {
    return [path, `${path}-journal`];
  }

  /** Waits until the lock is free; throws the abort reason when `signal` fires first. */
  static async acquire(path: string, options: LockOptions = {}): Promise<ProcessLock> {
    await mkdir(dirname(path), { recursive: true });
    for (let attempt = 0; ; attempt += 1) {
      options.signal?.throwIfAborted();
      const lock = ProcessLock.tryAcquire(path);
      if (lock !== undefined) return lock;
      if (attempt === 0) options.onWait?.();
      // An abort ends the sleep; its own reason is thrown above.
      await sleep(POLL_MS, undefined, { signal: options.signal }).catch(() => undefined);
    }
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }
}

function openDatabase(path: string): DatabaseSync {
  try {
    return new DatabaseSync(path, { timeout: 0 });
  } catch (error) {
    accessSync(dirname(path), constants.W_OK); // SQLite does not say why; this throws EROFS or EACCES
    throw error;
  }
}

const SQLITE_BUSY = 5;
const SQLITE_FULL = 13;

function hasCode(error: unknown, code: number): boolean {
  return error instanceof Error && "errcode" in error && error.errcode === code;
}
