import { ConfigError } from "../core/errors.ts";
import type { PictureRegions, SceneHead, SplitRole } from "../core/records.ts";
import type { ByteRange } from "./arrow/batch-body.ts";
import { FileStorage, type ShardStorage } from "./file-storage.ts";
import { executeReads } from "./reading/execute-reads.ts";
import { type BatchSlot, HeadCache } from "./reading/head-cache.ts";
import { type CoalescingPolicy, localReads, planReads, remoteReads } from "./reading/plan-reads.ts";
import { inFile } from "./reading/plan-rows.ts";
import { isRemote } from "./remote/location.ts";
import type { RemoteOptions } from "./remote/open-storage.ts";
import { regionSizeFault } from "./region-columns.ts";
import {
  type LoadedHead,
  placedFault,
  readChecked,
  shardFault,
  type ShardPlace,
} from "./shard-file.ts";
import {
  INDEX_FILE,
  misplacedFiles,
  readIndex,
  type ShardSetIndex,
  type SplitEntry,
} from "./shard-set-index.ts";

const CACHED_HEAD_BYTES = 32 * 2 ** 20;
const REMOTE_READ_AHEAD = 8;

/** A picture of a split by its positions, each from 0. */
interface PicturePlace {
  readonly sceneIndex: number;
  readonly pictureIndex: number;
}

/** The scenes of one split by their position, from 0. */
export interface SplitReader {
  readonly name: string;
  readonly role: SplitRole;
  readonly numScenes: number;
  /** Throws `ShardError` naming file, batch and row when the shard is damaged. */
  head(sceneIndex: number): Promise<SceneHead>;
  /**
   * The encoded bytes of a picture, by one positional read; never bytes whose digest is not the row's. They
   * are read into `into` when it is given and large enough, and are then valid until it is used again.
   * Throws `ShardError` naming file, batch and row.
   */
  pictureBytes(sceneIndex: number, pictureIndex: number, into?: Uint8Array): Promise<Uint8Array>;
  /**
   * The encoded bytes of several pictures in the order in which they are wanted, verified as one alone is;
   * those that lie close to each other share a read. Throws `ShardError` as for one.
   */
  pictures(places: readonly PicturePlace[]): Promise<Uint8Array[]>;
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
  /** Where the files are read from; where the set's location says unless given. */
  readonly storage?: ShardStorage;
  /** How the files of a set that lies on a server are read. */
  readonly remote?: RemoteOptions;
  /** How many bytes of small columns are kept in memory. */
  readonly cachedHeadBytes?: number;
  /** When the reads of several pictures become one; for local files unless given. */
  readonly coalescing?: CoalescingPolicy;
}

/** Reads a shard set at random; everything it gives was verified against the index. */
export class ShardSetReader implements AsyncDisposable {
  readonly index: ShardSetIndex;
  readonly #storage: ShardStorage;
  readonly #splits: ReadonlyMap<string, SplitReader>;

