import * as tf from "@tensorflow/tfjs-core";
import { noDropout, type Dropout } from "../models/dropout.ts";
import { vector } from "../models/ranks.ts";
import { statelessUniformRows } from "../tensor/stateless-random.ts";

export interface DropoutKey {
  /** Seed, step, place of the first pair in the global batch. */
  readonly randomKey: tf.Tensor1D;
  readonly numPairs: number;
}

/** Dropout whose draws are a pure function of (seed, step, place in the model, pair of the global batch). */
export function keyedDropout(rate: number, { randomKey, numPairs }: DropoutKey): Dropout {
  if (rate === 0) return noDropout;
  const [seedAndStep, firstRow] = [tf.slice(randomKey, 0, 2), tf.slice(randomKey, 2, 1)];
  let place = 0;
  return () => {
    place += 1;
    const offset = place * 65_537;
    return (x) => {
      const key = tf.add(seedAndStep, tf.tensor1d([offset, 0], "int32"));
      const rows = { key: vector(key), firstRow, numRows: numPairs, rowLength: x.size / numPairs };
      const kept = tf.greaterEqual(tf.reshape(statelessUniformRows(rows), x.shape), rate);
      return tf.mul(x, tf.mul(tf.cast(kept, "float32"), 1 / (1 - rate)));
    };
  };
}
