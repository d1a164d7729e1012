import * as tf from "@tensorflow/tfjs-core";
import { linear, softmax } from "../layers.ts";
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

export interface AttentionInput {
  readonly heads: number;
  /** [B, N, D] */
  readonly tokens: tf.Tensor3D;
  /** [B, 1, 1, N], of `attentionBias`. */
  readonly bias: tf.Tensor4D;
  readonly drop: (attention: tf.Tensor) => tf.Tensor;
}

export interface AttentionOutput {
  /** [B, N, D], before the output's linear layer */
  readonly mixed: tf.Tensor;
  /** Weights before dropout, [B, H, N, N]: row i is what token i attends to. */
  readonly attention: tf.Tensor;
}

/** Scaled dot-product self-attention of the layer whose weights' names begin with `layer` (Vaswani et al. 2017). */
export function selfAttention(
  weights: Weights,
  layer: string,
  input: AttentionInput,
): AttentionOutput {
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
  const attention = softmax(tf.add(logits, input.bias)); // [B, H, N, N]
  const mixed = tf.matMul(input.drop(attention), value);
  return {
    mixed: tf.reshape(tf.transpose(mixed, [0, 2, 1, 3]), [batch, length, hiddenSize]),
    attention,
  };
}
