import * as tf from "@tensorflow/tfjs-core";
import { vector } from "../../models/ranks.ts";
import {
  adamWStep,
  clipByGlobalNorm,
  type AdamWOptions,
  type AdamWState,
  type AdamWUpdate,
} from "./adamw.ts";

// W all weights of a model, one after the other in one vector

export interface SgdOptions {
  readonly momentum: number;
  /** Added to the gradient, as in PyTorch's SGD. */
  readonly weightDecay: number;
}

export interface SplitUpdate extends AdamWUpdate {
  /** 1 for weights that descend by SGD, 0 for those that AdamW moves, [W]. */
  readonly descends: tf.Tensor1D;
  /** 0 where weights are frozen in this step, else 1, [W]. */
  readonly trains: tf.Tensor1D;
}

/**
 * One step of two optimizers on disjoint weights, after clipping by the global norm of all: SGD with momentum
 * (PyTorch: v = mu v + g + decay w; w -= rate v) where `descends`, AdamW elsewhere. The momentum lies where AdamW's first
 * moment is. Frozen weights keep their values and moments.
 */
export function splitStep(
  update: SplitUpdate,
  options: { readonly adamW: AdamWOptions; readonly sgd: SgdOptions },
): { readonly state: AdamWState; readonly gradientNorm: tf.Scalar } {
  const { adamW, sgd } = options;
  const { descends, learningRates, scalars, state: old, trains } = update;
  const { gradient, gradientNorm } = clipByGlobalNorm(update.gradient, adamW.clipNorm);
  const unclipped = { ...adamW, clipNorm: Number.MAX_VALUE };
  const adapted = adamWStep({ ...update, gradient }, unclipped).state;
  const decay = tf.mul(tf.mul(old.weights, update.decayed), sgd.weightDecay);
  const velocity = tf.add(tf.mul(old.firstMoment, sgd.momentum), tf.add(gradient, decay));
  const rate = tf.mul(learningRates, tf.slice(scalars, 0, 1));
  const descended = tf.sub(old.weights, tf.mul(rate, velocity));
  const next = (sgdValue: tf.Tensor, adamWValue: tf.Tensor, oldValue: tf.Tensor): tf.Tensor1D => {
    const moved = tf.where(tf.greater(descends, 0), sgdValue, adamWValue);
    return vector(tf.where(tf.greater(trains, 0), moved, oldValue));
  };
  return {
    state: {
      weights: next(descended, adapted.weights, old.weights),
      firstMoment: next(velocity, adapted.firstMoment, old.firstMoment),
      secondMoment: next(old.secondMoment, adapted.secondMoment, old.secondMoment),
    },
    gradientNorm,
  };
}
