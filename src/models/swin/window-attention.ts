import * as tf from "@tensorflow/tfjs-core";
import { gatherRows } from "../../tensor/gather.ts";
import { linear, softmax } from "../layers.ts";
import { tensor3, tensor4 } from "../ranks.ts";
import { weight, type Weights } from "../weights.ts";
import { arrange, arrangementOf, restore } from "./arrangement.ts";
import type { BlockOutput } from "./block.ts";
import type { Block } from "./stages.ts";
import { relativePositionIndex, shiftMask, windowOrder } from "./windows.ts";

// B batch, N tokens of a stage, C channels of a stage, w window side, H heads

/**
 * Self-attention inside each (shifted) window with relative position bias (Liu et al. 2021, eq. 4), [B, N, C] to the
 * same. Windows that the grid does not fill are filled up with zeros after the norm, which attention sees, as in
 * transformers; what comes out for them is cut off.
 */
export function windowAttention(weights: Weights, block: Block, tokens: tf.Tensor): BlockOutput {
  const { stage } = block;
  const { heads, windowSize } = stage;
  const [batch, numTokens = 0, channels = 0] = tokens.shape;
  const windowTokens = windowSize ** 2;
  const order = windowOrder(stage.grid, { windowSize, shift: block.shift });
  const arrangement = arrangementOf(order);
  const depth = channels / heads;
  const joined = linear(weights, `${block.name}.attn.qkv`, arrange(tokens, arrangement));
  const qkv = tf.transpose(
    tf.reshape(joined, [-1, windowTokens, 3, heads, depth]),
    [2, 0, 3, 1, 4], // [3, B * windows, H, w * w, C / H]
  );
  const [query, key, value] = tf.unstack(qkv);
  if (query === undefined || key === undefined || value === undefined)
    throw new RangeError("qkv is one tensor of three");
  const logits = tf.matMul(tf.mul(query, depth ** -0.5), key, false, true);
  const attention = softmax(addBiasAndMask(weights, block, logits)); // [B * windows, H, w * w, w * w]
  const mixed = tf.reshape(tf.transpose(tf.matMul(attention, value), [0, 2, 1, 3]), [
    batch ?? 0,
    order.length,
    channels,
  ]);
  const projected = linear(weights, `${block.name}.attn.proj`, mixed);
  const restored = tf.reshape(restore(projected, arrangement), [batch ?? 0, numTokens, channels]);
  return { tokens: tensor3(restored), attention: tensor4(attention) };
}

function addBiasAndMask(weights: Weights, block: Block, logits: tf.Tensor): tf.Tensor {
  const { grid, heads, tableWindow, windowSize } = block.stage;
  const windowTokens = windowSize ** 2;
  const table = weight(weights, `${block.name}.attn.relative_position_bias_table`);
  const index = tf.tensor1d(relativePositionIndex(windowSize, tableWindow), "int32");
  const bias = tf.transpose(
    tf.reshape(gatherRows(table, index), [windowTokens, windowTokens, heads]),
    [2, 0, 1], // [H, w * w, w * w]
  );
  const biased = tf.add(logits, bias);
  const mask = shiftMask(grid, { windowSize, shift: block.shift });
  if (mask === undefined) return biased;
  const windows = mask.length / windowTokens ** 2;
  const perPicture = tf.reshape(biased, [-1, windows, heads, windowTokens, windowTokens]);
  const masked = tf.add(perPicture, tf.tensor(mask, [windows, 1, windowTokens, windowTokens]));
  return tf.reshape(masked, logits.shape);
}
