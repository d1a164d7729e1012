import { createHash, type Hash, hash, subtle } from "node:crypto";
import { availableParallelism } from "node:os";
import pLimit from "p-limit";
import type { PictureInfo, SplitRole } from "../../core/records.ts";
import type { ByteSource } from "../arrow/file-reader.ts";
import { readFooter } from "../arrow/file-reader.ts";
import type { ShardStorage } from "../file-storage.ts";
import { planHead } from "../reading/plan-rows.ts";
import {
  describeReadFault,
  footerDifference,
  type LoadedHead,
  metadataDifference,
  sha256OfSource,
  shardMetadata,
  type ShardPlace,
  verifiedHead,
} from "../shard-file.ts";
import { type BatchEntry, MAX_BATCH_BYTES, type ShardEntry } from "../shard-set-index.ts";
import type { CheckedCounts, FaultList } from "./faults.ts";
import type { RegionCheck } from "./region-check.ts";
import { sceneFaults } from "./scene-faults.ts";

/** Decodes a picture; rejects when it is damaged. */
export type PictureDecoder = (bytes: Uint8Array) => Promise<{ width: number; height: number }>;

/**
 * Which digests are computed. "every" is those of the files, batches and rows, so that each byte is hashed three
 * times. "files" hashes each byte once: a file with the index's digest holds what was written, and the
 * others are computed only where it has another one, to find the place of the damage.
 */
export type CheckedDigests = "every" | "files";

/** What the checks of a set share. */
export interface CheckContext {
  readonly storage: ShardStorage;
  readonly faults: FaultList;
  readonly checked: CheckedCounts;
  readonly regions: RegionCheck;
  readonly decode: PictureDecoder | undefined;
  readonly digests: CheckedDigests;
  readonly signal: AbortSignal | undefined;
  /** Called with the bytes read since the last call. */
  readonly onRead: (sizeBytes: number) => void;
}

const CHUNK_BYTES = 2 ** 20;
const IMPOSSIBLE_PLACE = "the index gives it a place outside of the file or over another batch";
/** So that every core has a picture at hand when it is done with one. */
const MAX_DECODES = 2 * availableParallelism();

/** What the shards of a split have in common. */
export interface SplitUnderCheck {
  readonly name: string;
  readonly role: SplitRole;
  /** The keys of the scenes that were met already. */
  readonly sceneKeys: Set<string>;
}

/** Reads every byte of a shard in order, one batch in memory at a time. */
export class ShardCheck {
  readonly #context: CheckContext;
  readonly #shard: ShardEntry;
  readonly #split: SplitUnderCheck;
  readonly #fileHash: Hash = createHash("sha256");
  #memory = new Uint8Array(0);
  #position = 0;

  constructor(context: CheckContext, shard: ShardEntry, split: SplitUnderCheck) {
    this.#context = context;
    this.#shard = shard;
    this.#split = split;
  }

  async run(): Promise<void> {
    const source = await this.#open();
    if (source === undefined) return;
    if (this.#context.digests === "files" && (await this.#isAsWritten(source))) {
      await this.#checkHeads(source);
    } else {
      await this.#checkAll(source);
    }
  }

  /** Whether the file has the digest that the index says: the only time that its bytes are hashed. */
  async #isAsWritten(source: ByteSource): Promise<boolean> {
    if (source.sizeBytes !== this.#shard.sizeBytes) return false;
    const before = this.#context.checked.sizeBytes;
    const digest = await this.#attempt({ file: this.#shard.file }, () =>
      sha256OfSource(source, (sizeBytes) => {
        this.#context.signal?.throwIfAborted();
        this.#count(sizeBytes);
      }),
    );
    if (digest === this.#shard.sha256) return true;
    this.#context.onRead(before - this.#context.checked.sizeBytes);
    this.#context.checked.sizeBytes = before;
    return false;
  }