  private constructor(index: ShardSetIndex, storage: ShardStorage, reading: Reading) {
    this.index = index;
    this.#storage = storage;
    this.#splits = new Map(
      index.splits.map((entry) => [entry.name, new IndexedSplit(entry, reading)]),
    );
  }

  /**
   * Opens the set in a folder, at an http(s) URL, or at s3://bucket/prefix.
   * Throws `SourceError` when there is no finished set, `ShardError` when its index is damaged,
   * `IncompleteError` when a server cannot be reached now.
   */
  static async open(location: string, options: ReaderOptions = {}): Promise<ShardSetReader> {
    const index = await readIndex(location, options.remote);
    for (const fault of misplacedFiles(index)) {
      throw shardFault({ set: location, file: INDEX_FILE }, fault);
    }
    const storage = options.storage ?? (await storageOf(location, index, options.remote));
    const maxBytes = options.cachedHeadBytes ?? CACHED_HEAD_BYTES;
    const cache = new HeadCache({ storage, folder: location, maxBytes });
    const isFar = isRemote(location);
    const coalescing = options.coalescing ?? (isFar ? remoteReads : localReads);
    const readAhead = isFar ? REMOTE_READ_AHEAD : 0;
    return new ShardSetReader(index, storage, { cache, coalescing, readAhead });
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

/** Where the files of a set with this index are read from: a folder, or the server that its location names. */
export async function storageOf(
  location: string,
  index: ShardSetIndex,
  remote?: RemoteOptions,
): Promise<ShardStorage> {
  if (!isRemote(location)) return new FileStorage(location);
  // What speaks with servers is loaded where one is spoken with.
  const { openStorage } = await import("./remote/open-storage.ts");
  return openStorage(location, index, remote);
}

/** What the splits of a set share. */
interface Reading {
  readonly cache: HeadCache;
  readonly coalescing: CoalescingPolicy;
  /** How many batches' small columns are asked for before they are needed, where all are read in order. */
  readonly readAhead: number;
}

/** Where the bytes of a picture lie, and what tells whether they are the right ones. */
interface LocatedPicture {
  readonly slot: BatchSlot;
  readonly head: LoadedHead;
  readonly row: number;
  readonly pictureIndex: number;
  /** In the body of the batch. */
  readonly range: ByteRange;
}

/** One value of a row that must have the row's digest. */
interface WantedValue {
  readonly range: ByteRange;
  readonly sha256: string;
  readonly name: string;
}

class IndexedSplit implements SplitReader {
  readonly name: string;
  readonly role: SplitRole;
  readonly numScenes: number;
  readonly #cache: HeadCache;
  readonly #coalescing: CoalescingPolicy;
  readonly #readAhead: number;
  readonly #slots: readonly BatchSlot[];

  constructor(entry: SplitEntry, { cache, coalescing, readAhead }: Reading) {
    this.name = entry.name;
    this.role = entry.role;
    this.#cache = cache;
    this.#coalescing = coalescing;
    this.#readAhead = readAhead;
    this.#slots = slotsOf(entry, cache.folder);
    const last = this.#slots.at(-1);
    this.numScenes = last === undefined ? 0 : last.firstScene + last.entry.numScenes;
  }

  async head(sceneIndex: number): Promise<SceneHead> {
    const { slot, row } = this.#locate(sceneIndex);
    const { rows } = await this.#cache.load(slot);
    return atPlace({ ...slot.place, row }, () => rows.head(row));
  }

  async pictureBytes(
    sceneIndex: number,
    pictureIndex: number,
    into?: Uint8Array,
  ): Promise<Uint8Array> {
    const picture = await this.#picture(sceneIndex, pictureIndex);
    const { slot, row, head, range } = picture;
    return this.#cache.read(slot, inFile(head, range), {
      row,
      into,
      check: (bytes) => requireRight(picture, bytes),
    });
  }

  async pictures(places: readonly PicturePlace[]): Promise<Uint8Array[]> {
    const located = await Promise.all(
      places.map(({ sceneIndex, pictureIndex }) => this.#picture(sceneIndex, pictureIndex)),
    );
    const ofShard = Map.groupBy(located.entries(), ([, { slot }]) => slot.shard);
    const found: Uint8Array[] = [];
    for (const [shard, wanted] of ofShard) {
      const ranges = wanted.map(([, { head, range }]) => inFile(head, range));
      const source = await this.#cache.shard(shard);
      const values = await executeReads(source, planReads(ranges, this.#coalescing)).catch(
        (error: unknown) => {
          throw placedFault(error, { set: this.#cache.folder, file: shard.file });
        },
      );
      for (const [index, [place, picture]] of wanted.entries()) {
        const range = ranges[index] ?? { offset: 0, sizeBytes: 0 };
        const bytes = values[index] ?? new Uint8Array(0);
        found[place] = await readChecked(source, { range, bytes }, (value) =>
          requireRight(picture, value),
        );
      }
    }
    return found;
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
    const scene = { slot, row, head };
    const [features, classProbabilities] = await Promise.all([
      this.#value(scene, {
        range: regions.features,
        sha256: featuresSha256,
        name: `the features of ${picture.key}`,
      }),
      this.#value(scene, {
        range: regions.classProbabilities,
        sha256: classProbabilitiesSha256,
        name: `the class probabilities of ${picture.key}`,
      }),
    ]);
    return { ...regions, features, classProbabilities };
  }

  async *heads(signal?: AbortSignal): AsyncGenerator<SceneHead> {
    for (const [position, slot] of this.#slots.entries()) {
      // These come while the rows of this one are looked at; what fails is told when it is waited for.
      for (const next of this.#slots.slice(position + 1, position + 1 + this.#readAhead))
        void this.#cache.load(next);
      const { rows } = await this.#cache.load(slot);
      for (let row = 0; row < rows.numRows; row += 1) {
        signal?.throwIfAborted();
        yield atPlace({ ...slot.place, row }, () => rows.head(row));
      }
    }
  }

  async #picture(sceneIndex: number, pictureIndex: number): Promise<LocatedPicture> {
    const { slot, row } = this.#locate(sceneIndex);
    const head = await this.#cache.load(slot);
    const range = atPlace({ ...slot.place, row }, () => head.rows.pictureRange(row, pictureIndex));
    if (range === undefined) throw this.#noPicture(sceneIndex, pictureIndex);
    return { slot, head, row, pictureIndex, range };
  }

  /** A value of a row. */
  async #value(
    { slot, row, head }: { slot: BatchSlot; row: number; head: LoadedHead },
    value: WantedValue,
  ): Promise<Uint8Array> {
    const place = { ...slot.place, row };
    return this.#cache.read(slot, inFile(head, value.range), {
      row,
      check: (bytes) => {
        if (!head.proven.isProven(value.range, bytes)) prove(head, bytes, { value, place });
        return bytes;
      },
    });
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

/** The bytes of a picture; throws a ShardError when they are not those that its row describes. */
function requireRight(
  { slot, head, row, pictureIndex, range }: LocatedPicture,
  bytes: Uint8Array,
): Uint8Array {
  if (head.proven.isProven(range, bytes)) return bytes;
  const place = { ...slot.place, row };
  const picture = atPlace(place, () => head.rows.picture(row, pictureIndex));
  if (picture === undefined) {
    throw shardFault(
      place,
      `it has the bytes of a picture ${pictureIndex} that it does not describe`,
    );
  }
  const { key, sha256 } = picture;
  prove(head, bytes, { value: { range, sha256, name: `the bytes of ${key}` }, place });
  return bytes;
}

function prove(
  { proven }: LoadedHead,
  bytes: Uint8Array,
  { value, place }: { value: WantedValue; place: ShardPlace },
): void {
  const actual = proven.prove(value.range, bytes, value.sha256);
  if (actual === undefined) return;
  throw shardFault(place, `${value.name} have the digest ${actual}, the row says ${value.sha256}`);
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
