import { HASH_BYTES } from "../perceptual/hash.ts";
import { PictureRecords } from "./picture-records.ts";
import { type RecordKind, recordedViews } from "./near-settings.ts";

/** Where the records of one side of an audit come from, shard by shard in the fixed order of the audit. */
export interface RecordSource {
  readonly kind: RecordKind;
  readonly numShards: number;
  readonly read: (shardIndex: number) => Promise<Uint8Array>;
}

/** A picture of a side by its number; numbers go on from shard to shard. */
export interface PlacedRecord {
  readonly shardIndex: number;
  readonly row: number;
  readonly records: PictureRecords;
}

/** Shards whose records are held, so that neighbours need not be read again. */
const MAX_HELD_SHARDS = 8;

/** The records of one side, of which only a few shards' are in memory. */
export class RecordSide {
  readonly kind: RecordKind;
  readonly #source: RecordSource;
  /** How many pictures come before each shard, and behind them how many there are. */
  readonly #starts: readonly number[];
  readonly #held = new Map<number, PictureRecords>();

  private constructor(source: RecordSource, starts: readonly number[]) {
    this.kind = source.kind;
    this.#source = source;
    this.#starts = starts;
  }

  /** Reads all records once, to number the pictures and to tell `visit` of each. */
  static async open(
    source: RecordSource,
    visit: (records: PictureRecords, row: number, picture: number) => void,
  ): Promise<RecordSide> {
    const starts = [0];
    for (let shardIndex = 0; shardIndex < source.numShards; shardIndex += 1) {
      const first = starts.at(-1) ?? 0;
      const records = new PictureRecords(source.kind, await source.read(shardIndex));
      for (let row = 0; row < records.numPictures; row += 1) visit(records, row, first + row);
      starts.push(first + records.numPictures);
    }
    return new RecordSide(source, starts);
  }

  get numViews(): number {
    return recordedViews[this.kind].length;
  }

  get numPictures(): number {
    return this.#starts.at(-1) ?? 0;
  }

  get numShards(): number {
    return this.#source.numShards;
  }

  /** The number of the first picture of a shard; that of `numShards` is `numPictures`. */
  firstPicture(shardIndex: number): number {
    return this.#starts[shardIndex] ?? 0;
  }

  shardOf(picture: number): number {
    return lastAtMost(this.#starts, picture);
  }

  /** The picture with a number below `numPictures`. */
  async at(picture: number): Promise<PlacedRecord> {
    const shardIndex = this.shardOf(picture);
    const records = await this.#records(shardIndex);
    return { shardIndex, row: picture - (this.#starts[shardIndex] ?? 0), records };
  }

  /** All records of these shards in order. */
  async *shards(
    shardIndexes: readonly number[],
  ): AsyncGenerator<{ readonly records: PictureRecords; readonly first: number }> {
    for (const shardIndex of shardIndexes) {
      const bytes = await this.#source.read(shardIndex);
      const records = new PictureRecords(this.kind, bytes);
      yield { records, first: this.#starts[shardIndex] ?? 0 };
    }
  }

  async #records(shardIndex: number): Promise<PictureRecords> {
    const held =
      this.#held.get(shardIndex) ??
      new PictureRecords(this.kind, await this.#source.read(shardIndex));
    this.#held.delete(shardIndex);
    this.#held.set(shardIndex, held);
    const [oldest] = this.#held.keys();
    if (this.#held.size > MAX_HELD_SHARDS && oldest !== undefined) this.#held.delete(oldest);
    return held;
  }
}

/** The place of the last of ascending `starts` that is no more than `value` and has something behind it. */
function lastAtMost(starts: readonly number[], value: number): number {
  let [low, high] = [0, starts.length - 2];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((starts[middle] ?? 0) <= value) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Hashes that are searched, and of each the picture and the view it is of. */
export interface ViewRows {
  readonly hashes: Uint8Array;
  readonly pictures: Uint32Array;
  readonly views: Uint8Array;
}

/** Shards of a side, and views of their pictures. */
export interface ViewRange {
  readonly shards: readonly number[];
  readonly firstView: number;
  readonly endView: number;
}

/** How many views there are in a range, comparable or not. */
export function numViewsIn(side: RecordSide, { shards, firstView, endView }: ViewRange): number {
  const numPictures = shards.reduce(
    (sum, shard) => sum + side.firstPicture(shard + 1) - side.firstPicture(shard),
    0,
  );
  return numPictures * (Math.min(endView, side.numViews) - firstView);
}

/**
 * The comparable hashes of a range in parts of at most `maxRows`. A shard that fits into a part is in one, so that what
 * is found of it does not depend on what comes before.
 */
export async function* viewRows(
  side: RecordSide,
  range: ViewRange & { readonly maxRows: number },
): AsyncGenerator<ViewRows> {
  const { firstView, maxRows } = range;
  const views = { firstView, endView: Math.min(range.endView, side.numViews) };
  const numViews = views.endView - firstView;
  const capacity = Math.min(maxRows, numViewsIn(side, range));
  let rows = new RowList(capacity);
  for await (const { records, first } of side.shards(range.shards)) {
    for (let row = 0; row < records.numPictures; row += 1) {
      const needed = row === 0 ? Math.min(capacity, records.numPictures * numViews) : numViews;
      if (rows.length > 0 && rows.length + needed > capacity) {
        yield rows.taken();
        rows = new RowList(capacity);
      }
      rows.addViews({ records, row, picture: first + row }, views);
    }
  }
  if (rows.length > 0) yield rows.taken();
}

class RowList {
  readonly #hashes: Uint8Array;
  readonly #pictures: Uint32Array;
  readonly #views: Uint8Array;
  length = 0;

  constructor(capacity: number) {
    this.#hashes = new Uint8Array(capacity * HASH_BYTES);
    this.#pictures = new Uint32Array(capacity);
    this.#views = new Uint8Array(capacity);
  }

  addViews(
    { records, row, picture }: { records: PictureRecords; row: number; picture: number },
    { firstView, endView }: { firstView: number; endView: number },
  ): void {
    for (let view = firstView; view < endView; view += 1) {
      if (records.isViewComparable(row, view)) this.#add(records.hash(row, view), picture, view);
    }
  }

  taken(): ViewRows {
    return {
      hashes: this.#hashes.subarray(0, this.length * HASH_BYTES),
      pictures: this.#pictures.subarray(0, this.length),
      views: this.#views.subarray(0, this.length),
    };
  }

  #add(hash: Uint8Array, picture: number, view: number): void {
    this.#hashes.set(hash, this.length * HASH_BYTES);
    this.#pictures[this.length] = picture;
    this.#views[this.length] = view;
    this.length += 1;
  }
}
