import type { RecordSide } from "./record-side.ts";

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

/** The two sides of a search. */
export interface CandidateSides {
  readonly train: RecordSide;
  readonly eval: RecordSide;
}

/** What a training and an evaluation shard have in common; the same whatever else is searched with them. */
export interface ShardCandidates {
  /** Pictures are counted from the first of their shards; by training, then by evaluation picture. */
  readonly candidates: readonly Candidate[];
  /** Pairs of views with equal hashes that were left out because the training picture has many such. */
  readonly numUncompared: number;
}

/** By training, then by evaluation shard. */
export type CandidateCells = ReadonlyMap<number, ReadonlyMap<number, ShardCandidates>>;

/** What was found of shards before, so that only new ones are searched. */
export interface CandidateMemory {
  /** By evaluation shard. */
  readonly read: (trainShard: number) => Promise<ReadonlyMap<number, ShardCandidates>>;
  /** Adds to what is known of a training shard. */
  readonly write: (
    trainShard: number,
    found: ReadonlyMap<number, ShardCandidates>,
  ) => Promise<void>;
}

/**
 * Evaluation pictures with one and the same hash but other pixels that a training picture is compared with. Copies of
 * one picture, saved so many times over, show the leak as well as all of them.
 */
export const MAX_EQUAL_PARTNERS = 16;

/** One candidate for each pair of pictures: by the views that are nearest. */
export class PicturePairs {
  readonly #byTraining = new Map<number, Map<number, Candidate>>();

  put(candidate: Candidate): void {
    const known = this.#byTraining.get(candidate.train) ?? new Map<number, Candidate>();
    this.#byTraining.set(candidate.train, known);
    const before = known.get(candidate.eval);
    if (before === undefined || isNearer(candidate, before)) known.set(candidate.eval, candidate);
  }

  /** By training, then by evaluation picture. */
  sorted(): Candidate[] {
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
