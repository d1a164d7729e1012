import * as tf from "@tensorflow/tfjs-core";
import { RandomStream } from "../../core/random.ts";
import { tensor3 } from "../../models/ranks.ts";
import type { MaskRanking } from "./mask-choice.ts";

// P pictures, B pairs, m visual tokens, k masked tokens a pair, c visual channels

export interface MaskChoice {
  /** How near each token is to each other: attention with its heads averaged, or cosines, [P, m, m]. */
  readonly affinity: tf.Tensor3D;
  /** The picture of each pair, [B]. */
  readonly pictureOfPair: tf.Tensor1D;
  /** The randomly picked token of each pair, [B] in [0, m). */
  readonly pivots: tf.Tensor1D;
  readonly ranking: MaskRanking;
  /** Of `maskedTokenCount`. */
  readonly count: number;
}

/** The tokens with the highest values in the pivot's row, [B, count], highest first, ties to the lowest index (section 3.3). */
export function rankedMask(choice: MaskChoice): tf.Tensor2D {
  const { count, pictureOfPair, pivots } = choice;
  const rowIndex = tf.stack([pictureOfPair, pivots], 1);
  const rows = tf.gatherND(rankedValues(choice), tf.cast(rowIndex, "int32")); // [B, m]
  return tf.reshape(tf.topk(rows, count, true).indices, [-1, count]);
}

// [P, m, m]
function rankedValues({ affinity, ranking }: MaskChoice): tf.Tensor {
  const identity = tf.eye(affinity.shape[1]);
  switch (ranking) {
    case "bare":
      return affinity;
    case "with-identity":
      return tf.mul(tf.add(affinity, identity), 0.5);
    case "pivot-and-bare":
      // Attention and cosines are at most 1, so that the pivot comes first and the others keep their order.
      return tf.add(affinity, tf.mul(identity, 3));
  }
}

/** Norms are at least this in the cosine, so that a feature of zeros is near to none. */
const MIN_NORM = 1e-5;

/** The cosine of each two features of a picture, [P, m, c] to [P, m, m]: what MFR_CNN ranks, having no attention. */
export function featureCosines(features: tf.Tensor3D): tf.Tensor3D {
  const squaredNorm = tf.sum(tf.square(features), -1, true);
  const units = tf.mul(features, tf.rsqrt(tf.maximum(squaredNorm, MIN_NORM ** 2)));
  return tensor3(tf.matMul(units, units, false, true));
}

export interface RandomMask {
  readonly numPairs: number;
  /** Where the first of them stands in the global batch. */
  readonly firstPair: number;
  readonly visualTokens: number;
  readonly count: number;
  readonly seed: number;
  readonly step: number;
}

/** `count` different tokens of each pair, [numPairs * count], drawn uniformly by (seed, step, pair of the global batch). */
export function randomMask(mask: RandomMask): Int32Array {
  const { count, firstPair, numPairs, seed, step, visualTokens } = mask;
  const chosen = new Int32Array(numPairs * count);
  for (let pair = 0; pair < numPairs; pair += 1) {
    const random = new RandomStream(seed, step, firstPair + pair, visualTokens);
    const tokens = Int32Array.from({ length: visualTokens }, (_, token) => token);
    for (let place = 0; place < count; place += 1) {
      const other = place + random.nextInt(visualTokens - place);
      const [first = 0, second = 0] = [tokens[place], tokens[other]];
      [tokens[place], tokens[other]] = [second, first];
    }
    chosen.set(tokens.subarray(0, count), pair * count);
  }
  return chosen;
}
