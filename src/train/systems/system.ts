import type * as tf from "@tensorflow/tfjs-core";
import type { Batch, LoaderOptions } from "../../loader/options.ts";
import type { Dropout, StochasticDepth } from "../../models/dropout.ts";
import type { NamedTensors, PairModel } from "../../models/pair-model.ts";
import type { PairedPictureData } from "../recipes/recipe-base.ts";
import type { WeightedScale } from "./loss-scales.ts";
import type { Weights, WeightSpec } from "../../models/weights.ts";

/** A rank's share of a global batch, as it is handed to the device. */
export interface BatchContext {
  readonly seed: number;
  /** Counted from 1. */
  readonly step: number;
  readonly epoch: number;
  /** Where the batch's first pair stands in the global batch. */
  readonly firstPair: number;
  /** `System.counts` of the global batch: what its losses are means over. */
  readonly totals: readonly number[];
}

/** One batch on the device. */
export interface StepBatch {
  /**
   * Which of the system's losses are computed: UNITER's task, or whether a backbone is frozen. Each variant is a
   * compiled function of its own; a system has few.
   */
  readonly variant: string;
  /** Always the same names in the same order for a variant; "tokenIds" [B, n], one row for each pair, is one of them. */
  readonly tensors: NamedTensors;
}

/** The variant of a system that has only one. */
export const ONLY_VARIANT = "all";

export interface LossCall {
  readonly variant: string;
  readonly weights: Weights;
  /** As they stood before this step. */
  readonly buffers: Weights;
  readonly batch: NamedTensors;
  /** Drawn by (seed, step, place in the model, pair of the global batch). */
  readonly dropout: Dropout;
  /** Drawn likewise, by picture of the global batch. */
  readonly depth: StochasticDepth;
}

/** A rank's part of the global batch's losses: over all ranks they add up to it, and their gradients to its gradient. */
export interface SystemLosses {
  readonly total: tf.Scalar;
  /** What is told of a step, in the order of `System.readings(variant)`: parts of the loss before their weights, accuracies. */
  readonly readings: readonly tf.Scalar[];
  /** Sums over this rank's share [T], from whose sum over all ranks the next buffers are made; left out without buffers. */
  readonly statistics?: tf.Tensor1D;
}

/** One of the papers' systems as the trainer knows it: what a batch is to it, its losses, its state. */
export interface System {
  readonly model: PairModel;
  /** Weights whose names begin with this are the picture encoder's, with a learning rate of its own. */
  readonly visualPrefix: string;
  /** What a global batch is counted by: predicted words, pairs, … Each rank's counts add up to the global batch's. */
  readonly counts: (batch: Batch) => readonly number[];
  /** The tensors are the caller's to dispose; pictures may be looked at where they lie, so the batch must stay until then. */
  readonly deviceBatch: (batch: Batch, context: BatchContext) => StepBatch;
  /** Names of `SystemLosses.readings`. */
  readonly readings: (variant: string) => readonly string[];
  /** A pure function of tensors; runs while it is being captured, so no value is read in it. */
  readonly losses: (call: LossCall) => SystemLosses;
  /** The buffers after a step, by name; they stay as they are where this is left out. */
  readonly nextBuffers?: (buffers: Weights, statistics: tf.Tensor1D) => Weights;
  /** What is to be said, where a checkpoint is saved, of a system whose buffers these are. Outside of steps. */
  readonly notices?: (buffers: Weights) => readonly string[];
  /** Weights that start as others of the model do, where the files that a run starts from have none of them. */
  readonly derivedStart?: (weights: Weights) => Weights;
  /** Its losses as they stand to the paper's, by the names of `readings`, each with its weight in the total. */
  readonly scales: readonly WeightedScale[];
  /** Whether the optimizer's weight decay pulls at a weight. */
  readonly decays: (spec: WeightSpec) => boolean;
  /** What the loader is asked for beside sets, seed, ranks and threads. */
  readonly batches: SystemBatches;
}

/** Kernels and embeddings decay; biases, norms and bias tables don't (BERT; Swin). */
export function decaysByShape({ name, shape }: WeightSpec): boolean {
  return shape.length > 1 && !name.endsWith("relative_position_bias_table");
}

/** The part of a loader's options that a system decides. */
export type SystemBatches = Pick<
  LoaderOptions,
  | "batching"
  | "grouping"
  | "pairing"
  | "text"
  | "pictures"
  | "regions"
  | "augment"
  | "letterCase"
  | "mlmProbability"
  | "mlmRules"
  | "predictedPairs"
  | "regionMaskProbability"
  | "regionMaskSelection"
  | "tasks"
  | "taskGroup"
>;

/** Pictures cropped as a recipe says, and changed in no other way: Visual Parsing and SOHO say nothing of it. */
export function croppedOnly({
  minimumCropArea,
}: Pick<PairedPictureData, "minimumCropArea">): SystemBatches["augment"] {
  const crop =
    minimumCropArea === 1
      ? "none"
      : ({ scale: [minimumCropArea, 1], ratio: [3 / 4, 4 / 3] } as const);
  return { crop, flip: "never", randAugment: null };
}
