import * as tf from "@tensorflow/tfjs-core";
import { linear } from "../layers.ts";
import { matrix } from "../ranks.ts";
import { linearSpecs, type Weights, type WeightSpec } from "../weights.ts";
import type { BertConfig } from "./config.ts";

// B batch, N tokens, D hidden size

export function poolerSpecs({ hiddenSize }: BertConfig): WeightSpec[] {
  return linearSpecs("pooler.dense", hiddenSize, hiddenSize);
}

/** The states of the first token, [CLS]: [B, N, D] to [B, D]. */
export function firstStates(states: tf.Tensor3D): tf.Tensor2D {
  const [batch, , hiddenSize] = states.shape;
  return tf.reshape(tf.slice(states, [0, 0, 0], [batch, 1, hiddenSize]), [batch, hiddenSize]);
}

/** BERT's sequence vector tanh(W h_CLS + b): [B, N, D] to [B, D]. */
export function pooled(weights: Weights, states: tf.Tensor3D): tf.Tensor2D {
  return matrix(tf.tanh(linear(weights, "pooler.dense", firstStates(states))));
}
