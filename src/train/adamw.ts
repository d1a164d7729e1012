import * as tf from "@tensorflow/tfjs-core";

// W all weights of a model, one after the other in one vector

export interface AdamWOptions {
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
  /** The number of this update, from 1. */
  readonly step: number;
  /** Learning rate of each weight, [W]: the groups' rates times the schedule's factor. */
  readonly learningRates: tf.Tensor1D;
  /** 1 for weights that decay, 0 for norms, biases and bias tables, [W]. */
  readonly decayed: tf.Tensor1D;
}

/**
 * One step of AdamW (Loshchilov and Hutter 2019) in PyTorch's order: decay, moments, bias-corrected update,
 * epsilon outside the square root. Gives the new state and the gradient's norm before clipping.
 */
export function adamWStep(
  update: AdamWUpdate,
  options: AdamWOptions,
): { readonly state: AdamWState; readonly gradientNorm: tf.Scalar } {
  const { beta1, beta2 } = options;
  const gradientNorm: tf.Scalar = tf.sqrt(tf.sum(tf.square(update.gradient)));
  // PyTorch's clip_grad_norm_ adds the same 1e-6.
  const clip = tf.minimum(1, tf.div(options.clipNorm, tf.add(gradientNorm, 1e-6)));
  const gradient = tf.mul(update.gradient, clip);
  const { weights, firstMoment, secondMoment } = update.state;
  const first: tf.Tensor1D = tf.add(firstMoment, tf.mul(tf.sub(gradient, firstMoment), 1 - beta1));
  const second: tf.Tensor1D = tf.add(
    secondMoment,
    tf.mul(tf.sub(tf.square(gradient), secondMoment), 1 - beta2),
  );
  const deviation = tf.mul(tf.sqrt(second), 1 / Math.sqrt(1 - beta2 ** update.step));
  const direction = tf.div(
    tf.mul(first, 1 / (1 - beta1 ** update.step)),
    tf.add(deviation, options.epsilon),
  );
  const decay = tf.mul(tf.mul(weights, update.decayed), options.weightDecay);
  const moved: tf.Tensor1D = tf.sub(
    weights,
    tf.mul(update.learningRates, tf.add(direction, decay)),
  );
  return { state: { weights: moved, firstMoment: first, secondMoment: second }, gradientNorm };
}
