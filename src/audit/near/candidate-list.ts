import type { NearPairs } from "../hamming/pair-list.ts";
import { HashNumbers } from "../tables/hash-numbers.ts";
import { PicturePairs } from "./candidate-table.ts";
import { PIXELS_WORDS } from "./picture-records.ts";
import type { RecordSide, ViewRows } from "./record-side.ts";
import {
  type CandidateCells,
  type CandidateSides,
  type ShardCandidates,
  maxEqualPartners,
} from "./shard-candidates.ts";

/** Rows that were searched, and those of them that are equal to a row that is in a pair. */
export interface GroupedRows extends ViewRows {
  readonly equal: ReadonlyMap<number, Uint32Array>;
}

/** What one search found. */
export interface FoundRows {
  readonly pairs: NearPairs;
  readonly left: GroupedRows;
  readonly right: GroupedRows;
  readonly distanceOf: (evalView: number) => number;
}

/** Gathers candidates from several searches: one for each pair of pictures, by the shards that these are in. */
export class CandidateList {
  readonly #sides: CandidateSides;
  readonly #cells = new Map<string, Cell>();

  constructor(sides: CandidateSides) {
    this.#sides = sides;
  }

  /** Adds the pairs that a search found, and those of the pictures that have the same hashes. */
  async add(found: FoundRows): Promise<void> {
    const { pairs, left, right } = found;
    const leftRows = new Members(left, this.#sides.eval);
    const rightRows = new Members(right, this.#sides.train);
    for (const [at, distanceBits] of pairs.distance.entries()) {
      const ofEval = await leftRows.equalTo(pairs.left[at] ?? 0);
      const ofTrain = await rightRows.equalTo(pairs.right[at] ?? 0);
      for (const evaluated of ofEval) {
        for (const train of ofTrain) this.#addRows(found, { train, eval: evaluated, distanceBits });
      }
    }
  }

  /** What was found between these shards: of each with each. */
  cells(trainShards: readonly number[], evalShards: readonly number[]): CandidateCells {
    return new Map(
      trainShards.map((train) => [
        train,
        new Map(evalShards.map((evaluated) => [evaluated, this.#found(train, evaluated)])),
      ]),
    );
  }

  #found(trainShard: number, evalShard: number): ShardCandidates {
    const { numUncompared = 0, pairs } = this.#cells.get(`${trainShard} ${evalShard}`) ?? {};
    return { candidates: pairs?.sorted() ?? [], numUncompared };
  }

  #addRows(
    { left, right, distanceOf }: FoundRows,
    near: { readonly train: ShardRows; readonly eval: ShardRows; readonly distanceBits: number },
  ): void {
    const { distanceBits, eval: evaluated, train } = near;
    const withinDistance = evaluated.rows.filter(
      (row) => distanceBits <= distanceOf(left.views[row] ?? 0),
    );
    if (withinDistance.length === 0) return;
    const name = `${train.shardIndex} ${evaluated.shardIndex}`;
    const cell = this.#cells.get(name) ?? { pairs: new PicturePairs(), numUncompared: 0 };
    this.#cells.set(name, cell);
    const compared = withinDistance.slice(0, maxEqualPartners(train.rows.length));
    cell.numUncompared += train.rows.length * (withinDistance.length - compared.length);
    for (const row of train.rows) {
      const picture = (right.pictures[row] ?? 0) - train.firstPicture;
      for (const leftRow of compared) {
        cell.pairs.put({
          train: picture,
          eval: (left.pictures[leftRow] ?? 0) - evaluated.firstPicture,
          distanceBits,
          trainView: right.views[row] ?? 0,
          evalView: left.views[leftRow] ?? 0,
        });
      }
    }
  }
}

interface Cell {
  readonly pairs: PicturePairs;
  numUncompared: number;
}

/** Rows whose pictures are in one shard. */
interface ShardRows {
  readonly shardIndex: number;
  readonly firstPicture: number;
  readonly rows: readonly number[];
}

/** The rows that a found row stands for, by shards; of those in a shard whose pictures have equal pixels only the first. */
class Members {
  readonly #rows: GroupedRows;
  readonly #side: RecordSide;
  readonly #known = new Map<number, readonly ShardRows[]>();
  /** Of the rows that were looked at, the shard, the pixels, the view and the row that stands for them. */
  readonly #seen = new HashNumbers();
  readonly #hash = new Uint32Array(PIXELS_WORDS);

  constructor(rows: GroupedRows, side: RecordSide) {
    this.#rows = rows;
    this.#side = side;
  }

  async equalTo(row: number): Promise<readonly ShardRows[]> {
    const members = this.#rows.equal.get(row);
    if (members === undefined) return [this.#ofShard(this.#shardOf(row), [row])];
    const known = this.#known.get(row) ?? (await this.#distinct(row, members));
    this.#known.set(row, known);
    return known;
  }

  async #distinct(standing: number, members: Uint32Array): Promise<readonly ShardRows[]> {
    const byShard = new Map<number, number[]>();
    for (const member of members) {
      const { records, row, shardIndex } = await this.#side.at(this.#rows.pictures[member] ?? 0);
      records.readPixels(row, this.#hash);
      for (const [at, own] of [shardIndex, this.#rows.views[member] ?? 0, standing].entries()) {
        this.#hash[at] = (this.#hash[at] ?? 0) ^ own;
      }
      const numSeen = this.#seen.length;
      if (this.#seen.add(this.#hash) < numSeen) continue;
      const rows = byShard.get(shardIndex);
      if (rows === undefined) byShard.set(shardIndex, [member]);
      else rows.push(member);
    }
    return Array.from(byShard, ([shardIndex, rows]) => this.#ofShard(shardIndex, rows));
  }

  #ofShard(shardIndex: number, rows: readonly number[]): ShardRows {
    return { shardIndex, firstPicture: this.#side.firstPicture(shardIndex), rows };
  }

  #shardOf(row: number): number {
    return this.#side.shardOf(this.#rows.pictures[row] ?? 0);
  }
}
