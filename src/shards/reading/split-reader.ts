import type { PictureRegions, SceneHead, SplitRole } from "../../core/records.ts";
import type { ByteRange } from "../arrow/batch-body.ts";
import { regionSizeFault } from "../region-columns.ts";
import { type LoadedHead, placedFault, shardFault, type ShardPlace } from "../shard-file.ts";
import type { SceneRange, SplitReader } from "../shard-set-reader.ts";
import type { HeadCache } from "./head-cache.ts";
import { inFile } from "./plan-rows.ts";
import { type ProvenPart, wrongDigest } from "./proven-values.ts";
import {
  type BatchSlot,
  locateScene,
  pictureNumber,
  placeOf,
  type SplitTable,
} from "./split-table.ts";

/** What the splits of a set share. */
interface Reading {
  readonly cache: HeadCache;
  /** How many batches' small columns are asked for before they are needed, where all are read in order. */
  readonly readAhead: number;
}

/** A row whose batch's small columns were read. */
interface LoadedRow {
  readonly slot: BatchSlot;
  readonly row: number;
  readonly head: LoadedHead;
}

/** One value of a row that must have the row's digest. */
interface WantedValue {
  /** In the body of the batch. */
  readonly range: ByteRange;
  readonly column: Exclude<ProvenPart, "heads">;
  /** Of its picture in the split. */
  readonly number: number | undefined;
  /** What the row says of it; only asked for where the bytes are not known to be right. */
  readonly described: () => { readonly name: string; readonly sha256: string };
}

/** Batches of a split by their numbers. */
interface BatchRange {
  readonly first: number;
  readonly last: number;
}

/** The scenes of a split by what the index says of it. */
export class ListedSplit implements SplitReader {
  readonly name: string;
  readonly role: SplitRole;
  readonly numScenes: number;
  readonly #table: SplitTable;
  readonly #cache: HeadCache;
  readonly #readAhead: number;

  constructor(table: SplitTable, { cache, readAhead }: Reading) {
    this.name = table.name;
    this.role = table.role;
    this.numScenes = table.numScenes;
    this.#table = table;
    this.#cache = cache;
    this.#readAhead = readAhead;
  }

  async head(sceneIndex: number): Promise<SceneHead> {
    return this.headSoon(sceneIndex);
  }

  headSoon(sceneIndex: number): SceneHead | Promise<SceneHead> {
    const { slot, row } = this.#locate(sceneIndex);
    const headOf = ({ rows }: LoadedHead): SceneHead =>
      this.#atRow(slot, row, () => rows.head(row));
    const head = this.#cache.load(slot);
    return head instanceof Promise ? head.then(headOf) : headOf(head);
  }

  async pictureBytes(
    sceneIndex: number,
    pictureIndex: number,
    into?: Uint8Array,
  ): Promise<Uint8Array> {
    return this.pictureBytesSoon(sceneIndex, pictureIndex, into);
  }

  pictureBytesSoon(
    sceneIndex: number,
    pictureIndex: number,
    into?: Uint8Array,
  ): Uint8Array | Promise<Uint8Array> {
    const { slot, row } = this.#locate(sceneIndex);
    const bytesOf = (head: LoadedHead): Uint8Array | Promise<Uint8Array> =>
      this.#pictureBytes({ slot, row, head }, { sceneIndex, pictureIndex, into });
    const head = this.#cache.load(slot);
    return head instanceof Promise ? head.then(bytesOf) : bytesOf(head);
  }

