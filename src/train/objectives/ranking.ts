import * as tf from "@tensorflow/tfjs-core";
import type { RandomStream } from "../../core/random.ts";

// B true pairs, N negatives of each

/** UNITER, A.2: retrieval is fine-tuned with a margin of 0.2, on the sigmoid of the scores in its released code. */
export const TRIPLET_MARGIN = 0.2;

/**
 * The triplet loss max(0, margin - s(positive) + s(negative)) on sigmoid scores, the mean over all triplets (UNITER,
 * section 4.1): logits [B, 1 + N], the true pair's first.
 */
export function tripletLoss(logits: tf.Tensor2D, margin: number = TRIPLET_MARGIN): tf.Scalar {
  return tf.mean(tripletMeans(logits, margin));
}

/** The same of each true pair, the mean over its negatives, [B]. */
export function tripletMeans(logits: tf.Tensor2D, margin: number = TRIPLET_MARGIN): tf.Tensor1D {
  const [numPairs, width] = logits.shape;
  const scores = tf.sigmoid(logits);
  const positive = tf.slice(scores, [0, 0], [numPairs, 1]);
  const negative = tf.slice(scores, [0, 1], [numPairs, width - 1]);
  return tf.mean(tf.relu(tf.add(tf.sub(negative, positive), margin)), 1);
}

/** Online hard negatives of UNITER's released code: this many are drawn and scored, the best are kept. */
export const onlineNegatives = { drawn: 399, kept: 31 } as const;

/** Offline hard negatives of UNITER's paper (A.2): 128 negative images scored for each text, the top 20 kept. */
export const offlineNegatives = { drawn: 128, kept: 20 } as const;

/**
 * Up to `count` distinct candidates of [0, numCandidates) that are no true match, in drawn order; fewer where there are
 * no more.
 */
export function drawNegatives(
  random: RandomStream,
  candidates: { readonly numCandidates: number; readonly isMatch: (candidate: number) => boolean },
  count: number,
): number[] {
  const { isMatch, numCandidates } = candidates;
  const drawn = new Set<number>();
  // Rejected while most are free; what is left of a small pool is then looked through in order.
  for (let attempt = 0; attempt < 4 * count && drawn.size < count; attempt += 1) {
    const candidate = random.nextInt(numCandidates);
    if (!isMatch(candidate)) drawn.add(candidate);
  }
  for (let candidate = 0; candidate < numCandidates && drawn.size < count; candidate += 1) {
    if (!isMatch(candidate)) drawn.add(candidate);
  }
  return [...drawn];
}

/** The places of the `kept` highest scores, the highest first, ties to the lowest place. */
export function hardestNegatives(scores: ArrayLike<number>, kept: number): number[] {
  const places = Array.from({ length: scores.length }, (_, place) => place);
  const scoreAt = (place: number): number => scores[place] ?? Number.NEGATIVE_INFINITY;
  return places.toSorted((a, b) => scoreAt(b) - scoreAt(a) || a - b).slice(0, kept);
}

/** A text and a picture that is not its own, and how well the model thinks they match. */
export interface ScoredNegative {
  readonly text: number;
  readonly picture: number;
  readonly score: number;
}

export interface HardNegatives {
  /** For each text that was scored, its hardest pictures, the hardest first. */
  readonly picturesOfText: ReadonlyMap<number, readonly number[]>;
  /** For each picture that was scored, its hardest texts, the hardest first. */
  readonly textsOfPicture: ReadonlyMap<number, readonly number[]>;
}

/**
 * The offline hard negatives of a sparse matrix of scores (UNITER, A.2): of each text the `kept` best pictures, of each
 * picture the `kept` best texts.
 */
export function hardNegativesOf(
  scored: readonly ScoredNegative[],
  kept: number = offlineNegatives.kept,
): HardNegatives {
  const byText = Map.groupBy(scored, ({ text }) => text);
  const byPicture = Map.groupBy(scored, ({ picture }) => picture);
  return {
    picturesOfText: hardestOf(byText, kept, ({ picture }) => picture),
    textsOfPicture: hardestOf(byPicture, kept, ({ text }) => text),
  };
}

function hardestOf(
  groups: ReadonlyMap<number, readonly ScoredNegative[]>,
  kept: number,
  nameOf: (negative: ScoredNegative) => number,
): Map<number, number[]> {
  return new Map(
    [...groups].map(([key, group]) => {
      const ordered = group.toSorted((a, b) => b.score - a.score || nameOf(a) - nameOf(b));
      return [key, ordered.slice(0, kept).map(nameOf)];
    }),
  );
}
