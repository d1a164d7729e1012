import type * as tf from "@tensorflow/tfjs-core";
import type { SwinConfig } from "../../../src/models/swin/config.ts";
import type { Weights } from "../../../src/models/weights.ts";

// One pixel a patch, one stage of 6 x 6 tokens in windows of 3: what a block does can be followed by hand.
export const SIDE: number = 6;
const WINDOW = 3;
export const CHANNELS: number = 4;
const HEADS = 2;
export const oneStage: SwinConfig = {
  imageSize: SIDE,
  patchSize: 1,
  embedDim: CHANNELS,
  depths: [2],
  heads: [HEADS],
  windowSize: WINDOW,
  mlpRatio: 1,
  stochasticDepth: 0,
  recompute: false,
};
export const NUM_TOKENS: number = SIDE * SIDE;

export type Rows = number[][];

export function rowsOf(tensor: tf.Tensor | undefined): Rows {
  const size = tensor?.shape.at(-1) ?? 1;
  const values = [...(tensor?.dataSync() ?? [])];
  return Array.from({ length: values.length / size }, (_, row) =>
    values.slice(row * size, (row + 1) * size),
  );
}

const dot = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((sum, value, place) => sum + value * (b[place] ?? Number.NaN), 0);

export function normalised(row: readonly number[], scale: Rows, shift: Rows): number[] {
  const mean = row.reduce((sum, value) => sum + value, 0) / row.length;
  const variance = row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / row.length;
  return row.map(
    (value, place) =>
      ((value - mean) / Math.sqrt(variance + 1e-5)) * (scale[0]?.[place] ?? Number.NaN) +
      (shift[0]?.[place] ?? Number.NaN),
  );
}

/** x W' + b for one row x. */
export const affine = (row: readonly number[], kernel: Rows, bias: Rows): number[] =>
  kernel.map((inputs, place) => dot(inputs, row) + (bias[0]?.[place] ?? Number.NaN));

/** Whether two tokens share a window of the shifted grid without being brought together by the roll. */
function attends(query: number, key: number, shift: number): boolean {
  const [queryPlace, keyPlace] = [query, key].map((token) => ({
    row: Math.floor(token / SIDE),
    column: token % SIDE,
  }));
  if (!queryPlace || !keyPlace) return false;
  const windowOf = (coordinate: number): number =>
    Math.floor(((coordinate - shift + SIDE) % SIDE) / WINDOW);
  return (["row", "column"] as const).every(
    (axis) =>
      windowOf(queryPlace[axis]) === windowOf(keyPlace[axis]) &&
      Math.abs(queryPlace[axis] - keyPlace[axis]) < WINDOW,
  );
}

/** A block's attention branch over all pairs of tokens, in double precision. */
export function bruteForceAttention(tokens: Rows, weights: Weights, shift: number): Rows {
  const block = `layers.0.blocks.${shift > 0 ? 1 : 0}`;
  const named = (name: string): Rows => rowsOf(weights[`${block}.${name}`]);
  const table = named("attn.relative_position_bias_table");
  const qkv = tokens.map((row) =>
    affine(
      normalised(row, named("norm1.weight"), named("norm1.bias")),
      named("attn.qkv.weight"),
      named("attn.qkv.bias"),
    ),
  );
  const size = CHANNELS / HEADS;
  const part = (token: number, which: number, head: number): number[] =>
    qkv[token]?.slice(which * CHANNELS + head * size, which * CHANNELS + (head + 1) * size) ?? [];
  const mixed = tokens.map((_, query) =>
    Array.from({ length: HEADS }, (_unused, head) => {
      const keys = tokens.map((_row, key) => key).filter((key) => attends(query, key, shift));
      const logits = keys.map((key) => {
        const rows = Math.floor(query / SIDE) - Math.floor(key / SIDE) + WINDOW - 1;
        const columns = (query % SIDE) - (key % SIDE) + WINDOW - 1;
        const bias = table[rows * (2 * WINDOW - 1) + columns]?.[head] ?? Number.NaN;
        return dot(part(query, 0, head), part(key, 1, head)) / Math.sqrt(size) + bias;
      });
      const total = logits.reduce((sum, logit) => sum + Math.exp(logit), 0);
      const values = keys.map((key) => part(key, 2, head));
      return Array.from({ length: size }, (_channel, channel) =>
        dot(
          logits.map((logit) => Math.exp(logit) / total),
          values.map((value) => value[channel] ?? Number.NaN),
        ),
      );
    }).flat(),
  );
  return mixed.map((row) => affine(row, named("attn.proj.weight"), named("attn.proj.bias")));
}
