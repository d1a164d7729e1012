import { spellHash } from "../perceptual/hash.ts";
import { GrowingWords } from "../tables/growing-words.ts";
import { HashNumbers } from "../tables/hash-numbers.ts";
import { PicturePairs } from "./candidate-table.ts";
import { PIXELS_WORDS } from "./picture-records.ts";
import type { RecordSide } from "./record-side.ts";
import {
  type Candidate,
  type CandidateCells,
  type Candidates,
  type CandidateSides,
  MAX_EQUAL_PARTNERS,
  type ShardCandidates,
} from "./shard-candidates.ts";

export interface FoundCandidates {
  /** By training, then by evaluation picture. */
  readonly candidates: Candidates;
  /** Pairs of views with equal hashes that were left out because the training picture has many such. */
  readonly numUncompared: number;
}

/**
 * What all shards of two sides have in common. Pictures with equal pixels stand for each other, also those of several
 * shards; a pair with equal pixels on both sides is none.
 */
export async function mergeCandidates(
  sides: CandidateSides,
  cells: CandidateCells,
): Promise<FoundCandidates> {
  const pixels = new HashNumbers();
  const firstTrain = new FirstPictures(sides.train, pixels);
  const firstEval = new FirstPictures(sides.eval, pixels);
  for (const picture of evaluationPictures(sides, cells)) await firstEval.of(picture);
  const merged = new PicturePairs();
  for (const candidate of numbered(sides, cells)) {
    const train = await firstTrain.of(candidate.train);
    const evaluated = await firstEval.of(candidate.eval);
    if (train.pixels === evaluated.pixels) continue;
    merged.put({ ...candidate, train: train.picture, eval: evaluated.picture });
  }
  const candidates = merged.sorted();
  const compared = await withFewEqualPartners(sides.eval, candidates);
  const numUncompared = Array.from(cells.values())
    .flatMap((ofShard) => Array.from(ofShard.values()))
    .reduce((sum, cell) => sum + cell.numUncompared, candidates.length - compared.length);
  return { candidates: compared, numUncompared };
}

/** The evaluation pictures that candidates name, ascending. */
function* evaluationPictures(
  { eval: side }: CandidateSides,
  cells: CandidateCells,
): Generator<number> {
  const isNamed = new Uint8Array(side.numPictures);
  for (const [, ofShard] of cells) {
    for (const [evalShard, { candidates }] of ofShard) {
      const first = side.firstPicture(evalShard);
      for (const candidate of candidates) isNamed[first + candidate.eval] = 1;
    }
  }
  for (const [picture, named] of isNamed.entries()) if (named === 1) yield picture;
}

/** All candidates by the numbers that their pictures have on their sides, by training, then by evaluation picture. */
function* numbered(sides: CandidateSides, cells: CandidateCells): Generator<Candidate> {
  const trainShards = Array.from(cells).toSorted(([one], [other]) => one - other);
  for (const [trainShard, ofShard] of trainShards) {
    const firstTrain = sides.train.firstPicture(trainShard);
    for (const { train, ...near } of ofTrainingShard(sides, ofShard)) {
      yield { ...near, train: train + firstTrain };
    }
  }
}

/** The candidates of one training shard, which counts its own pictures. */
function ofTrainingShard(
  { eval: side }: CandidateSides,
  ofShard: ReadonlyMap<number, ShardCandidates>,
): Candidates {
  const all = new PicturePairs();
  for (const [evalShard, { candidates }] of ofShard) {
    const firstEval = side.firstPicture(evalShard);
    for (const { eval: evaluated, ...near } of candidates) {
      all.put({ ...near, eval: evaluated + firstEval });
    }
  }
  return all.sorted();
}

/** Leaves out what several shards have too much of together. */
async function withFewEqualPartners(side: RecordSide, candidates: Candidates): Promise<Candidates> {
  const kept = new PicturePairs();
  for (const ofPicture of byTraining(candidates)) {
    const partners = new Map<string, number>();
    const isCrowded = ofPicture.length > MAX_EQUAL_PARTNERS;
    for (const candidate of ofPicture) {
      const hash = isCrowded ? await hashOf(side, candidate) : "";
      const numBefore = partners.get(hash) ?? 0;
      partners.set(hash, numBefore + 1);
      if (numBefore < MAX_EQUAL_PARTNERS) kept.put(candidate);
    }
  }
  return kept.sorted();
}

/** The candidates of each training picture. */
function* byTraining(candidates: Candidates): Generator<readonly Candidate[]> {
  let ofPicture: Candidate[] = [];
  for (const candidate of candidates) {
    if (ofPicture.length > 0 && ofPicture[0]?.train !== candidate.train) {
      yield ofPicture;
      ofPicture = [];
    }
    ofPicture.push(candidate);
  }
  if (ofPicture.length > 0) yield ofPicture;
}

async function hashOf(side: RecordSide, candidate: Candidate): Promise<string> {
  const { records, row } = await side.at(candidate.eval);
  return spellHash(records.hash(row, candidate.evalView));
}

/** Which of the pictures with the same pixels, of those that were asked for in ascending order, came first. */
class FirstPictures {
  readonly #side: RecordSide;
  /** Of both sides. */
  readonly #pixels: HashNumbers;
  readonly #words = new Uint32Array(PIXELS_WORDS);
  /** By the number of the pixels one more than the first picture that has them, or 0. */
  readonly #first = new GrowingWords();
  /** Of each picture one more than the number of its pixels, or 0. */
  readonly #pixelsOf: Uint32Array;

  constructor(side: RecordSide, pixels: HashNumbers) {
    this.#side = side;
    this.#pixels = pixels;
    this.#pixelsOf = new Uint32Array(side.numPictures);
  }

  async of(picture: number): Promise<{ readonly pixels: number; readonly picture: number }> {
    if (this.#pixelsOf[picture] === 0) {
      const { records, row } = await this.#side.at(picture);
      records.readPixels(row, this.#words);
      this.#pixelsOf[picture] = this.#pixels.add(this.#words) + 1;
    }
    const pixels = this.#pixelsOf[picture] ?? 0;
    return { pixels, picture: this.#firstOf(pixels, picture) };
  }

  #firstOf(pixels: number, picture: number): number {
    while (this.#first.length <= pixels) this.#first.push(0);
    const known = this.#first.at(pixels);
    if (known === 0) this.#first.set(pixels, picture + 1);
    return known === 0 ? picture : known - 1;
  }
}
