import * as tf from "@tensorflow/tfjs-core";
import type { Dropout } from "../dropout.ts";
import { linear } from "../layers.ts";
import { weight, type Weights } from "../weights.ts";

// B batch, N tokens of the joint sequence, D hidden size, H heads

/** What is added to the attention logits of pads, as in BERT's code. */
const PAD_LOGIT = -10_000;

/** The additive attention mask of a sequence, [B, 1, 1, N], from its token mask [B, N] (1 = real, 0 = pad). */
export function attentionBias(tokenMask: tf.Tensor2D): tf.Tensor4D {
  const [batch, length] = tokenMask.shape;
  const pads = tf.sub(1, tf.cast(tokenMask, "float32"));
  return tf.reshape(tf.mul(pads, PAD_LOGIT), [batch, 1, 1, length]);
}

export interface EncoderInput {
  /** [B, N, D] */
  readonly tokens: tf.Tensor3D;
  /** [B, 1, 1, N], of `attentionBias`. */
  readonly bias: tf.Tensor4D;
  readonly dropout: Dropout;
}

export interface LayerInput extends EncoderInput {
  readonly heads: number;
}

export function selfAttention(weights: Weights, layer: string, input: LayerInput): tf.Tensor {
  const [batch, length, hiddenSize] = input.tokens.shape;
  const depth = hiddenSize / input.heads;
  const names = ["query", "key", "value"].map((name) => `${layer}.attention.self.${name}`);
  // One product for the three projections: [B, N, 3 D]
  const joined = linear(
    {
      "qkv.weight": tf.concat(names.map((name) => weight(weights, `${name}.weight`))),
      "qkv.bias": tf.concat(names.map((name) => weight(weights, `${name}.bias`))),
    },
    "qkv",
    input.tokens,
  );
  const heads = tf.transpose(
    tf.reshape(joined, [batch, length, 3, input.heads, depth]),
    [2, 0, 3, 1, 4],
  );
  const [query, key, value] = tf.unstack(heads);
  if (query === undefined || key === undefined || value === undefined)
    throw new RangeError("qkv is one tensor of three");
  const logits = tf.matMul(tf.mul(query, depth ** -0.5), key, false, true);
  const attention = input.dropout(tf.softmax(tf.add(logits, input.bias))); // [B, H, N, N]
  return tf.reshape(tf.transpose(tf.matMul(attention, value), [0, 2, 1, 3]), [
    batch,
    length,
    hiddenSize,
  ]);
}
