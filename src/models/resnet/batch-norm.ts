import * as tf from "@tensorflow/tfjs-core";
import { tensorFlowBackend, type OperationAttribute } from "../../tensor/backend.ts";
import { stopGradient } from "../layers.ts";
import { weight, type Weights, type WeightSpec } from "../weights.ts";

// B batch, h and w grid, C channels, R ranks

/** PyTorch's defaults. */
const BATCH_NORM_EPSILON = 1e-5;
const BATCH_NORM_MOMENTUM = 0.1;

/**
 * "train": by the batch's own statistics, which the running ones follow. "eval": by the running statistics, scale and
 * shift still being trained. "frozen": by the running statistics, nothing trained.
 */
export type BatchNormMode = "train" | "eval" | "frozen";

/** Adds a tensor up over all ranks; each of them calls it alike. */
export type SumOverRanks = (x: tf.Tensor) => tf.Tensor;

/** Takes what a step has to say of itself, by name. */
export type Collect = (name: string, statistic: tf.Tensor) => void;

export interface BatchNormOptions {
  readonly name: string;
  readonly mode: BatchNormMode;
  /** Is given `runningNames`' new mean [C] and unbiased variance [C] of a batch, in mode "train". */
  readonly collect: Collect;
  /** Statistics of all ranks' batches together (synchronised batch normalisation); of one's own when left out. */
  readonly sumOverRanks?: SumOverRanks | undefined;
}

export function runningNames(name: string): { readonly mean: string; readonly variance: string } {
  return { mean: `${name}.running_mean`, variance: `${name}.running_var` };
}

export function runningSpecs(name: string, channels: number): WeightSpec[] {
  const { mean, variance } = runningNames(name);
  return [
    { name: mean, shape: [channels], initialisation: "zeros" },
    { name: variance, shape: [channels], initialisation: "ones" },
  ];
}

/** Batch normalisation (Ioffe and Szegedy 2015) over all axes but the last: [B, h, w, C] to the same. */
export function batchNorm(weights: Weights, x: tf.Tensor4D, options: BatchNormOptions): tf.Tensor {
  const { collect, mode, name, sumOverRanks } = options;
  const affine = [weight(weights, `${name}.weight`), weight(weights, `${name}.bias`)] as const;
  const names = runningNames(name);
  if (mode === "train") {
    const normalised =
      sumOverRanks === undefined
        ? normaliseAlone(x, ...affine)
        : normaliseTogether(x, affine, sumOverRanks);
    collect(names.mean, normalised.mean);
    collect(names.variance, normalised.variance);
    return normalised.output;
  }
  const [gamma, beta] =
    mode === "frozen" ? [stopGradient(affine[0]), stopGradient(affine[1])] : affine;
  const deviation = tf.sqrt(tf.add(weight(weights, names.variance), BATCH_NORM_EPSILON));
  const scale = tf.div(gamma, deviation);
  return tf.add(tf.mul(x, scale), tf.sub(beta, tf.mul(weight(weights, names.mean), scale)));
}

/** Running statistics after a batch, as PyTorch's: (1 - momentum) old + momentum new. */
export function followStatistics(running: tf.Tensor, batch: tf.Tensor): tf.Tensor {
  return tf.add(running, tf.mul(tf.sub(batch, running), BATCH_NORM_MOMENTUM));
}

interface Normalised {
  readonly output: tf.Tensor;
  readonly mean: tf.Tensor;
  /** Unbiased. */
  readonly variance: tf.Tensor;
}

