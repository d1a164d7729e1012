import type { SplitRole } from "../../core/records.ts";
import type { ShardPlace } from "../shard-file.ts";
import type { BatchEntry, FileEntry, ShardEntry, SplitEntry } from "../shard-set-index.ts";
import { noProvenValues, type ProvenValues } from "./proven-values.ts";

/** What an index says of a split, as far as reading needs it: 64 bytes a batch, in memory that threads share. */
export interface SplitTable {
  readonly name: string;
  readonly role: SplitRole;
  readonly numScenes: number;
  readonly numPictures: number;
  readonly numTexts: number;
  /** How many batches the splits before this one have. */
  readonly firstKey: number;
  readonly shards: readonly FileEntry[];
  /** The number in the split of each shard's first batch, and behind them how many batches there are. */
  readonly firstBatches: Uint32Array;
  /** How many scenes of the split come before each batch, and behind them how many there are. */
  readonly firstScenes: Float64Array;
  readonly offsets: Float64Array;
  readonly sizes: Float64Array;
  readonly headSizes: Float64Array;
  /** 32 bytes a batch. */
  readonly headDigests: Uint8Array;
  readonly proven: ProvenValues;
}

/** A batch of a split. */
export interface BatchSlot {
  readonly table: SplitTable;
  /** Its number in the split. */
  readonly number: number;
}

/** A number that no other batch of the set has. */
export function slotKey({ number, table }: BatchSlot): number {
  return table.firstKey + number;
}

/** What a batch is checked against. */
export type ListedBatch = Omit<BatchEntry, "sha256">;
/** What a shard is checked against when it is opened. */
export type ListedShard = Pick<ShardEntry, "file" | "sizeBytes"> & {
  readonly batches: readonly Pick<BatchEntry, "offset" | "sizeBytes">[];
};

const DIGEST_BYTES = 32;

/** The tables of all splits of an index. */
export function splitTables(splits: readonly SplitEntry[]): SplitTable[] {
  let firstKey = 0;
  return splits.map((split) => {
    const table = splitTable(split, firstKey);
    firstKey += table.offsets.length;
    return table;
  });
}

function splitTable(split: SplitEntry, firstKey: number): SplitTable {
  const { length } = split.shards;
  const numBatches = split.shards.reduce((sum, { batches }) => sum + batches.length, 0);
  const table = {
    name: split.name,
    role: split.role,
    numScenes: 0,
    numPictures: split.numPictures,
    numTexts: split.numTexts,
    firstKey,
    shards: split.shards.map(({ file, sizeBytes, sha256 }) => ({ file, sizeBytes, sha256 })),
    firstBatches: new Uint32Array(shared(4 * (length + 1))),
    firstScenes: new Float64Array(shared(8 * (numBatches + 1))),
    offsets: new Float64Array(shared(8 * numBatches)),
    sizes: new Float64Array(shared(8 * numBatches)),
    headSizes: new Float64Array(shared(8 * numBatches)),
    headDigests: new Uint8Array(shared(DIGEST_BYTES * numBatches)),
  };
  const numScenes = fillTable(table, split.shards);
  const numPictures = numScenes * picturesPerScene({ numScenes, numPictures: split.numPictures });
  return { ...table, numScenes, proven: noProvenValues({ numBatches, numPictures }) };
}

/** As many as each scene has where all have equally many. */
function picturesPerScene({
  numPictures,
  numScenes,
}: Pick<SplitTable, "numPictures" | "numScenes">): number {
  return numScenes === 0 ? 0 : Math.ceil(numPictures / numScenes);
}

/** The number in the split of a scene's picture; undefined of those that a scene has more than the others. */
export function pictureNumber(
  table: SplitTable,
  sceneIndex: number,
  pictureIndex: number,
): number | undefined {
  const ofScene = picturesPerScene(table);
  return pictureIndex < ofScene ? sceneIndex * ofScene + pictureIndex : undefined;
}

/** Fills the columns in one pass, since an index may list many thousands of batches; gives the number of scenes. */
function fillTable(
  table: Pick<
    SplitTable,
    "firstBatches" | "firstScenes" | "offsets" | "sizes" | "headSizes" | "headDigests"
  >,
  shards: readonly ShardEntry[],
): number {
  const digests = Buffer.from(table.headDigests.buffer);
  let [number, numScenes] = [0, 0];
  for (const [shardIndex, { batches }] of shards.entries()) {
    for (const batch of batches) {
      table.firstScenes[number] = numScenes;
      table.offsets[number] = batch.offset;
      table.sizes[number] = batch.sizeBytes;
      table.headSizes[number] = batch.headSizeBytes;
      digests.write(batch.headSha256, number * DIGEST_BYTES, "hex");
      numScenes += batch.numScenes;
      number += 1;
    }
    table.firstBatches[shardIndex + 1] = number;
  }
  table.firstScenes[number] = numScenes;
  return numScenes;
}

/** The batch of a scene, and the scene's row in it; undefined outside the split. */
export function locateScene(
  table: SplitTable,
  sceneIndex: number,
): { readonly number: number; readonly row: number } | undefined {
  const isScene = Number.isInteger(sceneIndex) && sceneIndex >= 0 && sceneIndex < table.numScenes;
  if (!isScene) return undefined;
  const number = lastAtMost(table.firstScenes, sceneIndex);
  return { number, row: sceneIndex - (table.firstScenes[number] ?? 0) };
}

export function listedBatch({ number, table }: BatchSlot): ListedBatch {
  const [start, end] = [number * DIGEST_BYTES, (number + 1) * DIGEST_BYTES];
  const { firstScenes, headDigests, headSizes, offsets, sizes } = table;
  return {
    offset: offsets[number] ?? 0,
    sizeBytes: sizes[number] ?? 0,
    numScenes: (firstScenes[number + 1] ?? 0) - (firstScenes[number] ?? 0),
    headSizeBytes: headSizes[number] ?? 0,
    headSha256: Buffer.from(headDigests.subarray(start, end)).toString("hex"),
  };
}

/** The file of a batch. */
export function fileOf({ number, table }: BatchSlot): FileEntry {
  const file = table.shards[lastAtMost(table.firstBatches, number)];
  if (file === undefined) throw new RangeError(`${table.name} has no batch ${number}`);
  return file;
}

/** The shard of a batch, with what its footer must list. */
export function listedShard(slot: BatchSlot): ListedShard {
  const { firstBatches, offsets, sizes } = slot.table;
  const shard = lastAtMost(firstBatches, slot.number);
  const [first, end] = [firstBatches[shard] ?? 0, firstBatches[shard + 1] ?? 0];
  const { file, sizeBytes } = fileOf(slot);
  const batches = Array.from({ length: end - first }, (_, index) => ({
    offset: offsets[first + index] ?? 0,
    sizeBytes: sizes[first + index] ?? 0,
  }));
  return { file, sizeBytes, batches };
}

/** Where a batch lies, for faults. */
export function placeOf(slot: BatchSlot, set: string): ShardPlace {
  const { firstBatches } = slot.table;
  const batch = slot.number - (firstBatches[lastAtMost(firstBatches, slot.number)] ?? 0);
  return { set, file: fileOf(slot).file, batch };
}

function shared(sizeBytes: number): SharedArrayBuffer {
  return new SharedArrayBuffer(sizeBytes);
}

/** The position of the last of ascending values that is not above `value`; the one behind the last does not count. */
function lastAtMost(values: Uint32Array | Float64Array, value: number): number {
  let [low, high] = [0, values.length - 2];
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if ((values[middle] ?? Infinity) <= value) low = middle;
    else high = middle - 1;
  }
  return low;
}
