import * as tf from "@tensorflow/tfjs-core";
import { gatherRows } from "../tensor/gather.ts";
import { ConfigError } from "../core/errors.ts";
import {
  gelu,
  invert,
  layerNorm,
  linear,
  linearWithoutBias,
  permuteTokens,
  SWIN_NORM_EPSILON,
} from "./layers.ts";
import { linearSpecs, normSpecs, weight, type Weights, type WeightSpec } from "./weights.ts";
import {
  mergeOrder,
  relativePositionIndex,
  shiftMask,
  windowOrder,
  type Grid,
} from "./swin-windows.ts";
import { tensor3 } from "./ranks.ts";

// B batch, S image side, N tokens of a stage, C channels of a stage, w window side, H heads

/** A Swin Transformer (Liu et al. 2021) for square pictures; weights carry the names of the official implementation. */
export interface SwinConfig {
  readonly imageSize: number;
  readonly patchSize: number;
  readonly embedDim: number;
  readonly depths: readonly number[];
  readonly heads: readonly number[];
  readonly windowSize: number;
  readonly mlpRatio: number;
}

export interface SwinOutput {
  /** Visual tokens of the last stage, [B, m, c], row by row. */
  readonly tokens: tf.Tensor3D;
  /** Attention of the last block averaged over its heads, [B, m, m]; undefined when the last stage has several windows. */
  readonly attention: tf.Tensor3D | undefined;
}

interface Stage {
  readonly name: string;
  readonly grid: Grid;
  readonly channels: number;
  readonly depth: number;
  readonly heads: number;
  readonly windowSize: number;
  readonly mergesAfter: boolean;
}

interface Block {
  readonly name: string;
  readonly stage: Stage;
  readonly shift: number;
}

/** Number of visual tokens m, their size c, and whether the last stage is one window: only then its attention ranks all of them. */
export function swinOutputShape(config: SwinConfig): {
  readonly tokens: number;
  readonly channels: number;
  readonly isGlobal: boolean;
} {
  const last = stagesOf(config).at(-1);
  if (last === undefined) throw new ConfigError("a Swin model needs at least one stage");
  const { channels, grid, windowSize } = last;
  return {
    tokens: grid.height * grid.width,
    channels,
    isGlobal: grid.height === windowSize,
  };
}

export function swinSpecs(config: SwinConfig): WeightSpec[] {
  const { patchSize, embedDim } = config;
  const { channels } = swinOutputShape(config);
  return [
    {
      name: "patch_embed.proj.weight",
      shape: [embedDim, 3, patchSize, patchSize],
      initialisation: "truncated-normal",
    },
    { name: "patch_embed.proj.bias", shape: [embedDim], initialisation: "zeros" },
    ...normSpecs("patch_embed.norm", embedDim),
    ...stagesOf(config).flatMap((stage) => stageSpecs(stage, config.mlpRatio)),
    ...normSpecs("norm", channels),
  ];
}

/** Visual parsing (Visual Parsing, eq. 1): pixels [B, S, S, 3], normalised, to m visual tokens with their last attention. */
export function swinForward(weights: Weights, config: SwinConfig, pixels: tf.Tensor4D): SwinOutput {
  let tokens = embedPatches(weights, config, pixels);
  let attention: tf.Tensor3D | undefined;
  for (const stage of stagesOf(config)) {
    for (const block of blocksOf(stage)) {
      const output = blockForward(weights, block, tokens);
      tokens = output.tokens;
      attention = output.attention;
    }
    if (stage.mergesAfter) tokens = mergePatches(weights, stage, tokens);
  }
  return { tokens: tensor3(normalise(weights, "norm", tokens)), attention };
}

function normalise(weights: Weights, name: string, x: tf.Tensor): tf.Tensor {
  return layerNorm(weights, x, { name, epsilon: SWIN_NORM_EPSILON });
}

function stagesOf(config: SwinConfig): Stage[] {
  const { depths, embedDim, heads } = config;
  if (heads.length !== depths.length) {
    throw new ConfigError(
      `the Swin model has ${depths.length} stages by its depths, ${heads.length} by its heads`,
    );
  }
  return depths.map((depth, index) => {
    const side = config.imageSize / config.patchSize / 2 ** index;
    const stage = {
      name: `layers.${index}`,
      grid: { height: side, width: side },
      channels: embedDim * 2 ** index,
      depth,
      heads: heads[index] ?? 1,
      // As in the official code a window never exceeds its grid.
      windowSize: Math.min(config.windowSize, side),
      mergesAfter: index < depths.length - 1,
    };
    requireWholeParts(stage);
    return stage;
  });
}

function requireWholeParts({ name, grid, windowSize, channels, heads }: Stage): void {
  const side = grid.width;
  if (!Number.isInteger(side) || side % windowSize !== 0) {
    throw new ConfigError(
      `${name} of the Swin model has a grid of ${side} x ${side} tokens, which windows of ${windowSize} do not tile; choose imageSize = patchSize * windowSize * 2^k`,
    );
  }
  if (channels % heads !== 0) {
    throw new ConfigError(
      `${name} of the Swin model has ${channels} channels, which ${heads} heads cannot share evenly`,
    );
  }
}

function blocksOf(stage: Stage): Block[] {
  const canShift = stage.grid.height > stage.windowSize;
  return Array.from({ length: stage.depth }, (_, index) => ({
    name: `${stage.name}.blocks.${index}`,
    stage,
    shift: canShift && index % 2 === 1 ? Math.floor(stage.windowSize / 2) : 0,
  }));
}

function stageSpecs(stage: Stage, mlpRatio: number): WeightSpec[] {
  const { channels } = stage;
  const blocks = blocksOf(stage).flatMap((block): WeightSpec[] => [
    ...normSpecs(`${block.name}.norm1`, channels),
    {
      name: `${block.name}.attn.relative_position_bias_table`,
      shape: [(2 * stage.windowSize - 1) ** 2, stage.heads],
      initialisation: "truncated-normal",
    },
    ...linearSpecs(`${block.name}.attn.qkv`, channels, 3 * channels),
    ...linearSpecs(`${block.name}.attn.proj`, channels, channels),
    ...normSpecs(`${block.name}.norm2`, channels),
    ...linearSpecs(`${block.name}.mlp.fc1`, channels, mlpRatio * channels),
    ...linearSpecs(`${block.name}.mlp.fc2`, mlpRatio * channels, channels),
  ]);
  if (!stage.mergesAfter) return blocks;
  return [
    ...blocks,
    ...normSpecs(`${stage.name}.downsample.norm`, 4 * channels),
    {
      name: `${stage.name}.downsample.reduction.weight`,
      shape: [2 * channels, 4 * channels],
      initialisation: "truncated-normal",
    },
  ];
}

function embedPatches(weights: Weights, config: SwinConfig, pixels: tf.Tensor4D): tf.Tensor3D {
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

function blockForward(weights: Weights, block: Block, tokens: tf.Tensor3D): SwinOutput {
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

function mergePatches(weights: Weights, stage: Stage, tokens: tf.Tensor3D): tf.Tensor3D {
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
