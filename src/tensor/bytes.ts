import * as tf from "@tensorflow/tfjs-core";
import { tensorFlowBackend, typeNumberOf } from "./backend.ts";

/**
 * Bytes as a tensor of uint8, which tfjs calls int32: only `floatsOf` and compiled steps take it. TensorFlow looks
 * at shared memory on a multiple of 64 bytes where it lies, so `bytes` must stay as they are until the tensor is disposed.
 */
export function tensorOfBytes<R extends tf.Rank>(
  bytes: Uint8Array,
  shape: tf.ShapeMap[R],
): tf.Tensor<R> {
  const backend = tensorFlowBackend();
  const dtype = backend.binding.TF_UINT8;
  const id = backend.binding.createTensorInPlace(shape, dtype, bytes);
  const tensor = backend.createOutputTensor({ id, shape, dtype });
  const shaped = tf.reshape<R>(tensor, shape);
  tensor.dispose();
  return shaped;
}

/** Whole numbers, of bytes or of int32, as float32, widened on the device. No gradient flows through it. */
export function floatsOf(numbers: tf.Tensor): tf.Tensor {
  const backend = tensorFlowBackend();
  const { TF_ATTR_BOOL, TF_ATTR_TYPE, TF_FLOAT } = backend.binding;
  return backend.executeSingleOutput(
    "Cast",
    [
      { name: "SrcT", type: TF_ATTR_TYPE, value: typeNumberOf(backend, numbers) },
      { name: "DstT", type: TF_ATTR_TYPE, value: TF_FLOAT },
      { name: "Truncate", type: TF_ATTR_BOOL, value: false },
    ],
    [numbers],
  );
}
