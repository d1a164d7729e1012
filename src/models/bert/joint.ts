import * as tf from "@tensorflow/tfjs-core";
import { tensor3 } from "../ranks.ts";
import { attentionBias } from "./attention.ts";

// B batch, n text tokens, m other tokens, N = n + m, D hidden size

/** Embedded words and tokens that are no words: visual tokens, regions. */
export interface JointInput {
  /** [B, n, D] */
  readonly words: tf.Tensor3D;
  /** [B, n], 1 = real, 0 = pad */
  readonly wordMask: tf.Tensor2D;
  /** [B, m, D] */
  readonly others: tf.Tensor3D;
  /** [B, m], 1 = real, 0 = pad */
  readonly otherMask: tf.Tensor2D;
}

/** One sequence for the encoder, words first: tokens [B, N, D] and what is added to the attention logits, [B, 1, 1, N]. */
export function jointSequence(input: JointInput): {
  readonly tokens: tf.Tensor3D;
  readonly bias: tf.Tensor4D;
} {
  const mask: tf.Tensor2D = tf.concat([input.wordMask, input.otherMask], 1);
  return {
    tokens: tensor3(tf.concat([input.words, input.others], 1)),
    bias: attentionBias(mask),
  };
}

/** The encoder's output [B, N, D] as words [B, n, D] and the others [B, m, D]. */
export function splitJoint(
  joint: tf.Tensor3D,
  numWords: number,
): { readonly words: tf.Tensor3D; readonly others: tf.Tensor3D } {
  const [batch, length, hiddenSize] = joint.shape;
  return {
    words: tf.slice(joint, [0, 0, 0], [batch, numWords, hiddenSize]),
    others: tf.slice(joint, [0, numWords, 0], [batch, length - numWords, hiddenSize]),
  };
}