  #pictureBytes(
    { slot, row, head }: LoadedRow,
    {
      into,
      pictureIndex,
      sceneIndex,
    }: {
      readonly sceneIndex: number;
      readonly pictureIndex: number;
      readonly into: Uint8Array | undefined;
    },
  ): Uint8Array | Promise<Uint8Array> {
    const range = this.#atRow(slot, row, () => head.rows.pictureRange(row, pictureIndex));
    if (range === undefined) throw this.#noPicture(sceneIndex, pictureIndex);
    const value = {
      range,
      column: "pictures",
      number: pictureNumber(this.#table, sceneIndex, pictureIndex),
      described: () => this.#describedPicture({ slot, row, head }, pictureIndex),
    } as const;
    return this.#value({ slot, row, head }, value, into);
  }

  async regions(sceneIndex: number, pictureIndex: number): Promise<PictureRegions | null> {
    const { slot, row } = this.#locate(sceneIndex);
    const head = await this.#cache.load(slot);
    const picture = this.#atRow(slot, row, () => head.rows.picture(row, pictureIndex));
    if (picture === undefined) throw this.#noPicture(sceneIndex, pictureIndex);
    const found = this.#atRow(slot, row, () => head.rows.regions(row))?.[pictureIndex] ?? null;
    if (found === null) return null;
    const fault = regionSizeFault(found);
    const place = this.#place(slot, row);
    if (fault !== undefined) throw shardFault(place, `the regions of ${picture.key}: ${fault}`);
    const { featuresSha256, classProbabilitiesSha256, ...regions } = found;
    const scene = { slot, row, head };
    const number = pictureNumber(this.#table, sceneIndex, pictureIndex);
    const [features, classProbabilities] = await Promise.all([
      this.#value(scene, {
        range: regions.features,
        column: "features",
        number,
        described: () => ({ name: `the features of ${picture.key}`, sha256: featuresSha256 }),
      }),
      this.#value(scene, {
        range: regions.classProbabilities,
        column: "classProbabilities",
        number,
        described: () => ({
          name: `the class probabilities of ${picture.key}`,
          sha256: classProbabilitiesSha256,
        }),
      }),
    ]);
    return { ...regions, features, classProbabilities };
  }

  async *heads(
    signal?: AbortSignal,
    scenes: SceneRange = { first: 0, end: this.numScenes },
  ): AsyncGenerator<SceneHead> {
    if (scenes.first >= scenes.end) return;
    const [first, last] = [this.#locate(scenes.first), this.#locate(scenes.end - 1)];
    const numbers = { first: first.slot.number, last: last.slot.number };
    for await (const { rows, slot } of this.#batches(signal, numbers)) {
      const start = slot.number === numbers.first ? first.row : 0;
      const end = slot.number === numbers.last ? last.row + 1 : rows.numRows;
      for (let row = start; row < end; row += 1) {
        signal?.throwIfAborted();
        yield this.#atRow(slot, row, () => rows.head(row));
      }
    }
  }

  async *regionCounts(signal?: AbortSignal): AsyncGenerator<number> {
    for await (const { rows, slot } of this.#batches(signal)) {
      for (let row = 0; row < rows.numRows; row += 1) {
        yield this.#atRow(slot, row, () => rows.regions(row))?.[0]?.boxes.length ?? 0;
      }
    }
  }

  /** The small columns of all batches in order, or of those from one to another. */
  async *#batches(
    signal?: AbortSignal,
    { first, last }: BatchRange = { first: 0, last: this.#table.offsets.length - 1 },
  ): AsyncGenerator<{ readonly rows: LoadedHead["rows"]; readonly slot: BatchSlot }> {
    const table = this.#table;
    for (let number = first; number <= last; number += 1) {
      // These come while the rows of this one are looked at; what fails is told when it is waited for.
      const ahead = Math.min(last + 1, number + 1 + this.#readAhead);
      for (let next = number + 1; next < ahead; next += 1)
        void this.#cache.load({ table, number: next });
      const slot = { table, number };
      signal?.throwIfAborted();
      const { rows } = await this.#cache.load(slot);
      yield { rows, slot };
    }
  }

  /** The bytes of a value; throws a ShardError when they are not those that its row describes. */
  #value(
    { slot, row, head }: LoadedRow,
    { column, described, number, range }: WantedValue,
    into?: Uint8Array,
  ): Uint8Array | Promise<Uint8Array> {
    return this.#cache.read(slot, inFile(head, range), {
      row,
      into,
      check: (bytes) => {
        const sha256 = (): string => described().sha256;
        const actual = wrongDigest(this.#table.proven[column], { bytes, number, sha256 });
        if (actual === undefined) return bytes;
        const { name, sha256: expected } = described();
        const place = this.#place(slot, row);
        throw shardFault(place, `${name} have the digest ${actual}, the row says ${expected}`);
      },
    });
  }

  #describedPicture(
    { slot, row, head }: LoadedRow,
    pictureIndex: number,
  ): { readonly name: string; readonly sha256: string } {
    const picture = this.#atRow(slot, row, () => head.rows.picture(row, pictureIndex));
    if (picture !== undefined) {
      return { name: `the bytes of ${picture.key}`, sha256: picture.sha256 };
    }
    const message = `it has the bytes of a picture ${pictureIndex} that it does not describe`;
    throw shardFault(this.#place(slot, row), message);
  }

  #noPicture(sceneIndex: number, pictureIndex: number): RangeError {
    return new RangeError(`scene ${sceneIndex} of ${this.name} has no picture ${pictureIndex}`);
  }

  #locate(sceneIndex: number): { slot: BatchSlot; row: number } {
    const table = this.#table;
    const found = locateScene(table, sceneIndex);
    if (found !== undefined) return { slot: { table, number: found.number }, row: found.row };
    throw new RangeError(
      `split ${this.name} has ${this.numScenes} scenes, there is no ${sceneIndex}`,
    );
  }

  #place(slot: BatchSlot, row: number): ShardPlace {
    return { ...placeOf(slot, this.#cache.folder), row };
  }

  #atRow<T>(slot: BatchSlot, row: number, read: () => T): T {
    try {
      return read();
    } catch (error) {
      throw placedFault(error, this.#place(slot, row));
    }
  }
}
