import type * as tf from "@tensorflow/tfjs-core";
import type { Dropout } from "./dropout.ts";
import type { Weights, WeightSpec } from "./weights.ts";

// P pictures, B pairs, n text tokens, m visual tokens, D hidden size, M chosen tokens, V vocabulary

/** Named tensors in a fixed order: a compiled step takes them one after the other. */
export type NamedTensors = Readonly<Record<string, tf.Tensor>>;

/** The tensor called `name`; RangeError when there is none. */
export function tensorNamed(tensors: NamedTensors, name: string): tf.Tensor {
  const tensor = tensors[name];
  if (tensor === undefined) {
    throw new RangeError(`there is no tensor "${name}" among ${Object.keys(tensors).join(", ")}`);
  }
  return tensor;
}

/** What a system shows its Transformer of pictures. */
export interface VisualTokens {
  /** [P, m, D], embedded */
  readonly tokens: tf.Tensor3D;
  /** [P, m], 1 = real, 0 = pad */
  readonly mask: tf.Tensor2D;
}

/** The arrays of a batch that are of pictures; a loader's batch is one. */
export interface PictureArrays {
  readonly numPictures: number;
  readonly shape: {
    readonly pictureHeight: number;
    readonly pictureWidth: number;
    readonly regionsPerPicture: number;
    readonly featuresPerRegion: number;
    readonly classesPerRegion: number;
  };
  readonly pixels: Uint8Array;
  readonly validHeights: Int32Array;
  readonly validWidths: Int32Array;
  readonly numRegions: Int32Array;
  readonly regionBoxes: Float32Array;
  readonly regionFeatures: Float32Array;
}

export interface FusionInput {
  /** [B, n] */
  readonly tokenIds: tf.Tensor2D;
  /** [B, n], 1 = real, 0 = pad */
  readonly tokenMask: tf.Tensor2D;
  /** Of each pair, [B, m, D] and [B, m]. */
  readonly visual: VisualTokens;
  readonly dropout: Dropout;
}

export interface FusionOutput {
  /** [B, n, D]; position 0 is [CLS] */
  readonly text: tf.Tensor3D;
  /** [B, m, D] */
  readonly visual: tf.Tensor3D;
}

/**
 * What the three systems are to whoever evaluates or probes them: pictures become visual tokens, one Transformer
 * reads them beside the words, and heads read its output. Pure functions of weights and tensors, nothing masked.
 */
export interface PairModel {
  /** What is trained. */
  readonly specs: readonly WeightSpec[];
  /** What is kept beside the weights and no gradient moves: running statistics, a visual dictionary. */
  readonly buffers: readonly WeightSpec[];
  /** The tensors of a batch's pictures that `embed` takes; the caller's to dispose. */
  readonly pictureTensors: (batch: PictureArrays) => NamedTensors;
  /** `weights` are the weights and the buffers, by name. Evaluation mode: no buffer changes. */
  readonly embed: (weights: Weights, pictures: NamedTensors) => VisualTokens;
  readonly fuse: (weights: Weights, input: FusionInput) => FusionOutput;
  /** Logits of (unmatched, matched), [B, 2]. */
  readonly matchingLogits: (weights: Weights, output: FusionOutput) => tf.Tensor2D;
  /** Logits over the vocabulary of chosen token states, [M, D] to [M, V]. */
  readonly languageLogits: (weights: Weights, chosen: tf.Tensor2D) => tf.Tensor2D;
}
