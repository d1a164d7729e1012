import * as tf from "@tensorflow/tfjs-core";
import { linearWithoutBias } from "../layers.ts";
import { tensor4 } from "../ranks.ts";
import { weight, type Weights } from "../weights.ts";
import { arrange, arrangementOf } from "./arrangement.ts";
import { normalise } from "./block.ts";
import type { SwinConfig } from "./config.ts";
import type { Stage } from "./stages.ts";
import { mergeOrder, paddedGrid, type Grid } from "./windows.ts";

// B batch, N patches, C channels of a stage

/**
 * Each patch of a picture as a token: pixels [B, height, width, 3] to [B, N, C], and how the patches lie. Zeros fill up
 * what is no whole patch on the right and below, as in transformers.
 */
export function embedPatches(
  weights: Weights,
  config: SwinConfig,
  pixels: tf.Tensor4D,
): { readonly tokens: tf.Tensor3D; readonly grid: Grid } {
  const { patchSize, embedDim } = config;
  const whole = wholePatches(pixels, patchSize);
  const [batch, height, width] = whole.shape;
  const grid: Grid = { height: height / patchSize, width: width / patchSize };
  const patches = tf.transpose(
    tf.reshape(whole, [batch, grid.height, patchSize, grid.width, patchSize, 3]),
    [0, 1, 3, 5, 2, 4], // [B, rows, columns, 3, patch row, patch column], the layout of a Conv2d kernel
  );
  const rows = tf.reshape(patches, [batch, grid.height * grid.width, 3 * patchSize ** 2]);
  const kernel = tf.reshape(weight(weights, "patch_embed.proj.weight"), [embedDim, -1]);
  const embedded = tf.add(
    linearWithoutBias(kernel, rows),
    weight(weights, "patch_embed.proj.bias"),
  );
  const normalised = normalise(weights, "patch_embed.norm", embedded);
  return { tokens: tf.reshape(normalised, [batch, -1, embedDim]), grid };
}

function wholePatches(pixels: tf.Tensor4D, patchSize: number): tf.Tensor4D {
  const [, height, width] = pixels.shape;
  const padded = paddedGrid({ height, width }, patchSize);
  if (padded.height === height && padded.width === width) return pixels;
  const below: [number, number] = [0, padded.height - height];
  const right: [number, number] = [0, padded.width - width];
  return tensor4(tf.pad(pixels, [[0, 0], below, right, [0, 0]]));
}

/** Joins each four neighbours and halves their channels: [B, N, C] to [B, N / 4, 2 C]. */
export function mergePatches(weights: Weights, stage: Stage, tokens: tf.Tensor3D): tf.Tensor3D {
  const [batch, , channels] = tokens.shape;
  const neighbours = arrange(tokens, arrangementOf(mergeOrder(stage.grid)));
  const joined = tf.reshape(neighbours, [batch, -1, 4 * channels]);
  const normalised = normalise(weights, `${stage.name}.downsample.norm`, joined);
  const reduced = linearWithoutBias(
    weight(weights, `${stage.name}.downsample.reduction.weight`),
    normalised,
  );
  return tf.reshape(reduced, [batch, -1, 2 * channels]);
}
