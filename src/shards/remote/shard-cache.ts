import { randomUUID } from "node:crypto";
import {
  appendFile,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  statfs,
  utimes,
} from "node:fs/promises";
import { join } from "node:path";
import { errnoOf } from "../../core/errors.ts";
import { explainedWriteError } from "../../core/files.ts";
import { ProcessLock } from "../../core/locks.ts";
import type { Clock } from "../../core/network/clock.ts";
import type { CachePlan } from "./cache-plan.ts";

/** How many bytes of a disk stay free for everything else. */
const RESERVE_BYTES = 256 * 2 ** 20;
const REMOVED = ".removed";

/** A file that the cache may hold. */
export interface CacheEntry {
  readonly sha256: string;
  readonly sizeBytes: number;
}

interface StoredFile {
  readonly name: string;
  readonly sha256: string;
  /** What it takes of the bound: its full size, also while it is not whole. */
  readonly sizeBytes: number;
  /** What it will still take of the disk. */
  readonly missingBytes: number;
  readonly isWhole: boolean;
  readonly usedMs: number;
}

/**
 * Files named by their digest, in a folder that all processes of a machine share. A name without an ending
 * is a whole file whose digest was checked. Who reads files holds a lock of its own for as long and lists them
 * beside it; a file that a living reader lists is never removed. A process that is killed leaves
 * nothing that another one would take for alive.
 */
export class ShardCache implements AsyncDisposable {
  readonly maxBytes: number;
  readonly #folder: string;
  readonly #clock: Clock;
  readonly #pinned = new Set<string>();
  readonly #readerName: string = randomUUID();
  #reader: ProcessLock | undefined;
  #lastPin: Promise<void> = Promise.resolve();

  private constructor(plan: CachePlan, clock: Clock) {
    this.#folder = plan.folder;
    this.maxBytes = plan.maxBytes;
    this.#clock = clock;
  }

