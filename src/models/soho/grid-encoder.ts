import * as tf from "@tensorflow/tfjs-core";
import type { RestartDraws } from "../dictionary/restart.ts";
import { normalisedPixels } from "../imagenet.ts";
import { linearWithoutBias } from "../layers.ts";
import { tensor4 } from "../ranks.ts";
import {
  batchNorm,
  type BatchNormMode,
  type Collect,
  type SumOverRanks,
} from "../resnet/batch-norm.ts";
import {
  clearPadding,
  poolGrid,
  validCells,
  type ValidCells,
  type ValidPixels,
} from "../resnet/grid-features.ts";
import { resNetForward } from "../resnet/resnet.ts";
import { weight, withoutPrefix, type Weights } from "../weights.ts";
import { BACKBONE_PREFIX, sohoNames, type SohoConfig } from "./config.ts";

// P pictures, H and W picture, h and w grid, C channels of the network, D hidden size

/** The pictures of a batch. */
export interface SohoPictures {
  /** [P, H, W, 3] of bytes, or of int32 in 0..255 */
  readonly pixels: tf.Tensor4D;
  /** How much of each is no padding. */
  readonly valid: ValidPixels;
}

/** How the model is run. */
export interface SohoRun {
  /** "train": by the batch's statistics, and buffers follow; "eval": by the running ones, and nothing follows. */
  readonly mode: "train" | "eval";
  /** Whether the whole network keeps weights and statistics (the paper's first 10 epochs). */
  readonly freezesBackbone: boolean;
  /** Is given what the buffers are made of, in mode "train". */
  readonly collect: Collect;
  /**
   * Sums over all ranks inside the step: synchronised normalisation after the 1x1 convolution, and a dictionary that
   * moves before it is read. Each rank's own where it is left out.
   */
  readonly sumOverRanks?: SumOverRanks | undefined;
  /** Where idle codes begin anew, in mode "train" of a dictionary that restarts. */
  readonly restarts?: RestartDraws | undefined;
}

/** By what training left: nothing follows the batch, and whoever trains on it may move all but the frozen parts. */
export const sohoEvaluation: SohoRun = {
  mode: "eval",
  freezesBackbone: false,
  collect: () => undefined,
};

export interface GridFeatures {
  /** [P, h, w, D] */
  readonly features: tf.Tensor4D;
  readonly valid: ValidCells;
}

/** The trainable visual encoder (section 3.1): residual network, 1x1 convolution and 2x2 pooling in the chosen order. */
export function encodeGrid(
  weights: Weights,
  config: SohoConfig,
  input: { readonly pictures: SohoPictures; readonly run: SohoRun },
): GridFeatures {
  const { pictures, run } = input;
  const [, height, width] = pictures.pixels.shape;
  const pixels = clearPadding(normalisedPixels(pictures.pixels), pictures.valid);
  const backbone = resNetForward(withoutPrefix(weights, BACKBONE_PREFIX), config.resnet, {
    pixels,
    run: {
      mode: run.mode,
      frozenParts: run.freezesBackbone
        ? config.resnet.depths.length + 1
        : config.switches.frozenParts,
      // Its own statistics on each rank: the code synchronises those after the 1x1 convolution alone.
      collect: (name, statistic) => run.collect(BACKBONE_PREFIX + name, statistic),
    },
  });
  const features = projectGrid(weights, config, { backbone, run });
  const grid = { height: features.shape[1], width: features.shape[2] };
  return { features, valid: validCells(pictures.valid, { height, width }, grid) };
}

/** 1x1 convolution and 2x2 pooling, [P, h, w, C] to [P, h / 2, w / 2, D]. */
export function projectGrid(
  weights: Weights,
  { switches, transformer }: SohoConfig,
  { backbone, run }: { readonly backbone: tf.Tensor4D; readonly run: SohoRun },
): tf.Tensor4D {
  const convolve = (x: tf.Tensor4D): tf.Tensor4D => {
    const convolved = pointwise(weights, `${sohoNames.convolution}.weight`, x);
    return switches.gridNorm === "batch"
      ? normalise(weights, sohoNames.convolutionNorm, { x: convolved, run })
      : tf.add(convolved, weight(weights, `${sohoNames.convolution}.bias`));
  };
  const projected =
    switches.gridOrder === "conv-pool"
      ? poolGrid(convolve(backbone))
      : convolve(poolGrid(backbone));
  const [pictures, height, width] = projected.shape;
  return tf.reshape(projected, [pictures, height, width, transformer.hiddenSize]);
}

/** A 1x1 convolution without bias by a kernel [outputs, inputs, 1, 1]. */
export function pointwise(weights: Weights, name: string, x: tf.Tensor4D): tf.Tensor4D {
  const kernel = weight(weights, name);
  const [outputs = 0, inputs = 0] = kernel.shape;
  return tensor4(linearWithoutBias(tf.reshape(kernel, [outputs, inputs]), x));
}

/** Batch normalisation over all ranks, as the neck of SOHO's code has it. */
export function normalise(
  weights: Weights,
  name: string,
  { run, x }: { readonly x: tf.Tensor4D; readonly run: SohoRun },
): tf.Tensor4D {
  const mode: BatchNormMode = run.mode;
  const { collect, sumOverRanks } = run;
  return tensor4(batchNorm(weights, x, { name, mode, collect, sumOverRanks }));
}
