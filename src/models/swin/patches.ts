import * as tf from "@tensorflow/tfjs-core";
import { linearWithoutBias, permuteTokens } from "../layers.ts";
import { weight, type Weights } from "../weights.ts";
import { normalise } from "./block.ts";
import type { SwinConfig } from "./config.ts";
import type { Stage } from "./stages.ts";
import { mergeOrder, type Grid } from "./windows.ts";

// B batch, C channels of a stage

export function embedPatches(
  weights: Weights,
  config: SwinConfig,
  pixels: tf.Tensor4D,
): tf.Tensor3D {
  const { patchSize, embedDim } = config;
  const [batch, height, width] = pixels.shape;
  const grid: Grid = { height: height / patchSize, width: width / patchSize };
  const patches = tf.transpose(
    tf.reshape(pixels, [batch, grid.height, patchSize, grid.width, patchSize, 3]),
    [0, 1, 3, 5, 2, 4], // [B, rows, columns, 3, patch row, patch column], the layout of a Conv2d kernel
  );
  const rows = tf.reshape(patches, [batch, grid.height * grid.width, 3 * patchSize ** 2]);
  const kernel = tf.reshape(weight(weights, "patch_embed.proj.weight"), [embedDim, -1]);
  const embedded = tf.add(
    linearWithoutBias(kernel, rows),
    weight(weights, "patch_embed.proj.bias"),
  );
  return tf.reshape(normalise(weights, "patch_embed.norm", embedded), [batch, -1, embedDim]);
}

export function mergePatches(weights: Weights, stage: Stage, tokens: tf.Tensor3D): tf.Tensor3D {
  const [batch, , channels] = tokens.shape;
  const joined = tf.reshape(permuteTokens(tokens, mergeOrder(stage.grid)), [
    batch,
    -1,
    4 * channels,
  ]);
  const normalised = normalise(weights, `${stage.name}.downsample.norm`, joined);
  const reduced = linearWithoutBias(
    weight(weights, `${stage.name}.downsample.reduction.weight`),
    normalised,
  );
  return tf.reshape(reduced, [batch, -1, 2 * channels]);
}
