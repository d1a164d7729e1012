import * as tf from "@tensorflow/tfjs-core";
import { gatherSlices } from "../../tensor/gather.ts";
import { asTensor } from "../custom-gradient.ts";
import { invert, permuteTokens } from "../layers.ts";
import { PAD } from "./windows.ts";

// B batch, N tokens, K places, C channels

/** Tokens in another order, some places of it filled up with zeros. */
export interface Arrangement {
  /** The token at each of K places, or PAD. */
  readonly tokens: Int32Array;
  /** The place of each of N tokens. */
  readonly places: Int32Array;
}

export function arrangementOf(order: Int32Array): Arrangement {
  if (!order.includes(PAD)) return { tokens: order, places: invert(order) };
  const places = new Int32Array(order.filter((token) => token !== PAD).length);
  for (const [place, token] of order.entries()) if (token !== PAD) places[token] = place;
  return { tokens: order, places };
}

/** [B, N, C] to [B, K, C]: each place's token, zeros at PAD. One gather forward and one backward. */
export function arrange(x: tf.Tensor, arrangement: Arrangement): tf.Tensor {
  if (isPermutation(arrangement)) return permuteTokens(x, arrangement.tokens);
  const move = tf.customGrad((input) => ({
    value: gathered(asTensor(input), arrangement.tokens),
    gradFunc: (dy: tf.Tensor) => gathered(dy, arrangement.places),
  }));
  return move(x);
}

/** Takes `arrange` back: [B, K, C] to [B, N, C]; what stands at PAD is left out. */
export function restore(y: tf.Tensor, arrangement: Arrangement): tf.Tensor {
  if (isPermutation(arrangement)) return permuteTokens(y, arrangement.places);
  const move = tf.customGrad((input) => ({
    value: gathered(asTensor(input), arrangement.places),
    gradFunc: (dy: tf.Tensor) => gathered(dy, arrangement.tokens),
  }));
  return move(y);
}

function isPermutation({ places, tokens }: Arrangement): boolean {
  return tokens.length === places.length;
}

function gathered(x: tf.Tensor, order: Int32Array): tf.Tensor {
  if (!order.includes(PAD)) return gatherSlices(x, tf.tensor1d(order, "int32"), 1);
  // One token of zeros stands behind the others.
  const [, zeros = 0] = x.shape;
  const padded = tf.pad(x, [[0, 0], [0, 1], [0, 0]]); // prettier-ignore
  const source = order.map((token) => (token === PAD ? zeros : token));
  return gatherSlices(padded, tf.tensor1d(source, "int32"), 1);
}
