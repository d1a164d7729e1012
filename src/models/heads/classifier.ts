import * as tf from "@tensorflow/tfjs-core";
import { BERT_NORM_EPSILON, gelu, layerNorm, linear } from "../layers.ts";
import { matrix } from "../ranks.ts";
import { linearSpecs, normSpecs, type Weights, type WeightSpec } from "../weights.ts";

// M rows, I inputs, U units of the middle layer, A classes

/** What stands between the two linear layers of a head. */
const activations: Readonly<Record<"gelu" | "relu", (x: tf.Tensor) => tf.Tensor>> = {
  gelu,
  relu: (x) => tf.relu(x),
};

/**
 * A head of two layers: Linear(I, U), activation, layer normalisation, Linear(U, A). Its weights are called
 * `name`.0, `name`.2 and `name`.3, as in UNITER's released state.
 */
export interface TwoLayerHead {
  readonly name: string;
  readonly inputs: number;
  readonly units: number;
  readonly outputs: number;
  readonly activation: keyof typeof activations;
}

export function twoLayerHeadSpecs(head: TwoLayerHead): WeightSpec[] {
  return [
    ...linearSpecs(`${head.name}.0`, head.inputs, head.units),
    ...normSpecs(`${head.name}.2`, head.units),
    ...linearSpecs(`${head.name}.3`, head.units, head.outputs),
  ];
}

/** Logits [M, A] of rows [M, I]. */
export function twoLayerLogits(
  weights: Weights,
  head: Pick<TwoLayerHead, "name" | "activation">,
  rows: tf.Tensor2D,
): tf.Tensor2D {
  const hidden = transformed(weights, head, rows);
  return matrix(linear(weights, `${head.name}.3`, hidden));
}

/** Linear, activation and layer normalisation, [M, I] to [M, U]: the first half of a head of two layers. */
export function transformed(
  weights: Weights,
  head: Pick<TwoLayerHead, "name" | "activation">,
  rows: tf.Tensor2D,
): tf.Tensor2D {
  const activated = activations[head.activation](linear(weights, `${head.name}.0`, rows));
  const norm = { name: `${head.name}.2`, epsilon: BERT_NORM_EPSILON };
  return matrix(layerNorm(weights, activated, norm));
}

/** UNITER, section 4.1: the 3,129 most frequent answers of VQA 2.0. */
export const VQA_ANSWERS = 3129;

/**
 * Answers of VQA (UNITER's released code): Linear(h, 2h), GELU, LN, Linear(2h, A). Also of SNLI-VE, which it trains as
 * a question with three answers.
 */
export function answerHead(hiddenSize: number, numAnswers: number = VQA_ANSWERS): TwoLayerHead {
  const units = 2 * hiddenSize;
  return {
    name: "vqa_output",
    inputs: hiddenSize,
    units,
    outputs: numAnswers,
    activation: "gelu",
  };
}

/**
 * SNLI-VE's labels in the order of UNITER's released code. Its paper trains with the cross-entropy of the three, its
 * code with soft targets; the head is the same.
 */
export const ENTAILMENT_LABELS = ["contradiction", "entailment", "neutral"] as const;

export function entailmentHead(hiddenSize: number): TwoLayerHead {
  return answerHead(hiddenSize, ENTAILMENT_LABELS.length);
}
