import { hash } from "node:crypto";
import { ConfigError } from "../core/errors.ts";
import type { PictureRegions, SceneHead, SplitRole } from "../core/records.ts";
import type { ByteRange } from "./arrow/batch-body.ts";
import type { ByteSource } from "./arrow/file-reader.ts";
import { FileStorage, type ShardStorage } from "./file-storage.ts";
import {
  loadHead,
  type LoadedHead,
  openShard,
  placedFault,
  shardFault,
  type ShardPlace,
} from "./shard-file.ts";
import { regionSizeFault } from "./region-columns.ts";
import {
  type BatchEntry,
  readIndex,
  type ShardEntry,
  type ShardSetIndex,
  type SplitEntry,
} from "./shard-set-index.ts";

const CACHED_HEAD_BYTES = 32 * 2 ** 20;

/** The scenes of one split by their position, from 0. */
export interface SplitReader {
  readonly name: string;
  readonly role: SplitRole;
  readonly numScenes: number;
  /** Throws `ShardError` naming file, batch and row when the shard is damaged. */
  head(sceneIndex: number): Promise<SceneHead>;
  /**
   * The encoded bytes of a picture, by one positional read; never bytes whose digest is not the row's.
   * Throws `ShardError` naming file, batch and row.
   */
  pictureBytes(sceneIndex: number, pictureIndex: number): Promise<Uint8Array>;
  /**
   * What a detector saw in a picture, or null when the set has nothing for it: one positional read for the
   * features and one for the class probabilities, both checked against the row's digests.
   * Throws `ShardError` naming file, batch and row.
   */
  regions(sceneIndex: number, pictureIndex: number): Promise<PictureRegions | null>;
  /** All heads in order. */
  heads(signal?: AbortSignal): AsyncGenerator<SceneHead>;
}

export interface ReaderOptions {
  /** Where the files are read from; the folder itself unless given. */
  readonly storage?: ShardStorage;
  /** How many bytes of small columns are kept in memory. */
  readonly cachedHeadBytes?: number;
}

/** Reads a shard set at random; everything it gives was verified against the index. */
export class ShardSetReader implements AsyncDisposable {
  readonly index: ShardSetIndex;
  readonly #storage: ShardStorage;
  readonly #splits: ReadonlyMap<string, SplitReader>;

  private constructor(index: ShardSetIndex, storage: ShardStorage, cache: HeadCache) {
    this.index = index;
    this.#storage = storage;
    this.#splits = new Map(
      index.splits.map((entry) => [entry.name, new IndexedSplit(entry, cache)]),
    );
  }

  /** Throws `SourceError` when there is no finished set, `ShardError` when its index is damaged. */
  static async open(folder: string, options: ReaderOptions = {}): Promise<ShardSetReader> {
    const index = await readIndex(folder);
    const storage = options.storage ?? new FileStorage(folder);
    const maxBytes = options.cachedHeadBytes ?? CACHED_HEAD_BYTES;
    return new ShardSetReader(index, storage, new HeadCache({ storage, folder, maxBytes }));
  }

  split(name: string): SplitReader {
    const split = this.#splits.get(name);
    if (split !== undefined) return split;
    const names = [...this.#splits.keys()].join(", ");
    throw new ConfigError(
      `the shard set ${this.index.name} has no split "${name}"; it has ${names}`,
      { remedy: "name one of these" },
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#storage[Symbol.asyncDispose]();
  }
}

/** One batch of a split, with the number of scenes of the split that come before it. */
interface BatchSlot {
  readonly shard: ShardEntry;
  readonly entry: BatchEntry;
  readonly place: ShardPlace;
  readonly firstScene: number;
}

class IndexedSplit implements SplitReader {
  readonly name: string;
  readonly role: SplitRole;
  readonly numScenes: number;
  readonly #cache: HeadCache;
  readonly #slots: readonly BatchSlot[];

  constructor(entry: SplitEntry, cache: HeadCache) {
    this.name = entry.name;
    this.role = entry.role;
    this.#cache = cache;
    this.#slots = slotsOf(entry, cache.folder);
    const last = this.#slots.at(-1);
    this.numScenes = last === undefined ? 0 : last.firstScene + last.entry.numScenes;
  }

  async head(sceneIndex: number): Promise<SceneHead> {
    const { slot, row } = this.#locate(sceneIndex);
    const { rows } = await this.#cache.load(slot);
    return atPlace({ ...slot.place, row }, () => rows.head(row));
  }

  async pictureBytes(sceneIndex: number, pictureIndex: number): Promise<Uint8Array> {
    const { slot, row } = this.#locate(sceneIndex);
    const place = { ...slot.place, row };
    const head = await this.#cache.load(slot);
    const picture = atPlace(place, () => head.rows.picture(row, pictureIndex));
    const range = atPlace(place, () => head.rows.pictureRange(row, pictureIndex));
    if (picture === undefined || range === undefined)
      throw this.#noPicture(sceneIndex, pictureIndex);
    const { key, sha256 } = picture;
    return this.#bytes({ slot, head, place }, { range, sha256, name: `the bytes of ${key}` });
  }

  async regions(sceneIndex: number, pictureIndex: number): Promise<PictureRegions | null> {
    const { slot, row } = this.#locate(sceneIndex);
    const place = { ...slot.place, row };
    const head = await this.#cache.load(slot);
    const picture = atPlace(place, () => head.rows.picture(row, pictureIndex));
    if (picture === undefined) throw this.#noPicture(sceneIndex, pictureIndex);
    const found = atPlace(place, () => head.rows.regions(row))?.[pictureIndex] ?? null;
    if (found === null) return null;
    const fault = regionSizeFault(found);
    if (fault !== undefined) throw shardFault(place, `the regions of ${picture.key}: ${fault}`);
    const { featuresSha256, classProbabilitiesSha256, ...regions } = found;
    const batch = { slot, head, place };
    const [features, classProbabilities] = await Promise.all([
      this.#bytes(batch, {
        range: regions.features,
        sha256: featuresSha256,
        name: `the features of ${picture.key}`,
      }),
      this.#bytes(batch, {
        range: regions.classProbabilities,
        sha256: classProbabilitiesSha256,
        name: `the class probabilities of ${picture.key}`,
      }),
    ]);
    return { ...regions, features, classProbabilities };
  }

  async *heads(signal?: AbortSignal): AsyncGenerator<SceneHead> {
    for (const slot of this.#slots) {
      const { rows } = await this.#cache.load(slot);
      for (let row = 0; row < rows.numRows; row += 1) {
        signal?.throwIfAborted();
        yield atPlace({ ...slot.place, row }, () => rows.head(row));
      }
    }
  }

  /** Bytes of a batch's body, never any whose digest is another. */
  async #bytes(
    { slot, head, place }: { slot: BatchSlot; head: LoadedHead; place: ShardPlace },
    { range, sha256, name }: { range: ByteRange; sha256: string; name: string },
  ): Promise<Uint8Array> {
    const { sizeBytes } = range;
    const offset = head.bodyOffset + range.offset;
    const bytes = await this.#cache.read(slot, { offset, sizeBytes });
    const actual = hash("sha256", bytes, "hex");
    if (actual === sha256) return bytes;
    throw shardFault(place, `${name} have the digest ${actual}, the row says ${sha256}`);
  }

  #noPicture(sceneIndex: number, pictureIndex: number): RangeError {
    return new RangeError(`scene ${sceneIndex} of ${this.name} has no picture ${pictureIndex}`);
  }

  #locate(sceneIndex: number): { slot: BatchSlot; row: number } {
    let [low, high] = [0, this.#slots.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if ((this.#slots[middle]?.firstScene ?? Infinity) <= sceneIndex) low = middle;
      else high = middle - 1;
    }
    const slot = this.#slots[low];
    const isScene = Number.isInteger(sceneIndex) && sceneIndex >= 0 && sceneIndex < this.numScenes;
    if (slot !== undefined && isScene) return { slot, row: sceneIndex - slot.firstScene };
    throw new RangeError(
      `split ${this.name} has ${this.numScenes} scenes, there is no ${sceneIndex}`,
    );
  }
}

