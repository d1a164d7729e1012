import { channel } from "node:diagnostics_channel";
import type { LimitFunction } from "p-limit";
import { errnoOf, IncompleteError, ShardError } from "../../core/errors.ts";
import type { Clock } from "../../core/network/clock.ts";
import type { ByteRange } from "../arrow/batch-body.ts";
import type { ByteSource } from "../arrow/file-reader.ts";
import { type FileStorage, ShortReadError } from "../file-storage.ts";
import type { FileEntry } from "../shard-set-index.ts";
import { CACHE_BYTES_VARIABLE } from "./cache-plan.ts";
import { fileAt } from "./location.ts";
import { NoRangesError } from "./remote-files.ts";
import { type DownloadContext, type DownloadOutcome, downloadShard } from "./shard-download.ts";

/** Gets `{ file, outcome }` for every download that ended, and `{ file, fault }` for every one that failed. */
export const downloadChannel = "crossweave:shard-download";
const downloads = channel(downloadChannel);

/** How long a file that others download, or that was not there, is not looked for again. */
const LOOK_AGAIN_MS = 500;
/** How long a download that failed or found no room is not tried again. */
const TRY_AGAIN_MS = 60_000;

export interface CachingContext extends DownloadContext {
  readonly clock: Clock;
  /** Downloads go one after another, so that the first is there soon. */
  readonly inTurn: LimitFunction;
  /** The files of the cache's folder. */
  readonly local: FileStorage;
}

/**
 * A remote file that comes into the cache in the background. Until it is there it is read by range; of a
 * server that serves no ranges, it is waited for.
 */
export class CachedSource implements ByteSource {
  readonly sizeBytes: number;
  readonly #entry: FileEntry;
  readonly #context: CachingContext;
  readonly #openRemote: () => Promise<ByteSource>;
  #remote: Promise<ByteSource> | undefined;
  #local: ByteSource | undefined;
  #looking: Promise<boolean> | undefined;
  #discarding: Promise<void> | undefined;
  #download: Promise<void> | undefined;
  #lookAtMs = 0;
  #tryAtMs = 0;
  /** Whether the copy here turned out to be wrong. */
  #isDistrusted = false;
  /** The server's file is not the index's: no use in another download. */
  #isRefused = false;
  /** What the last download failed with. */
  #failure: unknown;
  /** Whether the last download found no room. */
  #hasNoRoom = false;

  private constructor(
    entry: FileEntry,
    context: CachingContext,
    openRemote: () => Promise<ByteSource>,
  ) {
    this.#entry = entry;
    this.sizeBytes = entry.sizeBytes;
    this.#context = context;
    this.#openRemote = openRemote;
  }

