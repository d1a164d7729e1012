import * as tf from "@tensorflow/tfjs-core";
import { tensorFlowBackend } from "./backend.ts";

/**
 * Bytes as an int32 tensor of the given shape. They go to the device as they are and are widened there, by
 * TensorFlow: a quarter of the copying, and JavaScript does not touch each one. `bytes` may be overwritten as soon
 * as this returns.
 */
export function tensorOfBytes<R extends tf.Rank>(
  bytes: Uint8Array,
  shape: tf.ShapeMap[R],
): tf.Tensor<R> {
  const backend = tensorFlowBackend();
  const { TF_ATTR_BOOL, TF_ATTR_TYPE, TF_INT32, TF_UINT8 } = backend.binding;
  // TensorFlow looks at the bytes where they lie; once they are cast it has its own.
  const id = backend.binding.createTensor(shape, TF_UINT8, bytes);
  const narrow = backend.createOutputTensor({ id, shape, dtype: TF_UINT8 });
  const wide = backend.executeSingleOutput(
    "Cast",
    [
      { name: "SrcT", type: TF_ATTR_TYPE, value: TF_UINT8 },
      { name: "DstT", type: TF_ATTR_TYPE, value: TF_INT32 },
      { name: "Truncate", type: TF_ATTR_BOOL, value: false },
    ],
    [narrow],
  );
  const shaped = tf.reshape<R>(wide, shape);
  tf.dispose([narrow, wide]);
  return shaped;
}
