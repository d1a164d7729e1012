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

/** The state of a dictionary's codes, and how features have come to them. */
export interface UsageInput {
  /** Features of each code, [k], over as many batches as one likes. */
  readonly counts: tf.Tensor1D;
  /** [k, c] */
  readonly codes: tf.Tensor2D;
  /** For how many steps no feature has come to a code, [k]. */
  readonly idleSteps: tf.Tensor1D;
  readonly deadAfterSteps: number;
}

export interface DictionaryUsage {
  readonly numCodes: number;
  readonly numUsed: number;
  readonly perplexity: number;
  /** Codes that are 0 in every number, which "moving-sums" makes of codes that are never hit. */
  readonly numZero: number;
  /** Codes to which no feature has come for `deadAfterSteps` steps. */
  readonly deadCodes: readonly number[];
}

/** Reads how a dictionary is used; outside of steps. */
export function dictionaryUsage(input: UsageInput): DictionaryUsage {
  const { codes, counts, deadAfterSteps, idleSteps } = input;
  return tf.tidy(() => {
    const isZero = tf.equal(tf.max(tf.abs(codes), 1), 0);
    return {
      numCodes: counts.size,
      numUsed: usedCodes(counts).dataSync()[0] ?? 0,
      perplexity: codePerplexity(counts).dataSync()[0] ?? 0,
      numZero: tf.sum(tf.cast(isZero, "int32")).dataSync()[0] ?? 0,
      deadCodes: [...idleSteps.dataSync()].flatMap((steps, code) =>
        steps >= deadAfterSteps ? [code] : [],
      ),
    };
  });
}

/** What is to be said of a dictionary's use, in one line; it warns of codes that have become 0. */
export function usageText(usage: DictionaryUsage): string {
  const { deadCodes, numCodes, numUsed, numZero, perplexity } = usage;
  return [
    `${numUsed} of ${numCodes} codes used, perplexity ${perplexity.toFixed(1)}`,
    ...(numZero === 0
      ? []
      : [`warning: ${numZero} codes are exactly 0, as moving sums leave those that are never hit`]),
    ...(deadCodes.length === 0 ? [] : [`${deadCodes.length} codes are dead`]),
  ].join("; ");
}
