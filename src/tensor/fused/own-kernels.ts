import type * as tf from "@tensorflow/tfjs-core";
import { tensorFlowBackend, type OperationAttribute } from "../backend.ts";

// Operations of our own, which native/tensorflow adds to TensorFlow with kernels for float32 on the CPU: one pass over
// memory where composed operations take many. What they compute is composed of TensorFlow's elsewhere.

let isAllowed = true;

/** Whether an operation on these tensors may be one of our own: not on a GPU, nor in a step that XLA compiles. */
export function ownKernelsServe(tensors: readonly tf.Tensor[]): boolean {
  return (
    isAllowed &&
    tensors.every(({ dtype }) => dtype === "float32") &&
    !tensorFlowBackend().binding.isUsingGpuDevice()
  );
}

/** Runs the body with operations of TensorFlow's alone: XLA knows no others. */
export function withoutOwnKernels<Result>(body: () => Result): Result {
  const before = isAllowed;
  isAllowed = false;
  try {
    return body();
  } finally {
    isAllowed = before;
  }
}

/** GELU in its exact form, of any shape. */
export function ownGelu(x: tf.Tensor): tf.Tensor {
  return tensorFlowBackend().executeSingleOutput("CrossweaveGelu", [], [x]);
}

/** The gradient of x. */
export function ownGeluGradient(x: tf.Tensor, dy: tf.Tensor): tf.Tensor {
  return tensorFlowBackend().executeSingleOutput("CrossweaveGeluGrad", [], [x, dy]);
}

export interface OwnNorm {
  readonly normalised: tf.Tensor;
  /** One for each row of x, which is all that the gradient needs beside x and gamma: [rows] */
  readonly mean: tf.Tensor;
  readonly inverseDeviation: tf.Tensor;
}

export interface OwnNormInputs {
  /** [..., C] */
  readonly x: tf.Tensor;
  /** [C] */
  readonly gamma: tf.Tensor;
  /** [C] */
  readonly beta: tf.Tensor;
  readonly epsilon: number;
}

/** Layer normalisation over the last axis, scaled by gamma and shifted by beta. */
export function ownLayerNorm({ beta, epsilon, gamma, x }: OwnNormInputs): OwnNorm {
  const { TF_ATTR_FLOAT } = tensorFlowBackend().binding;
  const attributes = [{ name: "epsilon", type: TF_ATTR_FLOAT, value: epsilon }];
  const [normalised, mean, inverseDeviation] = executeThree("CrossweaveLayerNorm", attributes, [
    x,
    gamma,
    beta,
  ]);
  return { normalised, mean, inverseDeviation };
}

/** The gradients of x, gamma and beta from [dy, x, mean, inverseDeviation, gamma]. */
export function ownLayerNormGradient(inputs: readonly tf.Tensor[]): tf.Tensor[] {
  return executeThree("CrossweaveLayerNormGrad", [], inputs);
}

/** The gradient of softmax(x) over the last axis, from the softmax. */
export function ownSoftmaxGradient(softmax: tf.Tensor, dy: tf.Tensor): tf.Tensor {
  return tensorFlowBackend().executeSingleOutput("CrossweaveSoftmaxGrad", [], [softmax, dy]);
}

/** Sums over all axes but the last, [..., C] to [C]: the gradient of a bias. */
export function ownColumnSums(x: tf.Tensor): tf.Tensor {
  return tensorFlowBackend().executeSingleOutput("CrossweaveColumnSums", [], [x]);
}

function executeThree(
  operation: string,
  attributes: readonly OperationAttribute[],
  inputs: readonly tf.Tensor[],
): [tf.Tensor, tf.Tensor, tf.Tensor] {
  const [first, second, third] = tensorFlowBackend().executeMultipleOutputs(
    operation,
    attributes,
    inputs,
    3,
  );
  if (first === undefined || second === undefined || third === undefined)
    throw new RangeError(`${operation} gives three tensors`);
  return [first, second, third];
}
