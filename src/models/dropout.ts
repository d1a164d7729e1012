import type * as tf from "@tensorflow/tfjs-core";

/** Drops each element with the model's probability; the identity in evaluation. Each call draws anew. */
export type Dropout = (x: tf.Tensor) => tf.Tensor;

export const noDropout: Dropout = (x) => x;
