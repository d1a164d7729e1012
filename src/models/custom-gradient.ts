import * as tf from "@tensorflow/tfjs-core";

// tfjs types the arguments of a custom gradient loosely; these say what they are and check it.

export function asTensor(value: unknown): tf.Tensor {
  if (value instanceof tf.Tensor) return value;
  throw new TypeError("a custom gradient takes tensors");
}

export function asSaver(value: unknown): tf.GradSaveFunc {
  if (isSaver(value)) return value;
  throw new TypeError("a custom gradient ends with the function that saves tensors");
}

function isSaver(value: unknown): value is tf.GradSaveFunc {
  return typeof value === "function";
}
