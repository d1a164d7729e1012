import * as tf from "@tensorflow/tfjs-core";
import { gatherRows } from "../../tensor/gather.ts";
import { gelu, invert, layerNorm, linear, permuteTokens, SWIN_NORM_EPSILON } from "../layers.ts";
import { tensor3 } from "../ranks.ts";
import { weight, type Weights } from "../weights.ts";
import type { SwinOutput } from "./output.ts";
import type { Block } from "./stages.ts";
import { relativePositionIndex, shiftMask, windowOrder } from "./windows.ts";

// B batch, N tokens of a stage, C channels of a stage, w window side, H heads

export function normalise(weights: Weights, name: string, x: tf.Tensor): tf.Tensor {
  return layerNorm(weights, x, { name, epsilon: SWIN_NORM_EPSILON });
}

export function blockForward(weights: Weights, block: Block, tokens: tf.Tensor3D): SwinOutput {
  const attended = windowAttention(weights, block, tokens);
  const mixed = tf.add(tokens, attended.tokens);
  const hidden = gelu(
    linear(weights, `${block.name}.mlp.fc1`, normalise(weights, `${block.name}.norm2`, mixed)),
  );
  const output = tf.add(mixed, linear(weights, `${block.name}.mlp.fc2`, hidden));
  return { tokens: tensor3(output), attention: attended.attention };
}

function windowAttention(weights: Weights, block: Block, tokens: tf.Tensor3D): SwinOutput {
  const { stage } = block;
  const [batch, numTokens, channels] = tokens.shape;
  const windowTokens = stage.windowSize ** 2;
  const order = windowOrder(stage.grid, { windowSize: stage.windowSize, shift: block.shift });
  const windows = permuteTokens(normalise(weights, `${block.name}.norm1`, tokens), order);
  const depth = channels / stage.heads;
  const qkv = tf.transpose(
    tf.reshape(linear(weights, `${block.name}.attn.qkv`, windows), [
      -1,
      windowTokens,
      3,
      stage.heads,
      depth,
    ]),
    [2, 0, 3, 1, 4], // [3, B * windows, H, w * w, C / H]
  );
  const [query, key, value] = tf.unstack(qkv);
  if (query === undefined || key === undefined || value === undefined)
    throw new RangeError("qkv is one tensor of three");
  const logits = tf.matMul(tf.mul(query, depth ** -0.5), key, false, true);
  const attention = tf.softmax(addBiasAndMask(weights, block, logits)); // [B * windows, H, w * w, w * w]
  const mixed = tf.reshape(tf.transpose(tf.matMul(attention, value), [0, 2, 1, 3]), [
    batch,
    numTokens,
    channels,
  ]);
  const projected = linear(weights, `${block.name}.attn.proj`, mixed);
  const restored = permuteTokens(projected, invert(order));
  const isGlobal = numTokens === windowTokens;
  return {
    tokens: tensor3(restored),
    attention: isGlobal
      ? tf.reshape(tf.mean(attention, 1), [batch, windowTokens, windowTokens])
      : undefined,
  };
}

function addBiasAndMask(weights: Weights, block: Block, logits: tf.Tensor): tf.Tensor {
  const { stage } = block;
  const windowTokens = stage.windowSize ** 2;
  const table = weight(weights, `${block.name}.attn.relative_position_bias_table`);
  const index = tf.tensor1d(relativePositionIndex(stage.windowSize), "int32");
  const bias = tf.transpose(
    tf.reshape(gatherRows(table, index), [windowTokens, windowTokens, stage.heads]),
    [2, 0, 1], // [H, w * w, w * w]
  );
  const biased = tf.add(logits, bias);
  const mask = shiftMask(stage.grid, { windowSize: stage.windowSize, shift: block.shift });
  if (mask === undefined) return biased;
  const windows = (stage.grid.height * stage.grid.width) / windowTokens;
  const perPicture = tf.reshape(biased, [-1, windows, stage.heads, windowTokens, windowTokens]);
  const masked = tf.add(perPicture, tf.tensor(mask, [windows, 1, windowTokens, windowTokens]));
  return tf.reshape(masked, logits.shape);
}
