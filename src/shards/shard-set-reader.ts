import type { PictureRegions, SceneHead, SplitRole } from "../core/records.ts";
import type { ShardStorage } from "./file-storage.ts";
import { readCheckedIndex } from "./opening/opened-index.ts";
import { ListedSet, listingOf } from "./reading/listed-set.ts";
import type { RemoteOptions } from "./remote/open-storage.ts";
import type { ShardSetIndex } from "./shard-set-index.ts";

/** The scenes of one split by their position, from 0. */
export interface SplitReader {
  readonly name: string;
  readonly role: SplitRole;
  readonly numScenes: number;
  /** Throws `ShardError` naming file, batch and row when the shard is damaged. */
  head(sceneIndex: number): Promise<SceneHead>;
  /** The same, at once where it is in memory; then its faults are thrown at once as well. */
  headSoon(sceneIndex: number): SceneHead | Promise<SceneHead>;
  /**
   * The encoded bytes of a picture, by one positional read; never bytes whose digest is not the row's. They
   * are read into `into` when it is given and large enough, and are then valid until it is used again.
   * Throws `ShardError` naming file, batch and row.
   */
  pictureBytes(sceneIndex: number, pictureIndex: number, into?: Uint8Array): Promise<Uint8Array>;
  /** The same, at once where nothing must be waited for, as of a file that is open; then faults are thrown at once as well. */
  pictureBytesSoon(
    sceneIndex: number,
    pictureIndex: number,
    into?: Uint8Array,
  ): Uint8Array | Promise<Uint8Array>;
  /**
   * What a detector saw in a picture, or null when the set has nothing for it: one positional read for the
   * features and one for the class probabilities, both checked against the row's digests.
   * Throws `ShardError` naming file, batch and row.
   */
  regions(sceneIndex: number, pictureIndex: number): Promise<PictureRegions | null>;
  /** All heads in order, or those of some scenes. */
  heads(signal?: AbortSignal, scenes?: SceneRange): AsyncGenerator<SceneHead>;
  /** How many regions the first picture of each scene has, in order; 0 where the set has nothing for it. */
  regionCounts(signal?: AbortSignal): AsyncGenerator<number>;
}

/** Neighbouring scenes of a split. */
export interface SceneRange {
  readonly first: number;
  /** Behind the last of them. */
  readonly end: number;
}

export interface ReaderOptions {
  /** Where the files are read from; where the set's location says unless given. */
  readonly storage?: ShardStorage;
  /** How the files of a set that lies on a server are read. */
  readonly remote?: RemoteOptions;
  /** How many bytes of small columns are kept in memory. */
  readonly cachedHeadBytes?: number;
}

/** Reads a shard set at random; everything it gives was verified against the index. */
export class ShardSetReader implements AsyncDisposable {
  readonly index: ShardSetIndex;
  readonly #set: ListedSet;

  private constructor(index: ShardSetIndex, set: ListedSet) {
    this.index = index;
    this.#set = set;
  }

  /**
   * Opens the set in a folder, at an http(s) URL, or at s3://bucket/prefix.
   * Throws `SourceError` when there is no finished set, `ShardError` when its index is damaged,
   * `IncompleteError` when a server cannot be reached now.
   */
  static async open(location: string, options: ReaderOptions = {}): Promise<ShardSetReader> {
    const index = await readCheckedIndex(location, options.remote);
    return new ShardSetReader(index, await ListedSet.open(listingOf(location, index), options));
  }

  /** ConfigError when the set has no such split. */
  split(name: string): SplitReader {
    return this.#set.split(name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#set[Symbol.asyncDispose]();
  }
}
