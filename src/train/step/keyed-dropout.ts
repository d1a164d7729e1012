import * as tf from "@tensorflow/tfjs-core";
import { noDropout, type Dropout, type StochasticDepth } from "../../models/dropout.ts";
import { vector } from "../../models/ranks.ts";
import { statelessUniformRows } from "../../tensor/stateless-random.ts";

export interface DropoutKey {
  /** Seed, step, place of the first pair in the global batch. */
  readonly randomKey: tf.Tensor1D;
  readonly numPairs: number;
}

/** How far apart the keys of two places lie. */
const PLACE_STRIDE = 65_537;

/** Dropout whose draws are a pure function of (seed, step, place in the model, pair of the global batch). */
export function keyedDropout(rate: number, { randomKey, numPairs }: DropoutKey): Dropout {
  if (rate === 0) return noDropout;
  const [seedAndStep, firstRow] = [tf.slice(randomKey, 0, 2), tf.slice(randomKey, 2, 1)];
  let place = 0;
  return () => {
    place += 1;
    const offset = place * PLACE_STRIDE;
    return (x) => {
      const key = tf.add(seedAndStep, tf.tensor1d([offset, 0], "int32"));
      const rows = { key: vector(key), firstRow, numRows: numPairs, rowLength: x.size / numPairs };
      const kept = tf.greaterEqual(tf.reshape(statelessUniformRows(rows), x.shape), rate);
      return tf.mul(x, tf.mul(tf.cast(kept, "float32"), 1 / (1 - rate)));
    };
  };
}

/**
 * Stochastic depth whose draws are a pure function of (seed, step, place in the model, picture of the global batch).
 * The pictures of a batch have equally many pairs.
 */
export function keyedDepth({ numPairs, randomKey }: DropoutKey): StochasticDepth {
  const [seedAndStep, firstPair] = [tf.slice(randomKey, 0, 2), tf.slice(randomKey, 2, 1)];
  let place = 0;
  return (rate) => {
    place += 1;
    // Dropout's places are counted upwards, so the two never draw alike.
    const offset = -place * PLACE_STRIDE;
    if (rate === 0) return (branch) => branch;
    return (branch) => {
      const [numPictures = 1] = branch.shape;
      const key = vector(tf.add(seedAndStep, tf.tensor1d([offset, 0], "int32")));
      const firstRow = vector(
        tf.floorDiv(
          tf.mul(firstPair, tf.scalar(numPictures, "int32")),
          tf.scalar(numPairs, "int32"),
        ),
      );
      const drawn = statelessUniformRows({ key, firstRow, numRows: numPictures, rowLength: 1 });
      const kept = tf.cast(tf.greaterEqual(drawn, rate), "float32");
      const shape = [numPictures, ...branch.shape.slice(1).map(() => 1)];
      return tf.mul(branch, tf.mul(tf.reshape(kept, shape), 1 / (1 - rate)));
    };
  };
}
