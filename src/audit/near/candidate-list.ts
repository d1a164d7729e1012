import type { NearPairs } from "../hamming/pair-list.ts";
import { pixelsOf, type RecordSide, type ViewRows } from "./record-side.ts";
import {
  type CandidateCells,
  type CandidateSides,
  type ShardCandidates,
  MAX_EQUAL_PARTNERS,
  PicturePairs,
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
    const cell = this.#cells.get(`${trainShard} ${evalShard}`);
    const firstTrain = this.#sides.train.firstPicture(trainShard);
    const firstEval = this.#sides.eval.firstPicture(evalShard);
    const candidates = (cell?.pairs.sorted() ?? []).map((candidate) => ({
      ...candidate,
      train: candidate.train - firstTrain,
      eval: candidate.eval - firstEval,
    }));
    return { candidates, numUncompared: cell?.numUncompared ?? 0 };
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
    const compared = withinDistance.slice(0, MAX_EQUAL_PARTNERS);
    cell.numUncompared += train.rows.length * (withinDistance.length - compared.length);
    for (const leftRow of compared) {
      const [evalPicture = 0, evalView = 0] = [left.pictures[leftRow], left.views[leftRow]];
      for (const row of train.rows) {
        const [picture = 0, trainView = 0] = [right.pictures[row], right.views[row]];
        cell.pairs.put({ train: picture, eval: evalPicture, distanceBits, trainView, evalView });
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
  readonly rows: readonly number[];
}

/** The rows that a found row stands for, by shards; of those in a shard whose pictures have equal pixels only the first. */
class Members {
  readonly #rows: GroupedRows;
  readonly #side: RecordSide;
  readonly #known = new Map<number, readonly ShardRows[]>();

  constructor(rows: GroupedRows, side: RecordSide) {
    this.#rows = rows;
    this.#side = side;
  }

  async equalTo(row: number): Promise<readonly ShardRows[]> {
    const members = this.#rows.equal.get(row);
    if (members === undefined) return [{ shardIndex: this.#shardOf(row), rows: [row] }];
    const known = this.#known.get(row) ?? (await this.#distinct(members));
    this.#known.set(row, known);
    return known;
  }

  async #distinct(members: Uint32Array): Promise<readonly ShardRows[]> {
    const first = new Map<string, number>();
    for (const member of members) {
      const view = this.#rows.views[member] ?? 0;
      const pixels = await pixelsOf(this.#side, this.#rows.pictures[member] ?? 0);
      const name = `${this.#shardOf(member)} ${pixels} ${view}`;
      if (!first.has(name)) first.set(name, member);
    }
    const byShard = Map.groupBy(first.values(), (member) => this.#shardOf(member));
    return [...byShard].map(([shardIndex, rows]) => ({ shardIndex, rows }));
  }

  #shardOf(row: number): number {
    return this.#side.shardOf(this.#rows.pictures[row] ?? 0);
  }
}
