import type { NearPairs } from "../hamming/pair-list.ts";
import type { RecordSide, ViewRows } from "./record-side.ts";

/** A training and an evaluation picture that look alike to their hashes, by the views that are nearest. */
export interface Candidate {
  /** Numbers of the pictures on their sides. */
  readonly train: number;
  readonly eval: number;
  readonly distanceBits: number;
  /** Of `recordedViews`: the training picture's among those that were recorded, the other among the bank. */
  readonly trainView: number;
  readonly evalView: number;
}

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

/**
 * Evaluation pictures with one and the same hash but other pixels that a training picture is compared with. Copies of
 * one picture, saved so many times over, show the leak as well as all of them.
 */
const MAX_EQUAL_PARTNERS = 16;

/** Gathers candidates from several searches: one for each pair of pictures. */
export class CandidateList {
  readonly #train: RecordSide;
  readonly #eval: RecordSide;
  readonly #byTraining = new Map<number, Map<number, Candidate>>();
  #numUncompared = 0;

  constructor({
    train,
    eval: protectedSide,
  }: {
    readonly train: RecordSide;
    readonly eval: RecordSide;
  }) {
    this.#train = train;
    this.#eval = protectedSide;
  }

  /** Adds the pairs that a search found, and those of the pictures that have the same hashes. */
  async add({ pairs, left, right, distanceOf }: FoundRows): Promise<void> {
    const [leftRows, rightRows] = [new Members(left, this.#eval), new Members(right, this.#train)];
    for (const [at, distanceBits] of pairs.distance.entries()) {
      const protectedRows = await leftRows.equalTo(pairs.left[at] ?? 0);
      const passing = await rightRows.equalTo(pairs.right[at] ?? 0);
      const compared = protectedRows.slice(0, MAX_EQUAL_PARTNERS);
      this.#numUncompared += passing.length * (protectedRows.length - compared.length);
      for (const leftRow of compared) {
        const evalView = left.views[leftRow] ?? 0;
        if (distanceBits > distanceOf(evalView)) continue;
        const evalPicture = left.pictures[leftRow] ?? 0;
        for (const row of passing) {
          const [train, trainView] = [right.pictures[row] ?? 0, right.views[row] ?? 0];
          this.#put({ train, eval: evalPicture, distanceBits, trainView, evalView });
        }
      }
    }
  }

  /** All of them, where pictures with equal pixels stand for each other. */
  async found(): Promise<{
    readonly candidates: readonly Candidate[];
    readonly numUncompared: number;
  }> {
    const merged = new CandidateList({ train: this.#train, eval: this.#eval });
    const [firstTrain, firstEval] = [new FirstPictures(this.#train), new FirstPictures(this.#eval)];
    const candidates = this.#sorted();
    const protectedPictures = new Set(candidates.map((candidate) => candidate.eval));
    for (const picture of Uint32Array.from(protectedPictures).toSorted()) {
      await firstEval.with(picture);
    }
    for (const candidate of candidates) {
      const train = await firstTrain.with(candidate.train);
      const evalPicture = await firstEval.with(candidate.eval);
      if (train.pixels === evalPicture.pixels) continue;
      merged.#put({ ...candidate, train: train.picture, eval: evalPicture.picture });
    }
    return { candidates: merged.#sorted(), numUncompared: this.#numUncompared };
  }

  #put(candidate: Candidate): void {
    const known = this.#byTraining.get(candidate.train) ?? new Map<number, Candidate>();
    this.#byTraining.set(candidate.train, known);
    const before = known.get(candidate.eval);
    if (before === undefined || isNearer(candidate, before)) known.set(candidate.eval, candidate);
  }

  #sorted(): Candidate[] {
    return [...this.#byTraining]
      .toSorted(([one], [other]) => one - other)
      .flatMap(([, candidates]) =>
        [...candidates.values()].toSorted((one, other) => one.eval - other.eval),
      );
  }
}

// Of equally near views those that come first, so that the order of the search does not matter.
function isNearer(one: Candidate, other: Candidate): boolean {
  if (one.distanceBits !== other.distanceBits) return one.distanceBits < other.distanceBits;
  if (one.evalView !== other.evalView) return one.evalView < other.evalView;
  return one.trainView < other.trainView;
}

/** The rows that a found row stands for; of those whose pictures have equal pixels only the first. */
class Members {
  readonly #rows: GroupedRows;
  readonly #side: RecordSide;
  readonly #known = new Map<number, readonly number[]>();

  constructor(rows: GroupedRows, side: RecordSide) {
    this.#rows = rows;
    this.#side = side;
  }

  async equalTo(row: number): Promise<readonly number[]> {
    const members = this.#rows.equal.get(row);
    if (members === undefined) return [row];
    const known = this.#known.get(row) ?? (await this.#distinct(members));
    this.#known.set(row, known);
    return known;
  }

  async #distinct(members: Uint32Array): Promise<readonly number[]> {
    const first = new Map<string, number>();
    for (const member of members) {
      const view = this.#rows.views[member] ?? 0;
      const pixels = `${await pixelsOf(this.#side, this.#rows.pictures[member] ?? 0)} ${view}`;
      if (!first.has(pixels)) first.set(pixels, member);
    }
    return [...first.values()];
  }
}

/** Which of the pictures with the same pixels, of those that were asked for in ascending order, came first. */
class FirstPictures {
  readonly #side: RecordSide;
  readonly #first = new Map<string, number>();
  readonly #pixels = new Map<number, string>();

  constructor(side: RecordSide) {
    this.#side = side;
  }

  async with(picture: number): Promise<{ readonly pixels: string; readonly picture: number }> {
    const pixels = this.#pixels.get(picture) ?? (await pixelsOf(this.#side, picture));
    this.#pixels.set(picture, pixels);
    const first = this.#first.get(pixels) ?? picture;
    this.#first.set(pixels, first);
    return { pixels, picture: first };
  }
}

async function pixelsOf(side: RecordSide, picture: number): Promise<string> {
  const { records, row } = await side.at(picture);
  return records.pixels(row);
}
