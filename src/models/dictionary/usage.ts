import * as tf from "@tensorflow/tfjs-core";

// c size of a code, k codes

/** exp of the entropy of the codes' shares of the features: k where all are used alike, 1 where one is. Of counts [k]. */
export function codePerplexity(counts: tf.Tensor1D): tf.Scalar {
  const shares = tf.div(counts, tf.maximum(tf.sum(counts), 1));
  // A share of 0 adds 0: its logarithm is taken of 1.
  const logarithms = tf.log(tf.where(tf.greater(shares, 0), shares, tf.onesLike(shares)));
  return tf.exp(tf.neg(tf.sum(tf.mul(shares, logarithms))));
}

/** How many codes have a feature, of counts [k]. */
export function usedCodes(counts: tf.Tensor1D): tf.Scalar {
  return tf.sum(tf.cast(tf.greater(counts, 0), "float32"));
}

/** The state of a dictionary's codes. */
export interface UsageInput {
  /** [k, c] */
  readonly codes: tf.Tensor2D;
  /** For how many steps no feature has come to a code, [k]. */
  readonly idleSteps: tf.Tensor1D;
}

export interface DictionaryUsage {
  readonly numCodes: number;
  /** Codes that the last step's features came to. */
  readonly numUsed: number;
  /** Codes that are 0 in every number, which "moving-sums" makes of codes that are never hit. */
  readonly numZero: number;
  /** Codes to which no feature has come for `DEAD_AFTER_STEPS` steps. */
  readonly deadCodes: readonly number[];
}

/** A code that is idle for so long is called dead; the papers have no word for it. */
export const DEAD_AFTER_STEPS = 100;

/** Reads how a dictionary is used; outside of steps. */
export function dictionaryUsage({ codes, idleSteps }: UsageInput): DictionaryUsage {
  return tf.tidy(() => {
    const isZero = tf.equal(tf.max(tf.abs(codes), 1), 0);
    const idle = [...idleSteps.dataSync()];
    return {
      numCodes: idle.length,
      numUsed: idle.filter((steps) => steps === 0).length,
      numZero: tf.sum(tf.cast(isZero, "int32")).dataSync()[0] ?? 0,
      deadCodes: idle.flatMap((steps, code) => (steps >= DEAD_AFTER_STEPS ? [code] : [])),
    };
  });
}

/** What is to be said of a dictionary's use, in one line; it warns of codes that have become 0. */
export function usageText({ deadCodes, numCodes, numUsed, numZero }: DictionaryUsage): string {
  return [
    `dictionary: ${numUsed} of ${numCodes} codes used in the last step`,
    `${deadCodes.length} dead (idle for ${DEAD_AFTER_STEPS} steps)`,
    ...(numZero === 0
      ? []
      : [`warning: ${numZero} codes are exactly 0, as moving sums leave those that are never hit`]),
  ].join("; ");
}
