import * as tf from "@tensorflow/tfjs-core";
import type { StochasticDepth } from "../dropout.ts";
import { gelu, layerNorm, linear, SWIN_NORM_EPSILON } from "../layers.ts";
import { tensor3 } from "../ranks.ts";
import type { Weights } from "../weights.ts";
import type { Block } from "./stages.ts";
import { windowAttention } from "./window-attention.ts";

// B batch, N tokens of a stage, C channels of a stage, w window side, H heads

export interface BlockInput {
  /** [B, N, C] */
  readonly tokens: tf.Tensor3D;
  readonly drops: BlockDrops;
}

/** Stochastic depth's places in a block. */
export interface BlockDrops {
  readonly attention: (branch: tf.Tensor) => tf.Tensor;
  readonly mlp: (branch: tf.Tensor) => tf.Tensor;
}

export interface BlockOutput {
  /** [B, N, C] */
  readonly tokens: tf.Tensor3D;
  /** [B * windows, H, w * w, w * w] */
  readonly attention: tf.Tensor4D;
}

export function normalise(weights: Weights, name: string, x: tf.Tensor): tf.Tensor {
  return layerNorm(weights, x, { name, epsilon: SWIN_NORM_EPSILON });
}

/** Takes the next two places. */
export function nextDrops({ dropRate }: Block, depth: StochasticDepth): BlockDrops {
  return { attention: depth(dropRate), mlp: depth(dropRate) };
}

/** Window attention and feed-forward network, each behind a norm and beside its input (Liu et al. 2021, eq. 3). */
export function blockForward(
  weights: Weights,
  block: Block,
  { drops, tokens }: BlockInput,
): BlockOutput {
  const { name } = block;
  const attended = windowAttention(weights, block, normalise(weights, `${name}.norm1`, tokens));
  const mixed = tf.add(tokens, drops.attention(attended.tokens));
  const hidden = gelu(
    linear(weights, `${name}.mlp.fc1`, normalise(weights, `${name}.norm2`, mixed)),
  );
  const output = tf.add(mixed, drops.mlp(linear(weights, `${name}.mlp.fc2`, hidden)));
  return { tokens: tensor3(output), attention: attended.attention };
}
