import * as tf from "@tensorflow/tfjs-core";
import { stopGradient } from "../layers.ts";
import { tensor4 } from "../ranks.ts";
import { weight, type Weights } from "../weights.ts";
import { batchNorm, type BatchNormMode, type Collect, type SumOverRanks } from "./batch-norm.ts";
import {
  stagesOf,
  stemOf,
  type Convolution,
  type ResNetBlock,
  type ResNetConfig,
} from "./config.ts";

// B batch, H and W picture, h and w grid, C channels; NHWC inside, kernels as PyTorch stores them

/** How a network is run. */
export interface ResNetRun {
  /** Of the parts that are not frozen. */
  readonly mode: BatchNormMode;
  /** Parts from the front that are not trained: 0 none, 1 the stem, 2 the stem and the first stage, … */
  readonly frozenParts: number;
  /** Is given the batch's statistics of each normalisation in mode "train". */
  readonly collect: Collect;
  readonly sumOverRanks?: SumOverRanks | undefined;
}

/** Nothing is trained, nothing is kept. */
export const resNetEvaluation: ResNetRun = {
  mode: "eval",
  frozenParts: 0,
  collect: () => undefined,
};

/**
 * The last stage's features of normalised pictures: [B, H, W, 3] to [B, H / 32, W / 32, C], halves rounded up. No
 * gradient reaches the frozen parts; their normalisations keep the running statistics.
 */
export function resNetForward(
  weights: Weights,
  config: ResNetConfig,
  input: { readonly pixels: tf.Tensor4D; readonly run: ResNetRun },
): tf.Tensor4D {
  const { pixels, run } = input;
  const stem = tf.relu(
    convolveAndNormalise(weights, pixels, { of: stemOf(config), run: runOf(run, 0) }),
  );
  // After the ReLU nothing is below 0, so that padding with zeros never wins.
  const padded = tf.pad(stem, [[0, 0], [1, 1], [1, 1], [0, 0]]); // prettier-ignore
  let features = thaw(tensor4(tf.maxPool(tensor4(padded), 3, 2, "valid")), run, 0);
  for (const [stage, blocks] of stagesOf(config).entries()) {
    for (const block of blocks) {
      features = blockForward(weights, features, { block, run: runOf(run, stage + 1) });
    }
    features = thaw(features, run, stage + 1);
  }
  return features;
}

function runOf(run: ResNetRun, part: number): ResNetRun {
  return part < run.frozenParts ? { ...run, mode: "frozen" } : run;
}

/** Ends the way of gradients where the last frozen part ends. */
function thaw(features: tf.Tensor4D, { frozenParts }: ResNetRun, part: number): tf.Tensor4D {
  return part + 1 === frozenParts ? tensor4(stopGradient(features)) : features;
}

function blockForward(
  weights: Weights,
  x: tf.Tensor4D,
  { block, run }: { readonly block: ResNetBlock; readonly run: ResNetRun },
): tf.Tensor4D {
  const around =
    block.shortcut === undefined
      ? x
      : convolveAndNormalise(weights, x, { of: block.shortcut, run });
  let inner: tf.Tensor4D = x;
  for (const [place, of] of block.convolutions.entries()) {
    const normalised = convolveAndNormalise(weights, inner, { of, run });
    inner = place + 1 < block.convolutions.length ? tf.relu(normalised) : normalised;
  }
  return tf.relu(tf.add(inner, around));
}

function convolveAndNormalise(
  weights: Weights,
  x: tf.Tensor4D,
  { of, run }: { readonly of: Convolution; readonly run: ResNetRun },
): tf.Tensor4D {
  const convolved = convolve(weight(weights, `${of.name}.weight`), x, of.stride);
  const { collect, mode, sumOverRanks } = run;
  return tensor4(batchNorm(weights, convolved, { name: of.norm, mode, collect, sumOverRanks }));
}

/**
 * A convolution without bias, padded by half of the kernel on each side: x [B, h, w, inputs] by a kernel
 * [outputs, inputs, size, size], size odd, to [B, h / stride, w / stride, outputs], rounded up.
 */
function convolve(kernel: tf.Tensor, x: tf.Tensor4D, stride: number): tf.Tensor4D {
  const filter = tensor4(tf.transpose(kernel, [2, 3, 1, 0]));
  const [size] = filter.shape;
  // TensorFlow's own "same" pads less above than below where the stride skips; PyTorch pads both alike.
  if (stride === 1) return tf.conv2d(x, filter, 1, "same");
  const margin = (size - 1) / 2;
  const padded = tf.pad(x, [[0, 0], [margin, margin], [margin, margin], [0, 0]]); // prettier-ignore
  return tf.conv2d(margin === 0 ? x : tensor4(padded), filter, stride, "valid");
}