  /** Checks the rows of a file that is as it was written. */
  async #checkHeads(source: ByteSource): Promise<void> {
    for (const [batch, entry] of this.#shard.batches.entries()) {
      const place = { file: this.#shard.file, batch };
      if (!this.#isPossible(entry, source)) {
        this.#fault(place, IMPOSSIBLE_PLACE);
        continue;
      }
      this.#position = entry.offset + entry.sizeBytes;
      await this.#attempt(place, async () => {
        const head = verifiedHead(await source.read(planHead(entry)), entry);
        await this.#checkRows(head, { entry, place, bytes: undefined });
      });
    }
  }

  async #checkAll(source: ByteSource): Promise<void> {
    for (const [batch, entry] of this.#shard.batches.entries()) {
      this.#context.signal?.throwIfAborted();
      const place = { file: this.#shard.file, batch };
      if (!this.#isPossible(entry, source)) {
        this.#fault(place, IMPOSSIBLE_PLACE);
        continue;
      }
      await this.#skipTo(entry.offset, source);
      await this.#checkBatch(entry, place, source);
    }
    await this.#skipTo(source.sizeBytes, source);
    const actual = this.#fileHash.digest("hex");
    if (actual === this.#shard.sha256) return;
    this.#fault(
      { file: this.#shard.file },
      `the file has the sha256 ${actual}, the index says ${this.#shard.sha256}`,
    );
  }

  /** Opens the file and compares its size, schema and footer with the index. */
  async #open(): Promise<ByteSource | undefined> {
    const place = { file: this.#shard.file };
    const source = await this.#attempt(place, () => this.#context.storage.open(this.#shard.file));
    if (source === undefined) return undefined;
    this.#context.checked.numFiles += 1;
    if (source.sizeBytes !== this.#shard.sizeBytes) {
      this.#fault(place, `${source.sizeBytes} bytes, the index says ${this.#shard.sizeBytes}`);
    }
    await this.#attempt(place, async () => {
      const footer = await readFooter(source);
      const difference =
        footerDifference(footer, this.#shard) ??
        metadataDifference(footer, shardMetadata(this.#split));
      if (difference !== undefined) this.#fault(place, difference);
    });
    return source;
  }

  #isPossible(entry: BatchEntry, source: ByteSource): boolean {
    return (
      entry.offset >= this.#position &&
      entry.sizeBytes < MAX_BATCH_BYTES &&
      entry.headSizeBytes <= entry.sizeBytes &&
      entry.offset + entry.sizeBytes <= source.sizeBytes
    );
  }

  async #checkBatch(entry: BatchEntry, place: ShardPlace, source: ByteSource): Promise<void> {
    const bytes = await this.#attempt(place, () => this.#read(entry.sizeBytes, source));
    if (bytes === undefined) return;
    const before = this.#context.faults.numFaults;
    // On a thread of the pool, while the rows are checked on this one.
    const digest = subtle.digest("SHA-256", bytes);
    const head = await this.#attempt(place, async () =>
      verifiedHead(bytes.subarray(0, entry.headSizeBytes), entry),
    );
    if (head !== undefined) await this.#checkRows(head, { entry, place, bytes });
    const actual = Buffer.from(await digest).toString("hex");
    if (this.#context.faults.numFaults > before || actual === entry.sha256) return;
    this.#fault(place, `the batch has the sha256 ${actual}, the index says ${entry.sha256}`);
  }

  async #checkRows(
    { rows, bodyOffset }: LoadedHead,
    batch: { entry: BatchEntry; place: ShardPlace; bytes: Uint8Array | undefined },
  ): Promise<void> {
    const limit = pLimit(MAX_DECODES);
    const body = batch.bytes?.subarray(bodyOffset - batch.entry.offset);
    const decodes: Promise<(() => void) | undefined>[] = [];
    for (let row = 0; row < rows.numRows; row += 1) {
      const place = { ...batch.place, row };
      await this.#attempt(place, async () => {
        const head = rows.head(row);
        for (const message of sceneFaults(head)) this.#fault(place, message);
        this.#checkSceneKey(head.sceneKey, place);
        this.#context.checked.numScenes += 1;
        this.#context.checked.numTexts += head.texts.length;
        const numStored = rows.numStoredPictures(row);
        if (numStored !== head.pictures.length) {
          this.#fault(place, `${head.pictures.length} pictures, but the bytes of ${numStored}`);
        }
        const scene = { regions: rows.regions(row) ?? [], pictures: head.pictures, body };
        for (const message of this.#context.regions.faults(scene)) this.#fault(place, message);
        for (const [pictureIndex, picture] of head.pictures.entries()) {
          const range = rows.pictureRange(row, pictureIndex);
          if (range === undefined) continue;
          this.#context.checked.numPictures += 1;
          const bytes = body?.subarray(range.offset, range.offset + range.sizeBytes);
          if (bytes === undefined) continue;
          if (!this.#checkPictureBytes(picture, bytes, place)) continue;
          decodes.push(limit(() => this.#decode(picture, bytes, place)));
        }
      });
    }
    // In the order of the rows, whichever picture was decoded first.
    for (const tellFault of await Promise.all(decodes)) tellFault?.();
  }

  #checkSceneKey(sceneKey: string, place: ShardPlace): void {
    if (this.#split.sceneKeys.has(sceneKey)) {
      this.#fault(place, `the scene ${sceneKey} is in the split twice`);
    }
    this.#split.sceneKeys.add(sceneKey);
  }

  #checkPictureBytes(picture: PictureInfo, bytes: Uint8Array, place: ShardPlace): boolean {
    const actual = hash("sha256", bytes, "hex");
    if (actual === picture.sha256) return true;
    this.#fault(
      place,
      `the bytes of ${picture.key} have the sha256 ${actual}, the row says ${picture.sha256}`,
    );
    return false;
  }

  /** What tells the fault of a picture that does not decode to what its row says. */
  async #decode(
    picture: PictureInfo,
    bytes: Uint8Array,
    place: ShardPlace,
  ): Promise<(() => void) | undefined> {
    const { decode, signal, checked } = this.#context;
    if (decode === undefined || signal?.aborted === true) return undefined;
    try {
      const { width, height } = await decode(bytes);
      checked.numDecoded += 1;
      if (width === picture.width && height === picture.height) return undefined;
      const stated = `${picture.width}x${picture.height}`;
      const fault = `${picture.key} decodes to ${width}x${height}, the row says ${stated}`;
      return () => this.#fault(place, fault);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      return () => this.#fault(place, `${picture.key} cannot be decoded: ${reason}`);
    }
  }

  /** Hashes the bytes up to a position: what lies between the batches, and the footer. */
  async #skipTo(end: number, source: ByteSource): Promise<void> {
    await this.#attempt({ file: this.#shard.file }, async () => {
      while (this.#position < end) {
        await this.#read(Math.min(CHUNK_BYTES, end - this.#position), source);
      }
    });
  }

  async #read(sizeBytes: number, source: ByteSource): Promise<Uint8Array> {
    const range = { offset: this.#position, sizeBytes };
    const bytes = await source.read(range, this.#memoryFor(sizeBytes));
    this.#fileHash.update(bytes);
    this.#position += sizeBytes;
    this.#count(sizeBytes);
    return bytes;
  }

  /** Memory that is used again for the next batch. */
  #memoryFor(sizeBytes: number): Uint8Array {
    if (this.#memory.byteLength < sizeBytes) this.#memory = new Uint8Array(sizeBytes);
    return this.#memory;
  }

  #count(sizeBytes: number): void {
    this.#context.checked.sizeBytes += sizeBytes;
    this.#context.onRead(sizeBytes);
  }

  /** Records damage as a fault and gives undefined; any other error is thrown. */
  async #attempt<T>(place: ShardPlace, read: () => Promise<T>): Promise<T | undefined> {
    try {
      return await read();
    } catch (error) {
      const message = describeReadFault(error);
      if (message === undefined) throw error;
      this.#fault(place, message);
      return undefined;
    }
  }

  #fault(place: ShardPlace, message: string): void {
    this.#context.faults.add(place, message);
  }
}
