import { ConfigError } from "../../core/errors.ts";
import { FileStorage, type ShardStorage } from "../file-storage.ts";
import { isRemote } from "../remote/location.ts";
import type { ListedFiles, RemoteOptions } from "../remote/open-storage.ts";
import type { FileEntry, ShardSetIndex } from "../shard-set-index.ts";
import type { ReaderOptions, SplitReader } from "../shard-set-reader.ts";
import { HeadCache } from "./head-cache.ts";
import { ListedSplit } from "./split-reader.ts";
import { type SplitTable, splitTables } from "./split-table.ts";

/**
 * A set whose index was read and found right: what any thread needs to read the set without a look at the index.
 * It may be posted to one; the tables are not copied by that.
 */
export interface SetListing {
  readonly location: string;
  readonly name: string;
  /** The set's digest. */
  readonly digest: string;
  readonly splits: readonly SplitTable[];
  readonly ledger: FileEntry;
}

const CACHED_HEAD_BYTES = 32 * 2 ** 20;
const REMOTE_READ_AHEAD = 8;

export function listingOf(
  location: string,
  { digest, ledger, name, splits }: ShardSetIndex,
): SetListing {
  return { location, name, digest, splits: splitTables(splits), ledger };
}

/** The splits of a listed set; everything they give was verified against the index. */
export class ListedSet implements AsyncDisposable {
  readonly #name: string;
  readonly #storage: ShardStorage;
  readonly #splits: ReadonlyMap<string, SplitReader>;

  private constructor({ name, splits }: SetListing, storage: ShardStorage, cache: HeadCache) {
    const readAhead = isRemote(cache.folder) ? REMOTE_READ_AHEAD : 0;
    this.#name = name;
    this.#storage = storage;
    this.#splits = new Map(
      splits.map((table) => [table.name, new ListedSplit(table, { cache, readAhead })]),
    );
  }

  static async open(listing: SetListing, options: ReaderOptions = {}): Promise<ListedSet> {
    const { location } = listing;
    const storage = options.storage ?? (await storageOf(location, listing, options.remote));
    const maxBytes = options.cachedHeadBytes ?? CACHED_HEAD_BYTES;
    return new ListedSet(listing, storage, new HeadCache({ storage, folder: location, maxBytes }));
  }

  /** ConfigError when the set has no such split. */
  split(name: string): SplitReader {
    const split = this.#splits.get(name);
    if (split !== undefined) return split;
    const names = [...this.#splits.keys()].join(", ");
    throw new ConfigError(`the shard set ${this.#name} has no split "${name}"; it has ${names}`, {
      remedy: "name one of these",
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#storage[Symbol.asyncDispose]();
  }
}

/** Where the files of a set are read from: a folder, or the server that its location names. */
export async function storageOf(
  location: string,
  files: ListedFiles,
  remote?: RemoteOptions,
): Promise<ShardStorage> {
  if (!isRemote(location)) return new FileStorage(location);
  // What speaks with servers is loaded where one is spoken with.
  const { openStorage } = await import("../remote/open-storage.ts");
  return openStorage(location, files, remote);
}