/** By TensorFlow's one operation forward and one backward. */
function normaliseAlone(x: tf.Tensor4D, gamma: tf.Tensor, beta: tf.Tensor): Normalised {
  const backend = tensorFlowBackend();
  const attributes = fusedAttributes();
  const empty = tf.tensor1d([]);
  const inputs = [x, gamma, beta, empty, empty];
  const [output, mean, variance, ...reserved] = backend.executeMultipleOutputs(
    "FusedBatchNormV3",
    attributes,
    inputs,
    6,
  );
  if (!output || !mean || !variance) throw new RangeError("a fused batch norm gives six tensors");
  const track = tf.customGrad((...places) => {
    const save = places[3];
    if (isSaver(save)) save([x, gamma, ...reserved]);
    return {
      value: output,
      gradFunc: (dy: tf.Tensor, [values, scale, ...rest]: tf.Tensor[]) => {
        if (!values || !scale) throw new RangeError("batch norm saved its inputs");
        const saved = [dy, values, scale, ...rest];
        return backend
          .executeMultipleOutputs("FusedBatchNormGradV3", attributes, saved, 5)
          .slice(0, 3);
      },
    };
  });
  return { output: track(x, gamma, beta), mean, variance };
}

function fusedAttributes(): OperationAttribute[] {
  const { TF_ATTR_BOOL, TF_ATTR_FLOAT, TF_ATTR_STRING, TF_ATTR_TYPE, TF_FLOAT } =
    tensorFlowBackend().binding;
  return [
    { name: "T", type: TF_ATTR_TYPE, value: TF_FLOAT },
    { name: "U", type: TF_ATTR_TYPE, value: TF_FLOAT },
    { name: "epsilon", type: TF_ATTR_FLOAT, value: BATCH_NORM_EPSILON },
    { name: "data_format", type: TF_ATTR_STRING, value: "NHWC" },
    { name: "is_training", type: TF_ATTR_BOOL, value: true },
  ];
}

const AXES = [0, 1, 2];

/** By sums that all ranks add up, forward and backward. */
function normaliseTogether(
  x: tf.Tensor4D,
  [gamma, beta]: readonly [tf.Tensor, tf.Tensor],
  sumOverRanks: SumOverRanks,
): Normalised {
  const constant = stopGradient(x);
  const count = sumOverRanks(tf.scalar(x.size / x.shape[3])); // of all ranks' values of a channel
  const mean = tf.div(sumOverRanks(tf.sum(constant, AXES)), count); // [C]
  const squares = sumOverRanks(tf.sum(tf.squaredDifference(constant, mean), AXES)); // [C]
  const inverseDeviation = tf.rsqrt(tf.add(tf.div(squares, count), BATCH_NORM_EPSILON));
  const normalised = tf.mul(tf.sub(constant, mean), inverseDeviation);
  const track = tf.customGrad((...places) => {
    const [, scale, shift, save] = places;
    if (!(scale instanceof tf.Tensor) || !(shift instanceof tf.Tensor) || !isSaver(save)) {
      throw new TypeError("a custom gradient takes tensors and ends with the function that saves");
    }
    save([normalised, inverseDeviation, scale, count]);
    return {
      value: tf.add(tf.mul(normalised, scale), shift),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => togetherGradient(dy, saved, sumOverRanks),
    };
  });
  const variance = tf.div(squares, tf.maximum(tf.sub(count, 1), 1));
  return { output: track(x, gamma, beta), mean, variance };
}

function togetherGradient(
  dy: tf.Tensor,
  [normalised, inverseDeviation, scale, count]: readonly tf.Tensor[],
  sumOverRanks: SumOverRanks,
): tf.Tensor[] {
  if (!normalised || !inverseDeviation || !scale || !count) {
    throw new RangeError("synchronised batch norm saved four tensors");
  }
  const dBeta = tf.sum(dy, AXES);
  const dGamma = tf.sum(tf.mul(dy, normalised), AXES);
  const meanGradient = tf.div(sumOverRanks(dBeta), count);
  const meanProjection = tf.div(sumOverRanks(dGamma), count);
  const inner = tf.sub(tf.sub(dy, meanGradient), tf.mul(normalised, meanProjection));
  return [tf.mul(tf.mul(scale, inverseDeviation), inner), dGamma, dBeta];
}

function isSaver(value: unknown): value is tf.GradSaveFunc {
  return typeof value === "function";
}
