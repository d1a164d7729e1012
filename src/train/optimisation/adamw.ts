import * as tf from "@tensorflow/tfjs-core";

// W all weights of a model, one after the other in one vector

/**
 * "torch": PyTorch's: weights decay before the update, epsilon is added to the bias-corrected deviation. "old-hugging-face":
 * that of transformers' former AdamW, which UNITER trains with: epsilon is added before the correction, and the weights
 * that the update gave decay after it.
 */
export const adamWOrders = ["torch", "old-hugging-face"] as const;
export type AdamWOrder = (typeof adamWOrders)[number];

export interface AdamWOptions {
  readonly adamW: AdamWOrder;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly weightDecay: number;
  /** The gradient is scaled down to this global norm. */
  readonly clipNorm: number;
}

/** The optimizer's state is two moments as long as the weights, [W]. */
export interface AdamWState {
  readonly weights: tf.Tensor1D;
  readonly firstMoment: tf.Tensor1D;
  readonly secondMoment: tf.Tensor1D;
}

export interface AdamWUpdate {
  readonly state: AdamWState;
  readonly gradient: tf.Tensor1D;
  /** Of `stepScalars`: what changes from step to step, [3]. */
  readonly scalars: tf.Tensor1D;
  /** Learning rate of each weight before the schedule's factor, [W]. */
  readonly learningRates: tf.Tensor1D;
  /** 1 for weights that decay, 0 for norms, biases and bias tables, [W]. */
  readonly decayed: tf.Tensor1D;
}

/** A step's gradient, clipped, and its norm before. */
export interface ClippedGradient {
  readonly gradient: tf.Tensor1D;
  readonly gradientNorm: tf.Scalar;
}

/** Scales a gradient down to the global norm `clipNorm`. */
export function clipByGlobalNorm(gradient: tf.Tensor1D, clipNorm: number): ClippedGradient {
  const gradientNorm: tf.Scalar = tf.sqrt(tf.sum(tf.square(gradient)));
  // PyTorch's clip_grad_norm_ adds the same 1e-6.
  const clip = tf.minimum(1, tf.div(clipNorm, tf.add(gradientNorm, 1e-6)));
  return { gradient: tf.mul(gradient, clip), gradientNorm };
}

/** The numbers of update `step`, counted from 1: the schedule's factor and the two bias corrections of Adam. */
export function stepScalars(step: number, rateFactor: number, options: AdamWOptions): Float32Array {
  return Float32Array.of(
    rateFactor,
    1 / (1 - options.beta1 ** step),
    1 / Math.sqrt(1 - options.beta2 ** step),
  );
}

/**
 * One step of AdamW (Loshchilov and Hutter 2019), in one of two orders. Gives the new state and the gradient's norm
 * before clipping.
 */
export function adamWStep(
  update: AdamWUpdate,
  options: AdamWOptions,
): { readonly state: AdamWState; readonly gradientNorm: tf.Scalar } {
  const { beta1, beta2 } = options;
  const [rateFactor, firstCorrection, deviationCorrection] = tf.unstack(update.scalars);
  if (!rateFactor || !firstCorrection || !deviationCorrection) {
    throw new RangeError("the step's scalars are three");
  }
  const { gradient, gradientNorm } = clipByGlobalNorm(update.gradient, options.clipNorm);
  const { weights, firstMoment, secondMoment } = update.state;
  const first: tf.Tensor1D = tf.add(firstMoment, tf.mul(tf.sub(gradient, firstMoment), 1 - beta1));
  const second: tf.Tensor1D = tf.add(
    secondMoment,
    tf.mul(tf.sub(tf.square(gradient), secondMoment), 1 - beta2),
  );
  const rates = tf.mul(update.learningRates, rateFactor);
  const moments = { first, second, firstCorrection, deviationCorrection };
  const { decayed } = update;
  const moved = movedWeights({ weights, rates, decayed, moments }, options);
  return { state: { weights: moved, firstMoment: first, secondMoment: second }, gradientNorm };
}

interface Movement {
  readonly weights: tf.Tensor1D;
  readonly rates: tf.Tensor;
  readonly decayed: tf.Tensor1D;
  readonly moments: {
    readonly first: tf.Tensor;
    readonly second: tf.Tensor;
    readonly firstCorrection: tf.Tensor;
    readonly deviationCorrection: tf.Tensor;
  };
}

function movedWeights(
  { decayed, moments, rates, weights }: Movement,
  { adamW, epsilon, weightDecay }: AdamWOptions,
): tf.Tensor1D {
  const { deviationCorrection, first, firstCorrection, second } = moments;
  const decayOf = (values: tf.Tensor): tf.Tensor => tf.mul(tf.mul(values, decayed), weightDecay);
  if (adamW === "torch") {
    const deviation = tf.mul(tf.sqrt(second), deviationCorrection);
    const direction = tf.div(tf.mul(first, firstCorrection), tf.add(deviation, epsilon));
    return tf.sub(weights, tf.mul(rates, tf.add(direction, decayOf(weights))));
  }
  const correction = tf.div(firstCorrection, deviationCorrection);
  const direction = tf.div(first, tf.add(tf.sqrt(second), epsilon));
  const moved = tf.sub(weights, tf.mul(tf.mul(rates, correction), direction));
  return tf.sub(moved, tf.mul(rates, decayOf(moved)));
}
