import * as tf from "@tensorflow/tfjs-core";
import type { Dropout } from "../dropout.ts";
import { linear, softmax } from "../layers.ts";
import { matrix, tensor3 } from "../ranks.ts";
import { linearSpecs, weight, type Weights, type WeightSpec } from "../weights.ts";

// E examples, 2 E pairs, N tokens of a sequence, D hidden size, H heads

/**
 * How NLVR2 reads two pictures and a text (UNITER, A.2): "pair": the text twice, once beside each picture, the two
 * vectors joined; "triplet": both pictures in one sequence; "pair-biattn": as "pair", and the two sequences attend to
 * each other before they are pooled.
 */
export type PicturePairKind = "pair" | "triplet" | "pair-biattn";

const NLVR2_HEAD = "nlvr2_output";

export interface PicturePairSizes {
  readonly hiddenSize: number;
  readonly heads: number;
}

export function picturePairHeadSpecs(
  kind: PicturePairKind,
  { hiddenSize }: Pick<PicturePairSizes, "hiddenSize">,
): WeightSpec[] {
  const output = linearSpecs(NLVR2_HEAD, kind === "triplet" ? hiddenSize : 2 * hiddenSize, 2);
  if (kind !== "pair-biattn") return output;
  return [
    ...["attn1", "attn2"].flatMap((name) => attentionSpecs(name, hiddenSize)),
    ...linearSpecs("fc.0", 2 * hiddenSize, hiddenSize),
    ...linearSpecs("attn_pool.fc.0", hiddenSize, 1),
    ...output,
  ];
}

/** Logits of (false, true), [E, 2], of "pair": pooled vectors [2 E, D], the two of an example are neighbours. */
export function pairLogits(weights: Weights, pooled: tf.Tensor2D): tf.Tensor2D {
  const [, hiddenSize] = pooled.shape;
  const examples = tf.reshape<tf.Rank.R2>(pooled, [-1, 2 * hiddenSize]);
  return matrix(linear(weights, NLVR2_HEAD, examples));
}

/** Logits of (false, true), [E, 2], of "triplet": pooled vectors [E, D]. */
export function tripletLogits(weights: Weights, pooled: tf.Tensor2D): tf.Tensor2D {
  return matrix(linear(weights, NLVR2_HEAD, pooled));
}

export interface PairedSequences {
  /** [2 E, N, D]; the two of an example are neighbours. */
  readonly states: tf.Tensor3D;
  /** [2 E, N], 1 = real, 0 = pad */
  readonly mask: tf.Tensor2D;
  readonly heads: number;
  readonly dropout: Dropout;
}

/**
 * Logits of (false, true), [E, 2], of "pair-biattn" (UNITER, A.2, and its released code): each sequence attends to the
 * other, is joined with what it read, goes through Linear and ReLU, and is pooled by one attention weight a token.
 */
export function biattentionLogits(weights: Weights, pairs: PairedSequences): tf.Tensor2D {
  const { dropout, heads } = pairs;
  const [left, right] = halves(pairs.states);
  const [leftMask, rightMask] = halves(pairs.mask);
  const read = (name: string, query: tf.Tensor, from: { keys: tf.Tensor; mask: tf.Tensor }) =>
    crossAttention(weights, name, { query: tensor3(query), ...from, heads, dropout });
  const joined = [
    { own: left, mask: leftMask, read: read("attn1", left, { keys: right, mask: rightMask }) },
    { own: right, mask: rightMask, read: read("attn2", right, { keys: left, mask: leftMask }) },
  ];
  const pooled = joined.map((side) => {
    const hidden = tf.relu(linear(weights, "fc.0", tf.concat([side.read, side.own], 2)));
    return attentionPool(weights, tensor3(dropout()(hidden)), side.mask);
  });
  return matrix(linear(weights, NLVR2_HEAD, tf.concat(pooled, 1)));
}

/** The even and the odd rows of x. */
function halves(x: tf.Tensor): [tf.Tensor, tf.Tensor] {
  const [left, right] = tf.unstack(tf.reshape(x, [-1, 2, ...x.shape.slice(1)]), 1);
  if (left === undefined || right === undefined) throw new RangeError("a pair has two halves");
  return [left, right];
}

function attentionSpecs(name: string, hiddenSize: number): WeightSpec[] {
  return [
    {
      name: `${name}.in_proj_weight`,
      shape: [3 * hiddenSize, hiddenSize],
      initialisation: "truncated-normal",
    },
    { name: `${name}.in_proj_bias`, shape: [3 * hiddenSize], initialisation: "zeros" },
    ...linearSpecs(`${name}.out_proj`, hiddenSize, hiddenSize),
  ];
}

interface CrossAttention {
  /** [E, N, D] */
  readonly query: tf.Tensor3D;
  /** [E, N, D] */
  readonly keys: tf.Tensor;
  /** Of the keys, [E, N] */
  readonly mask: tf.Tensor;
  readonly heads: number;
  readonly dropout: Dropout;
}

/** Multi-head attention (Vaswani et al. 2017) from one sequence to another, [E, N, D]; names and layout as PyTorch's. */
function crossAttention(weights: Weights, name: string, input: CrossAttention): tf.Tensor {
  const { dropout, heads, keys, mask, query } = input;
  const [examples, length, hiddenSize] = query.shape;
  const depth = hiddenSize / heads;
  const kernels = tf.split(weight(weights, `${name}.in_proj_weight`), 3);
  const biases = tf.split(weight(weights, `${name}.in_proj_bias`), 3);
  const project = (x: tf.Tensor, part: number): tf.Tensor => {
    const named = {
      "part.weight": kernels[part] ?? query,
      "part.bias": biases[part] ?? query,
    };
    const shaped = tf.reshape(linear(named, "part", x), [examples, -1, heads, depth]);
    return tf.transpose(shaped, [0, 2, 1, 3]); // [E, H, N, d]
  };
  const isPad = tf.sub(1, tf.cast(tf.reshape(mask, [examples, 1, 1, -1]), "float32"));
  const logits = tf.matMul(tf.mul(project(query, 0), depth ** -0.5), project(keys, 1), false, true);
  const attention = dropout()(softmax(tf.add(logits, tf.mul(isPad, PAD_LOGIT)))); // [E, H, N, N]
  const mixed = tf.transpose(tf.matMul(attention, project(keys, 2)), [0, 2, 1, 3]);
  return linear(weights, `${name}.out_proj`, tf.reshape(mixed, [examples, length, hiddenSize]));
}

/** As in attention; exp of it is 0 in 32-bit floats. */
const PAD_LOGIT = -10_000;

/** The mean of states [E, N, D] by softmax(ReLU(w x + b)) over real tokens: [E, D]. */
function attentionPool(weights: Weights, states: tf.Tensor3D, mask: tf.Tensor): tf.Tensor {
  const [examples, length] = states.shape;
  const scores = tf.reshape(tf.relu(linear(weights, "attn_pool.fc.0", states)), [examples, length]);
  const isPad = tf.sub(1, tf.cast(mask, "float32"));
  const share = softmax(tf.add(scores, tf.mul(isPad, PAD_LOGIT))); // [E, N]
  return tf.sum(tf.mul(states, tf.expandDims(share, 2)), 1);
}
