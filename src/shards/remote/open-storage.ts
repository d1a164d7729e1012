import pLimit, { type LimitFunction } from "p-limit";
import { systemClock } from "../../core/network/system-clock.ts";
import type { ByteSource } from "../arrow/file-reader.ts";
import { FileStorage, type ShardStorage } from "../file-storage.ts";
import type { FileEntry } from "../shard-set-index.ts";
import { CachedSource, type CachingContext } from "./cached-source.ts";
import { RangeSource } from "./range-source.ts";
import { type NetworkOptions, RemoteFiles } from "./remote-files.ts";
import { type CachePlan, defaultCache } from "./cache-plan.ts";
import { ShardCache } from "./shard-cache.ts";

/**
 * How remote files are read. "stream": every read is a request. "download": files come whole into the cache in
 * the background, as far as it has room, and are read by range until they are there.
 */
type RemotePolicy = "stream" | "download";

export interface RemoteOptions extends NetworkOptions {
  /** "stream" unless given. */
  readonly policy?: RemotePolicy | undefined;
  /** The cache of "download"; `defaultCache()` unless given. */
  readonly cache?: CachePlan | undefined;
}

/** The files that an index lists. */
export interface ListedFiles {
  readonly splits: readonly { readonly shards: readonly FileEntry[] }[];
  readonly ledger: FileEntry;
}

const MAX_REQUESTS = 16;

/** The server on which the files of a set lie that this location names. */
export async function openStorage(
  location: string,
  listed: ListedFiles,
  options: RemoteOptions = {},
): Promise<ShardStorage> {
  return RemoteStorage.open(location, listed, options);
}

/** The text of one of a set's small files. Throws an error with the code ENOENT when there is none. */
export async function readRemoteText(
  location: string,
  file: string,
  options: NetworkOptions = {},
): Promise<string> {
  await using files = await RemoteFiles.open(location, options);
  return await files.text(file);
}

/** The files of a remote set. */
class RemoteStorage implements ShardStorage {
  readonly #files: RemoteFiles;
  readonly #entries: ReadonlyMap<string, FileEntry>;
  readonly #caching: CachingContext | undefined;
  readonly #limit: LimitFunction = pLimit(MAX_REQUESTS);
  readonly #sources = new Map<string, Promise<ByteSource>>();
  readonly #stopping: AbortController;

  private constructor(
    files: RemoteFiles,
    listed: ListedFiles,
    given: { readonly caching: CachingContext | undefined; readonly stopping: AbortController },
  ) {
    const shards = listed.splits.flatMap((split) => split.shards);
    this.#files = files;
    this.#entries = new Map([...shards, listed.ledger].map((entry) => [entry.file, entry]));
    this.#caching = given.caching;
    this.#stopping = given.stopping;
  }

  static async open(
    location: string,
    listed: ListedFiles,
    options: RemoteOptions,
  ): Promise<RemoteStorage> {
    const stopping = new AbortController();
    const { signal } = stopping;
    await using opened = new AsyncDisposableStack();
    const files = opened.use(await RemoteFiles.open(location, options));
    let caching: CachingContext | undefined;
    if (options.policy === "download") {
      const { clock = systemClock, cache: plan = defaultCache() } = options;
      const cache = opened.use(await ShardCache.open(plan, clock));
      const local = new FileStorage(cache.filesFolder);
      caching = { files, cache, local, clock, signal, inTurn: pLimit(1) };
    }
    const storage = new RemoteStorage(files, listed, { caching, stopping });
    opened.move();
    return storage;
  }

  open(file: string): Promise<ByteSource> {
    const known = this.#sources.get(file);
    if (known !== undefined) return known;
    const source = this.#open(file);
    this.#sources.set(file, source);
    source.catch(() => this.#sources.delete(file));
    return source;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort(new TypeError("a remote shard set is read after it was closed"));
    // Downloads in hand end by the abort; those behind them begin no more.
    await this.#caching?.inTurn(() => Promise.resolve());
    await this.#caching?.local[Symbol.asyncDispose]();
    await this.#caching?.cache[Symbol.asyncDispose]();
    await this.#files[Symbol.asyncDispose]();
  }

  async #open(file: string): Promise<ByteSource> {
    const entry = this.#entries.get(file);
    if (entry === undefined) throw new TypeError(`the index lists no ${file}`);
    const context = { files: this.#files, limit: this.#limit, signal: this.#stopping.signal };
    const openRemote = (): Promise<ByteSource> => RangeSource.open(file, entry.sizeBytes, context);
    return this.#caching === undefined
      ? openRemote()
      : CachedSource.open(entry, this.#caching, openRemote);
  }
}
