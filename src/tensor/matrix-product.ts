import type * as tf from "@tensorflow/tfjs-core";
import { tensorFlowBackend, type OperationAttribute } from "./backend.ts";

// TensorFlow's operations for two axes. tfjs multiplies by BatchMatMulV2 whatever the number of axes, which is slower
// than MatMul unless the left side is transposed, and to MatMul alone TensorFlow's optimiser joins the bias. No gradient
// flows through these by itself.

/** The product of two matrices of float32, [M, K] and [K, N]; b may be given transposed, [N, K]. */
export function matrixProduct(
  a: tf.Tensor,
  b: tf.Tensor,
  bIs: "as it is" | "transposed",
): tf.Tensor {
  const { TF_ATTR_BOOL } = tensorFlowBackend().binding;
  const attributes = [
    floats(),
    { name: "transpose_a", type: TF_ATTR_BOOL, value: false },
    { name: "transpose_b", type: TF_ATTR_BOOL, value: bIs === "transposed" },
  ];
  return tensorFlowBackend().executeSingleOutput("MatMul", attributes, [a, b]);
}

/** x of at least two axes with the bias [C] added over the last one. */
export function biasAdded(x: tf.Tensor, bias: tf.Tensor): tf.Tensor {
  const { TF_ATTR_STRING } = tensorFlowBackend().binding;
  const format = { name: "data_format", type: TF_ATTR_STRING, value: "NHWC" };
  return tensorFlowBackend().executeSingleOutput("BiasAdd", [floats(), format], [x, bias]);
}

function floats(): OperationAttribute {
  const { TF_ATTR_TYPE, TF_FLOAT } = tensorFlowBackend().binding;
  return { name: "T", type: TF_ATTR_TYPE, value: TF_FLOAT };
}
