import * as tf from "@tensorflow/tfjs-core";
import { stopGradient } from "../layers.ts";
import { matrix, vector } from "../ranks.ts";
import { weight, type Weights } from "../weights.ts";
import { dictionaryNames, type DictionaryConfig } from "./dictionary.ts";

// N features, c their size, k codes

/** How a batch's features lie on the codes; those of several ranks add up. */
export interface CodeStatistics {
  /** Features of each code, [k]. */
  readonly counts: tf.Tensor1D;
  /** Their sums, [k, c]. */
  readonly sums: tf.Tensor2D;
}

/** Keeps the moving counts from 0 (SOHO's code, and van den Oord et al. 2017). */
const LAPLACE_EPSILON = 1e-5;

/** A batch of padding alone counts nothing, and its codes are 0 and not 0 / 0. */
const SMALLEST_COUNT = 1e-30;

/** Statistics of features [N, c] with codes `indices` [N], of those that `counted` [N] weighs with 1 and not with 0. */
export function codeStatistics(
  features: tf.Tensor2D,
  indices: tf.Tensor1D,
  { counted, numCodes }: { readonly counted: tf.Tensor1D; readonly numCodes: number },
): CodeStatistics {
  const weighed = tf.mul(stopGradient(features), tf.expandDims(counted, 1));
  return {
    counts: vector(tf.unsortedSegmentSum(counted, indices, numCodes)),
    sums: matrix(tf.unsortedSegmentSum(weighed, indices, numCodes)),
  };
}

/** A dictionary after a batch: its buffers, with the same names; `statistics` are of all ranks. */
export function updatedDictionary(
  buffers: Weights,
  config: DictionaryConfig,
  { prefix, statistics }: { readonly prefix: string; readonly statistics: CodeStatistics },
): Weights {
  const old = (name: string): tf.Tensor => weight(buffers, prefix + name);
  const isHit = tf.greater(statistics.counts, 0); // [k]
  const idle = tf.where(
    isHit,
    tf.zerosLike(statistics.counts),
    tf.add(old(dictionaryNames.idleSteps), 1),
  );
  const named = (states: Weights): Weights =>
    Object.fromEntries(Object.entries(states).map(([name, state]) => [prefix + name, state]));
  const { update } = config;
  if (update.law === "momentum-means") {
    const codes = momentumMeans(matrix(old(dictionaryNames.codes)), statistics, update.momentum);
    return named({ [dictionaryNames.codes]: codes, [dictionaryNames.idleSteps]: idle });
  }
  const { codes, counts, sums } = movingSums(
    { counts: vector(old(dictionaryNames.counts)), sums: matrix(old(dictionaryNames.sums)) },
    statistics,
    update.decay,
  );
  return named({
    [dictionaryNames.codes]: codes,
    [dictionaryNames.idleSteps]: idle,
    [dictionaryNames.counts]: counts,
    [dictionaryNames.sums]: sums,
  });
}

/** Eq. 4: codes that no feature came to stay as they are, bit for bit. */
function momentumMeans(
  codes: tf.Tensor2D,
  { counts, sums }: CodeStatistics,
  momentum: number,
): tf.Tensor2D {
  const means = tf.div(sums, tf.expandDims(tf.maximum(counts, 1), 1));
  const moved = tf.add(tf.mul(codes, momentum), tf.mul(means, 1 - momentum));
  const isHit = tf.tile(tf.expandDims(tf.greater(counts, 0), 1), [1, codes.shape[1]]);
  return matrix(tf.where(isHit, moved, codes));
}

/**
 * The law of SOHO's code. The smoothed counts divide and are not kept. With sums that start at 0, a code that no
 * feature has ever come to is 0 after the first step.
 */
function movingSums(
  old: CodeStatistics,
  batch: CodeStatistics,
  decay: number,
): CodeStatistics & { readonly codes: tf.Tensor2D } {
  const follow = (moving: tf.Tensor, latest: tf.Tensor): tf.Tensor =>
    tf.add(tf.mul(moving, decay), tf.mul(latest, 1 - decay));
  const counts = follow(old.counts, batch.counts);
  const sums = follow(old.sums, batch.sums);
  const total = tf.sum(counts);
  const smoothedTotal = tf.add(total, counts.size * LAPLACE_EPSILON);
  const smoothed = tf.mul(tf.div(tf.add(counts, LAPLACE_EPSILON), smoothedTotal), total);
  const codes = tf.div(sums, tf.expandDims(tf.maximum(smoothed, SMALLEST_COUNT), 1));
  return { codes: matrix(codes), counts: vector(counts), sums: matrix(sums) };
}