function slotsOf(split: SplitEntry, set: string): BatchSlot[] {
  let firstScene = 0;
  return split.shards.flatMap((shard) =>
    shard.batches.map((entry, batch) => {
      const slot = { shard, entry, place: { set, file: shard.file, batch }, firstScene };
      firstScene += entry.numScenes;
      return slot;
    }),
  );
}

function atPlace<T>(place: ShardPlace, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw placedFault(error, place);
  }
}

/** Keeps the small columns of the batches used last, up to a number of bytes. */
class HeadCache {
  /** Of the set, for faults. */
  readonly folder: string;
  readonly #storage: ShardStorage;
  readonly #maxBytes: number;
  readonly #shards = new Map<ShardEntry, Promise<ByteSource>>();
  /** In the order of their last use. */
  readonly #heads = new Map<BatchEntry, Promise<LoadedHead>>();
  #sizeBytes = 0;

  constructor(options: { storage: ShardStorage; folder: string; maxBytes: number }) {
    this.folder = options.folder;
    this.#storage = options.storage;
    this.#maxBytes = options.maxBytes;
  }

  async load(slot: BatchSlot): Promise<LoadedHead> {
    const known = this.#heads.get(slot.entry);
    if (known !== undefined) {
      this.#heads.delete(slot.entry);
      this.#heads.set(slot.entry, known);
      return known;
    }
    const head = this.#shard(slot.shard).then((source) => loadHead(source, slot.entry, slot.place));
    this.#heads.set(slot.entry, head);
    this.#sizeBytes += slot.entry.headSizeBytes;
    this.#evict();
    head.catch(() => this.#forget(slot.entry));
    return head;
  }

  async read(slot: BatchSlot, range: ByteRange): Promise<Uint8Array> {
    const source = await this.#shard(slot.shard);
    try {
      return await source.read(range);
    } catch (error) {
      throw placedFault(error, slot.place);
    }
  }

  #shard(shard: ShardEntry): Promise<ByteSource> {
    const known = this.#shards.get(shard);
    if (known !== undefined) return known;
    const source = openShard(this.#storage, shard, this.folder);
    this.#shards.set(shard, source);
    source.catch(() => this.#shards.delete(shard));
    return source;
  }

  #evict(): void {
    for (const entry of this.#heads.keys()) {
      if (this.#sizeBytes <= this.#maxBytes || this.#heads.size === 1) return;
      this.#forget(entry);
    }
  }

  #forget(entry: BatchEntry): void {
    if (this.#heads.delete(entry)) this.#sizeBytes -= entry.headSizeBytes;
  }
}
