import type { ByteRange } from "../arrow/batch-body.ts";
import type { ByteSource } from "../arrow/file-reader.ts";
import type { ShardStorage } from "../file-storage.ts";
import {
  headFault,
  loadHeadBy,
  type LoadedHead,
  openShard,
  parsedHead,
  placedFault,
  readChecked,
} from "../shard-file.ts";
import { wrongDigest } from "./proven-values.ts";
import {
  type BatchSlot,
  fileOf,
  listedBatch,
  listedShard,
  placeOf,
  slotKey,
} from "./split-table.ts";

interface CachedHead {
  readonly head: LoadedHead | Promise<LoadedHead>;
  readonly sizeBytes: number;
}

/** A value of a row that is read and judged. */
interface CheckedRead<T> {
  readonly row: number;
  readonly check: (bytes: Uint8Array) => T;
  readonly into?: Uint8Array | undefined;
}

/** Opens shards when they are first needed, and keeps the small columns of the batches used last, up to a number of bytes. */
export class HeadCache {
  /** Of the set, for faults. */
  readonly folder: string;
  readonly #storage: ShardStorage;
  readonly #maxBytes: number;
  /** By file. */
  readonly #shards = new Map<string, ByteSource | Promise<ByteSource>>();
  /** By the batch's key, in the order of their last use. */
  readonly #heads = new Map<number, CachedHead>();
  #sizeBytes = 0;

  constructor(options: { storage: ShardStorage; folder: string; maxBytes: number }) {
    this.folder = options.folder;
    this.#storage = options.storage;
    this.#maxBytes = options.maxBytes;
  }

  /** At once when it is kept. */
  load(slot: BatchSlot): LoadedHead | Promise<LoadedHead> {
    const key = slotKey(slot);
    const known = this.#heads.get(key);
    if (known !== undefined) {
      this.#heads.delete(key);
      this.#heads.set(key, known);
      return known.head;
    }
    const sizeBytes = slot.table.headSizes[slot.number] ?? 0;
    const loading = this.#load(slot);
    this.#heads.set(key, { head: loading, sizeBytes });
    this.#sizeBytes += sizeBytes;
    this.#evict();
    loading.then(
      (head) => this.#heads.has(key) && this.#heads.set(key, { head, sizeBytes }),
      () => this.#forget(key),
    );
    return loading;
  }

  /** What `check` makes of bytes of a shard; at once, faults as well, where the shard is open and its bytes are at hand. */
  read<T>(slot: BatchSlot, range: ByteRange, given: CheckedRead<T>): T | Promise<T> {
    const source = this.#shard(slot);
    if (source instanceof Promise) {
      return source.then((opened) => this.#readFrom(opened, { slot, range, ...given }));
    }
    return this.#readFrom(source, { slot, range, ...given });
  }

  #readFrom<T>(
    source: ByteSource,
    {
      check,
      into,
      range,
      row,
      slot,
    }: CheckedRead<T> & { readonly slot: BatchSlot; readonly range: ByteRange },
  ): T | Promise<T> {
    const placed = (error: unknown): unknown =>
      placedFault(error, { ...placeOf(slot, this.folder), row });
    try {
      const bytes = source.read(range, into);
      const isAtHand = !(bytes instanceof Promise) && source.readAgain === undefined;
      return isAtHand
        ? check(bytes)
        : this.#readLater(source, { range, bytes, check }).catch((error: unknown) => {
            throw placed(error);
          });
    } catch (error) {
      throw placed(error);
    }
  }

  async #readLater<T>(
    source: ByteSource,
    {
      bytes,
      check,
      range,
    }: Pick<CheckedRead<T>, "check"> & {
      readonly range: ByteRange;
      readonly bytes: Uint8Array | Promise<Uint8Array>;
    },
  ): Promise<T> {
    return readChecked(source, { range, bytes: await bytes }, check);
  }

  /** The shard's bytes, once its size, footer and schema are the index's; at once when it is open. */
  #shard(slot: BatchSlot): ByteSource | Promise<ByteSource> {
    const { file } = fileOf(slot);
    const known = this.#shards.get(file);
    if (known !== undefined) return known;
    const opening = openShard(this.#storage, listedShard(slot), this.folder);
    this.#shards.set(file, opening);
    opening.then(
      (source) => this.#shards.set(file, source),
      () => this.#shards.delete(file),
    );
    return opening;
  }

  async #load(slot: BatchSlot): Promise<LoadedHead> {
    const entry = listedBatch(slot);
    const source = await this.#shard(slot);
    return loadHeadBy(source, entry, {
      place: placeOf(slot, this.folder),
      check: (bytes) => {
        // One that comes again, after it made room for others, is checked sooner.
        const { number, table } = slot;
        const head = { bytes, number, sha256: () => entry.headSha256 };
        const actual = wrongDigest(table.proven.heads, head);
        if (actual !== undefined) throw headFault(actual, entry);
        return parsedHead(bytes, entry);
      },
    });
  }

  #evict(): void {
    for (const key of this.#heads.keys()) {
      if (this.#sizeBytes <= this.#maxBytes || this.#heads.size === 1) return;
      this.#forget(key);
    }
  }

  #forget(key: number): void {
    this.#sizeBytes -= this.#heads.get(key)?.sizeBytes ?? 0;
    this.#heads.delete(key);
  }
}
