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

/** Candidates by training, then by evaluation picture. There may be millions, so they are made as they are asked for. */
export interface Candidates extends Iterable<Candidate> {
  readonly length: number;
}

/** The two sides of a search. */
export interface CandidateSides {
  readonly train: RecordSide;
  readonly eval: RecordSide;
}

/** What a training and an evaluation shard have in common; the same whatever else is searched with them. */
export interface ShardCandidates {
  /** Pictures are counted from the first of their shards; by training, then by evaluation picture. */
  readonly candidates: Candidates;
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
/** Pairs that training and evaluation pictures of two shards make by one and the same hash before each has one partner only. */
const MAX_EQUAL_PAIRS = 4096;

/** How many of the evaluation pictures with one hash each of `numTraining` pictures near to it is compared with. */
export function maxEqualPartners(numTraining: number): number {
  return Math.max(1, Math.min(MAX_EQUAL_PARTNERS, Math.floor(MAX_EQUAL_PAIRS / numTraining)));
}
