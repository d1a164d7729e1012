import * as tf from "@tensorflow/tfjs-core";
import { tensorFlowBackend } from "./backend.ts";

/**
 * Uniform numbers in [0, 1), a pure function of shape and seed (TensorFlow's StatelessRandomUniform,
 * Philox 4x32-10): float32 of the given shape. The seed is two 32-bit words,
 * in a tensor [2] of int32 where a compiled step draws.
 */
export function statelessUniform<R extends tf.Rank>(
  shape: tf.ShapeMap[R],
  seed: readonly [number, number] | tf.Tensor1D,
): tf.Tensor<R> {
  const backend = tensorFlowBackend();
  const { TF_ATTR_TYPE, TF_FLOAT, TF_INT32 } = backend.binding;
  const shapeTensor = tf.tensor1d(shape, "int32");
  const seedTensor =
    seed instanceof tf.Tensor
      ? tf.clone(seed)
      : tf.tensor1d(
          Int32Array.from(seed, (word) => word | 0),
          "int32",
        );
  const drawn = backend.executeSingleOutput(
    "StatelessRandomUniform",
    [
      { name: "dtype", type: TF_ATTR_TYPE, value: TF_FLOAT },
      { name: "T", type: TF_ATTR_TYPE, value: TF_INT32 },
      { name: "Tseed", type: TF_ATTR_TYPE, value: TF_INT32 },
    ],
    [shapeTensor, seedTensor],
  );
  tf.dispose([shapeTensor, seedTensor]);
  return tf.reshape<R>(drawn, shape);
}