  /** Opens the file here, or on the server. Throws what opening it there throws, and ShardError for another size. */
  static async open(
    entry: FileEntry,
    context: CachingContext,
    openRemote: () => Promise<ByteSource>,
  ): Promise<ByteSource> {
    const source = new CachedSource(entry, context, openRemote);
    if (await source.#isHere()) return source;
    source.#begin();
    try {
      const remote = await source.#remoteSource();
      // Whoever opens a file compares its size with the index.
      return remote.sizeBytes === entry.sizeBytes ? source : remote;
    } catch (error) {
      if (!(error instanceof NoRangesError)) throw error;
      await source.#waitForFile();
      return source;
    }
  }

  read(range: ByteRange, into?: Uint8Array): Uint8Array | Promise<Uint8Array> {
    if (this.#local === undefined) return this.#readWhileAway(range);
    try {
      return this.#local.read(range, into);
    } catch (error) {
      if (errnoOf(error) !== "ENOENT" && !(error instanceof ShortReadError)) throw error;
      // Somebody emptied the cache's folder, or cut a file of it.
      return this.readAgain(range);
    }
  }

  /** The same bytes from the server, when those that came were not right. */
  async readAgain(range: ByteRange): Promise<Uint8Array> {
    if (this.#local !== undefined) this.#discarding = this.#discard();
    // Whoever looks for the file before it is gone would find the wrong one.
    await this.#discarding;
    return this.#readFromServer(range);
  }

  async #discard(): Promise<void> {
    const { cache, local } = this.#context;
    this.#local = undefined;
    this.#isDistrusted = true;
    local.close(this.#entry.sha256);
    await cache.discard(this.#entry);
  }

  async #readWhileAway(range: ByteRange): Promise<Uint8Array> {
    if (await this.#isHere()) return this.read(range);
    this.#begin();
    return this.#readFromServer(range);
  }

  async #readFromServer(range: ByteRange): Promise<Uint8Array> {
    try {
      return await (await this.#remoteSource()).read(range);
    } catch (error) {
      if (!(error instanceof NoRangesError)) throw error;
      await this.#waitForFile();
      return this.read(range);
    }
  }

  /** All that read while one looks wait for what it finds. */
  async #isHere(): Promise<boolean> {
    if (this.#local !== undefined) return true;
    if (this.#looking !== undefined) return this.#looking;
    const nowMs = this.#context.clock.monotonicMs();
    if (this.#isDistrusted || nowMs < this.#lookAtMs) return false;
    this.#lookAtMs = nowMs + LOOK_AGAIN_MS;
    this.#looking = this.#look();
    try {
      return await this.#looking;
    } finally {
      this.#looking = undefined;
    }
  }

  async #look(): Promise<boolean> {
    if (!(await this.#context.cache.take(this.#entry))) return false;
    this.#local = await this.#context.local.open(this.#entry.sha256);
    return true;
  }

  async #waitForFile(): Promise<void> {
    const { clock, signal } = this.#context;
    this.#isDistrusted = false;
    for (;;) {
      this.#begin();
      await this.#download;
      this.#lookAtMs = 0;
      if (await this.#isHere()) return;
      signal.throwIfAborted();
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#hasNoRoom) throw this.#roomFault();
      await clock.sleep(LOOK_AGAIN_MS, signal);
    }
  }

  #roomFault(): IncompleteError {
    const { file, sizeBytes } = this.#entry;
    const path = fileAt(this.#context.files.location, file);
    return new IncompleteError(
      `${path}: the cache has no room for its ${sizeBytes} bytes, and the server serves no ranges`,
      {
        file: path,
        remedy: `allow the cache more by ${CACHE_BYTES_VARIABLE}, free some space on its disk, or have the set served by ranges`,
      },
    );
  }

  #remoteSource(): Promise<ByteSource> {
    if (this.#remote !== undefined) return this.#remote;
    const opening = this.#openRemote();
    this.#remote = opening;
    opening.catch((error: unknown) => {
      if (!(error instanceof NoRangesError)) this.#remote = undefined;
    });
    return opening;
  }

  /** Begins the download, unless it is under way or was tried just now. */
  #begin(): void {
    const { clock, inTurn, signal } = this.#context;
    const isOver = this.#download === undefined && !this.#isRefused;
    if (!isOver || this.#isDistrusted || clock.monotonicMs() < this.#tryAtMs) return;
    this.#download = inTurn(async () => {
      if (!signal.aborted) await this.#attempt();
      this.#download = undefined;
    });
  }

  async #attempt(): Promise<void> {
    const { clock, signal } = this.#context;
    const { file } = this.#entry;
    let outcome: DownloadOutcome = "no room";
    this.#failure = undefined;
    this.#hasNoRoom = false;
    try {
      outcome = await downloadShard(this.#entry, this.#context);
      this.#hasNoRoom = outcome === "no room";
      downloads.publish({ file, outcome });
    } catch (error) {
      if (signal.aborted) return;
      this.#isRefused = error instanceof ShardError;
      this.#failure = error;
      downloads.publish({ file, fault: error });
    }
    const pauseMs = outcome === "no room" ? TRY_AGAIN_MS : LOOK_AGAIN_MS;
    this.#tryAtMs = clock.monotonicMs() + pauseMs;
    if (outcome === "there") this.#lookAtMs = 0;
  }
}
