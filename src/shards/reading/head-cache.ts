import type { ByteRange } from "../arrow/batch-body.ts";
import type { ByteSource } from "../arrow/file-reader.ts";
import type { ShardStorage } from "../file-storage.ts";
import {
  loadHead,
  type LoadedHead,
  openShard,
  placedFault,
  readChecked,
  type ShardPlace,
} from "../shard-file.ts";
import type { BatchEntry, ShardEntry } from "../shard-set-index.ts";

/** One batch of a split, with the number of scenes of the split that come before it. */
export interface BatchSlot {
  readonly shard: ShardEntry;
  readonly entry: BatchEntry;
  readonly place: ShardPlace;
  readonly firstScene: number;
}

/** Opens shards when they are first needed, and keeps the small columns of the batches used last, up to a number of bytes. */
export class HeadCache {
  /** Of the set, for faults. */
  readonly folder: string;
  readonly #storage: ShardStorage;
  readonly #maxBytes: number;
  readonly #shards = new Map<ShardEntry, ByteSource | Promise<ByteSource>>();
  /** In the order of their last use. */
  readonly #heads = new Map<BatchEntry, LoadedHead | Promise<LoadedHead>>();
  #sizeBytes = 0;

  constructor(options: { storage: ShardStorage; folder: string; maxBytes: number }) {
    this.folder = options.folder;
    this.#storage = options.storage;
    this.#maxBytes = options.maxBytes;
  }

  /** At once when it is kept. */
  load(slot: BatchSlot): LoadedHead | Promise<LoadedHead> {
    const { entry } = slot;
    const known = this.#heads.get(entry);
    if (known !== undefined) {
      this.#heads.delete(entry);
      this.#heads.set(entry, known);
      return known;
    }
    const loading = this.#load(slot);
    this.#heads.set(entry, loading);
    this.#sizeBytes += entry.headSizeBytes;
    this.#evict();
    loading.then(
      (head) => this.#heads.has(entry) && this.#heads.set(entry, head),
      () => this.#forget(entry),
    );
    return loading;
  }

  /** What `check` makes of bytes of a shard. */
  async read<T>(
    slot: BatchSlot,
    range: ByteRange,
    given: {
      readonly row: number;
      readonly check: (bytes: Uint8Array) => T;
      readonly into?: Uint8Array | undefined;
    },
  ): Promise<T> {
    const source = await this.shard(slot.shard);
    try {
      const bytes = await source.read(range, given.into);
      return await readChecked(source, { range, bytes }, given.check);
    } catch (error) {
      throw placedFault(error, { ...slot.place, row: given.row });
    }
  }

  /** The shard's bytes, once its size, footer and schema are the index's; at once when it is open. */
  shard(shard: ShardEntry): ByteSource | Promise<ByteSource> {
    const known = this.#shards.get(shard);
    if (known !== undefined) return known;
    const opening = openShard(this.#storage, shard, this.folder);
    this.#shards.set(shard, opening);
    opening.then(
      (source) => this.#shards.set(shard, source),
      () => this.#shards.delete(shard),
    );
    return opening;
  }

  async #load(slot: BatchSlot): Promise<LoadedHead> {
    return loadHead(await this.shard(slot.shard), slot.entry, slot.place);
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
