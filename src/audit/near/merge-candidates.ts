import { spellHash } from "../perceptual/hash.ts";
import { pixelsOf, type RecordSide } from "./record-side.ts";
import {
  type Candidate,
  type CandidateCells,
  type CandidateSides,
  MAX_EQUAL_PARTNERS,
  PicturePairs,
} from "./shard-candidates.ts";

export interface FoundCandidates {
  /** By training, then by evaluation picture. */
  readonly candidates: readonly Candidate[];
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
  const all = numbered(sides, cells);
  const merged = new PicturePairs();
  const [firstTrain, firstEval] = [new FirstPictures(sides.train), new FirstPictures(sides.eval)];
  const protectedPictures = new Set(all.map((candidate) => candidate.eval));
  for (const picture of Uint32Array.from(protectedPictures).toSorted()) {
    await firstEval.with(picture);
  }
  for (const candidate of all) {
    const train = await firstTrain.with(candidate.train);
    const evalPicture = await firstEval.with(candidate.eval);
    if (train.pixels === evalPicture.pixels) continue;
    merged.put({ ...candidate, train: train.picture, eval: evalPicture.picture });
  }
  const candidates = merged.sorted();
  const compared = await withFewEqualPartners(sides.eval, candidates);
  const numUncompared = [...cells.values()]
    .flatMap((ofShard) => [...ofShard.values()])
    .reduce((sum, cell) => sum + cell.numUncompared, candidates.length - compared.length);
  return { candidates: compared, numUncompared };
}

/** All candidates by the numbers that their pictures have on their sides, in ascending order. */
function numbered(sides: CandidateSides, cells: CandidateCells): readonly Candidate[] {
  const all = new PicturePairs();
  for (const [trainShard, ofShard] of cells) {
    const firstTrain = sides.train.firstPicture(trainShard);
    for (const [evalShard, { candidates }] of ofShard) {
      const firstEval = sides.eval.firstPicture(evalShard);
      for (const { train, eval: evaluated, ...near } of candidates) {
        all.put({ ...near, train: train + firstTrain, eval: evaluated + firstEval });
      }
    }
  }
  return all.sorted();
}

/** Leaves out what several shards have too much of together. */
async function withFewEqualPartners(
  side: RecordSide,
  candidates: readonly Candidate[],
): Promise<readonly Candidate[]> {
  const kept: Candidate[] = [];
  for (const [, ofPicture] of Map.groupBy(candidates, ({ train }) => train)) {
    const partners = new Map<string, number>();
    const isCrowded = ofPicture.length > MAX_EQUAL_PARTNERS;
    for (const candidate of ofPicture) {
      const hash = isCrowded ? await hashOf(side, candidate) : "";
      const numBefore = partners.get(hash) ?? 0;
      partners.set(hash, numBefore + 1);
      if (numBefore < MAX_EQUAL_PARTNERS) kept.push(candidate);
    }
  }
  return kept;
}

async function hashOf(side: RecordSide, candidate: Candidate): Promise<string> {
  const { records, row } = await side.at(candidate.eval);
  return spellHash(records.hash(row, candidate.evalView));
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
