import type * as tf from "@tensorflow/tfjs-core";

/**
 * Drops each element with the model's probability; the identity in evaluation. Each call takes the next place in the
 * model. What it gives has that place's draws however often it is applied, so that a layer which is computed again in
 * the backward pass drops the same elements.
 */
export type Dropout = () => (x: tf.Tensor) => tf.Tensor;

export const noDropout: Dropout = () => (x) => x;

/**
 * Drops a residual branch [B, …] for whole samples with probability `rate` and scales the others up (stochastic depth:
 * Huang et al. 2016; Swin's drop path); the identity in evaluation. Places and draws as with `Dropout`.
 */
export type StochasticDepth = (rate: number) => (branch: tf.Tensor) => tf.Tensor;

export const wholeDepth: StochasticDepth = () => (branch) => branch;