  /** Throws RefusedError or IncompleteError when the folder cannot be written. */
  static async open(plan: CachePlan, clock: Clock): Promise<ShardCache> {
    const cache = new ShardCache(plan, clock);
    try {
      await Promise.all(
        [cache.filesFolder, cache.#readers, cache.#locks].map((path) =>
          mkdir(path, { recursive: true }),
        ),
      );
      cache.#reader = ProcessLock.tryAcquire(join(cache.#readers, `${cache.#readerName}.lock`));
      await appendFile(cache.#pinFile, "");
      await cache.#filesInUse(); // clears away after the dead
    } catch (error) {
      throw explainedWriteError(error, plan.folder, "name another folder with --cache");
    }
    return cache;
  }

  get filesFolder(): string {
    return join(this.#folder, "files");
  }

  pathOf({ sha256 }: CacheEntry): string {
    return join(this.filesFolder, sha256);
  }

  /** Where a file grows; its name keeps its place within the bound. */
  partOf({ sha256, sizeBytes }: CacheEntry): string {
    return join(this.filesFolder, `${sha256}.${sizeBytes}.part`);
  }

  /** Whether a file is there; if it is, it stays until this cache is closed. */
  async take(entry: CacheEntry): Promise<boolean> {
    const path = this.pathOf(entry);
    if (this.#pinned.has(entry.sha256)) return isFile(path);
    if (!(await isFile(path))) return false;
    await this.#pin(entry.sha256);
    const now = new Date(this.#clock.dateMs());
    // Whoever removes files looks at the lists again after it has taken the name away.
    return utimes(path, now, now).then(
      () => true,
      (error: unknown) => missingOr(error),
    );
  }

  /** The right to download a file, or undefined while somebody else has it. */
  tryLock({ sha256 }: CacheEntry): ProcessLock | undefined {
    return ProcessLock.tryAcquire(join(this.#locks, `${sha256.slice(0, 2)}.lock`));
  }

  /**
   * Makes room for a file, by removing those that nobody reads and that were used longest ago, and keeps it
   * for the file's part. False when there is not enough. Only for the holder of the file's lock.
   */
  async reserve(entry: CacheEntry, signal: AbortSignal): Promise<boolean> {
    const part = this.partOf(entry);
    using held = new DisposableStack();
    held.use(await this.#lockRoom(signal));
    await this.#undoRemovals();
    const isBegun = await isFile(part);
    if (!(await this.#makeRoom(entry, isBegun ? entry.sha256 : undefined))) return false;
    await appendFile(part, "");
    return true;
  }

  /** Gives a file's part, which is whole, its name. Only for the holder of the file's lock. */
  async complete(entry: CacheEntry, signal: AbortSignal): Promise<void> {
    // Whoever makes room lists the files: one that gets its name meanwhile might be seen under neither.
    using held = new DisposableStack();
    held.use(await this.#lockRoom(signal));
    await rename(this.partOf(entry), this.pathOf(entry));
  }

  /** Removes a file whose bytes are not what its name says, whoever reads it. */
  async discard(entry: CacheEntry): Promise<void> {
    await rm(this.pathOf(entry), { force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#lastPin.catch(() => undefined);
    await rm(this.#pinFile, { force: true });
    this.#reader?.[Symbol.dispose]();
    await removeLock(join(this.#readers, `${this.#readerName}.lock`));
  }

  get #readers(): string {
    return join(this.#folder, "readers");
  }

  get #locks(): string {
    return join(this.#folder, "locks");
  }

  get #pinFile(): string {
    return join(this.#readers, `${this.#readerName}.files`);
  }

  #lockRoom(signal: AbortSignal): Promise<ProcessLock> {
    return ProcessLock.acquire(join(this.#locks, "room.lock"), { signal });
  }

  async #pin(sha256: string): Promise<void> {
    this.#pinned.add(sha256);
    this.#lastPin = appendFile(this.#pinFile, `${sha256}\n`).catch((error: unknown) => {
      // A file that is on no list may be removed while it is read, and then comes from the server again.
      if (!["ENOSPC", "EDQUOT"].includes(errnoOf(error) ?? "")) throw error;
    });
    await this.#lastPin;
  }

  /** `begun` is a file whose part is there already. */
  async #makeRoom(entry: CacheEntry, begun: string | undefined): Promise<boolean> {
    const files = await this.#list();
    const others = files.filter(({ isWhole, sha256 }) => isWhole || sha256 !== begun);
    const own = files.find(({ isWhole, sha256 }) => !isWhole && sha256 === begun);
    let used = others.reduce((sum, file) => sum + file.sizeBytes, entry.sizeBytes);
    const { bavail, bsize } = await statfs(this.filesFolder);
    const planned = others.reduce((sum, file) => sum + file.missingBytes, RESERVE_BYTES);
    let free = bavail * bsize - planned - (own?.missingBytes ?? entry.sizeBytes);
    if (used <= this.maxBytes && free >= 0) return true;
    if (entry.sizeBytes > this.maxBytes) return false;
    const kept = await this.#filesInUse();
    const removable = others
      .filter(({ sha256, isWhole }) => !(isWhole && kept.has(sha256)))
      .toSorted((a, b) => a.usedMs - b.usedMs);
    for (const file of removable) {
      if (used <= this.maxBytes && free >= 0) break;
      if (!(await this.#remove(file))) continue;
      used -= file.sizeBytes;
      free += file.sizeBytes;
    }
    return used <= this.maxBytes && free >= 0;
  }

  async #list(): Promise<StoredFile[]> {
    const names = await readdir(this.filesFolder);
    const files = await Promise.all(names.map((name) => this.#describe(name)));
    return files.filter((file) => file !== undefined);
  }

  async #describe(name: string): Promise<StoredFile | undefined> {
    const [, sha256, stated] = /^([0-9a-f]{64})(?:\.(\d{1,15})\.part)?$/.exec(name) ?? [];
    const found = await stat(join(this.filesFolder, name)).catch(() => undefined);
    if (sha256 === undefined || found === undefined) return undefined;
    const { size, mtimeMs } = found;
    const sizeBytes = stated === undefined ? size : Math.max(size, Number(stated));
    const isWhole = stated === undefined;
    return { name, sha256, sizeBytes, missingBytes: sizeBytes - size, isWhole, usedMs: mtimeMs };
  }

  /** The files that living readers list. The lists of dead ones are removed. */
  async #filesInUse(): Promise<Set<string>> {
    const names = await readdir(this.#readers);
    const inUse = new Set<string>();
    for (const name of names) {
      const [, reader] = /^([\w-]+)\.files$/.exec(name) ?? [];
      if (reader === undefined || (await this.#removeIfDead(reader))) continue;
      const text = await readFile(join(this.#readers, name), "utf8").catch(() => "");
      for (const sha256 of text.split("\n")) inUse.add(sha256);
    }
    return inUse;
  }

  async #removeIfDead(reader: string): Promise<boolean> {
    if (reader === this.#readerName) return false;
    const lockPath = join(this.#readers, `${reader}.lock`);
    {
      using lock = ProcessLock.tryAcquire(lockPath);
      if (lock === undefined) return false;
      await rm(join(this.#readers, `${reader}.files`), { force: true });
    }
    await removeLock(lockPath);
    return true;
  }

  /** Removes a file, unless somebody reads it or downloads it by now. */
  async #remove(file: StoredFile): Promise<boolean> {
    const path = join(this.filesFolder, file.name);
    if (!file.isWhole) {
      using lock = this.tryLock(file);
      if (lock === undefined) return false;
      await rm(path, { force: true });
      await rm(versionFile(path), { force: true });
      return true;
    }
    // A reader lists a file before it looks whether the file is there: after its name is gone, either the
    // reader is listed or it finds nothing.
    const removed = `${path}${REMOVED}`;
    await rename(path, removed);
    if ((await this.#filesInUse()).has(file.sha256)) {
      await rename(removed, path);
      return false;
    }
    await rm(removed, { force: true });
    return true;
  }

  /** A process that was killed while it removed a file may have overlooked a reader. */
  async #undoRemovals(): Promise<void> {
    const names = (await readdir(this.filesFolder)).filter((name) => name.endsWith(REMOVED));
    await Promise.all(
      names.map((name) => {
        const path = join(this.filesFolder, name);
        return rename(path, path.slice(0, -REMOVED.length));
      }),
    );
  }
}

/** Beside a part: which version of the remote file it is of. */
export function versionFile(part: string): string {
  return `${part}.version`;
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    (error: unknown) => missingOr(error),
  );
}

function missingOr(error: unknown): false {
  if (errnoOf(error) === "ENOENT") return false;
  throw error;
}

async function removeLock(path: string): Promise<void> {
  await Promise.all(ProcessLock.filesOf(path).map((file) => rm(file, { force: true })));
}
