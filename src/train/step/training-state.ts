import * as tf from "@tensorflow/tfjs-core";
import type { AdamWState } from "../optimisation/adamw.ts";

/** Everything that a step changes: weights and their moments [W], and the system's buffers [U], which may be none. */
export interface TrainingState extends AdamWState {
  readonly buffers: tf.Tensor1D;
  /** The weights' moving average [W], or nothing [0] where the recipe keeps none. */
  readonly average: tf.Tensor1D;
}

export function disposeState(state: TrainingState): void {
  tf.dispose([state.weights, state.firstMoment, state.secondMoment, state.buffers, state.average]);
}
