import * as tf from "@tensorflow/tfjs-core";
import type { Dropout } from "../dropout.ts";
import { BERT_NORM_EPSILON, gelu, layerNorm, linear } from "../layers.ts";
import { tensor3, tensor4 } from "../ranks.ts";
import { linearSpecs, normSpecs, type Weights, type WeightSpec } from "../weights.ts";
import { selfAttention } from "./attention.ts";
import type { BertConfig } from "./config.ts";

// B batch, N tokens of the joint sequence, D hidden size, H heads

/** The three places of a layer in which training drops. */
export interface LayerDrops {
  readonly attention: (x: tf.Tensor) => tf.Tensor;
  readonly mixed: (x: tf.Tensor) => tf.Tensor;
  readonly output: (x: tf.Tensor) => tf.Tensor;
}

export interface LayerInput {
  readonly heads: number;
  /** [B, N, D] */
  readonly tokens: tf.Tensor3D;
  /** [B, 1, 1, N], of `attentionBias`. */
  readonly bias: tf.Tensor4D;
  readonly drops: LayerDrops;
}

export interface LayerOutput {
  /** [B, N, D] */
  readonly tokens: tf.Tensor3D;
  /** Weights before dropout, [B, H, N, N]: row i is what token i attends to. */
  readonly attention: tf.Tensor4D;
}

/** The weights of the layer whose names begin with `layer`. */
export function layerSpecs(layer: string, config: BertConfig): WeightSpec[] {
  const { hiddenSize, intermediateSize } = config;
  return [
    ...linearSpecs(`${layer}.attention.self.query`, hiddenSize, hiddenSize),
    ...linearSpecs(`${layer}.attention.self.key`, hiddenSize, hiddenSize),
    ...linearSpecs(`${layer}.attention.self.value`, hiddenSize, hiddenSize),
    ...linearSpecs(`${layer}.attention.output.dense`, hiddenSize, hiddenSize),
    ...normSpecs(`${layer}.attention.output.LayerNorm`, hiddenSize),
    ...linearSpecs(`${layer}.intermediate.dense`, hiddenSize, intermediateSize),
    ...linearSpecs(`${layer}.output.dense`, intermediateSize, hiddenSize),
    ...normSpecs(`${layer}.output.LayerNorm`, hiddenSize),
  ];
}

/** Takes the next three places. */
export function nextDrops(dropout: Dropout): LayerDrops {
  return { attention: dropout(), mixed: dropout(), output: dropout() };
}

/** Self-attention and feed-forward network, each with a norm after its residual sum. */
export function encoderLayer(weights: Weights, layer: string, input: LayerInput): LayerOutput {
  const { drops, tokens } = input;
  const norm = (x: tf.Tensor, name: string): tf.Tensor =>
    layerNorm(weights, x, { name: `${layer}.${name}.LayerNorm`, epsilon: BERT_NORM_EPSILON });
  const { attention, mixed } = selfAttention(weights, layer, { ...input, drop: drops.attention });
  const projected = linear(weights, `${layer}.attention.output.dense`, mixed);
  const attended = norm(tf.add(tokens, drops.mixed(projected)), "attention.output");
  const hidden = gelu(linear(weights, `${layer}.intermediate.dense`, attended));
  const output = drops.output(linear(weights, `${layer}.output.dense`, hidden));
  return {
    tokens: tensor3(norm(tf.add(attended, output), "output")),
    attention: tensor4(attention),
  };
}
