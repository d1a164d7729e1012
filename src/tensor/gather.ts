import * as tf from "@tensorflow/tfjs-core";
import { tensorFlowBackend, type OperationAttribute } from "./backend.ts";

// tfjs's own gather reads the indices back on every call to check them, which a compiled step must not do.

/**
 * Slices of x along an axis: `indices` is [K] of int32. No gradient flows by itself; see `gatherRows`.
 */
export function gatherSlices(x: tf.Tensor, indices: tf.Tensor1D, axis: number): tf.Tensor {
  const axisTensor = tf.scalar(axis, "int32");
  return tensorFlowBackend().executeSingleOutput(
    "GatherV2",
    [
      typeAttribute("Tparams", x.dtype),
      typeAttribute("Tindices", "int32"),
      typeAttribute("Taxis", "int32"),
    ],
    [x, indices, axisTensor],
  );
}

/** Rows of x, [N, …] to [K, …]; the gradient of a row is the sum over where it was taken. */
export function gatherRows(x: tf.Tensor, indices: tf.Tensor1D): tf.Tensor {
  const numRows = x.shape[0] ?? 0;
  const take = tf.customGrad((input, save) => {
    if (!(input instanceof tf.Tensor) || !isSaver(save)) throw new TypeError("takes a tensor");
    save([indices]);
    return {
      value: gatherSlices(input, indices, 0),
      gradFunc: (dy: tf.Tensor, [taken]: tf.Tensor[]) =>
        tf.unsortedSegmentSum(dy, isVector(taken) ? taken : indices, numRows),
    };
  });
  return take(x);
}

function isSaver(value: unknown): value is tf.GradSaveFunc {
  return typeof value === "function";
}

function typeAttribute(name: string, dtype: tf.DataType): OperationAttribute {
  const { TF_ATTR_TYPE, TF_FLOAT, TF_INT32 } = tensorFlowBackend().binding;
  return { name, type: TF_ATTR_TYPE, value: dtype === "int32" ? TF_INT32 : TF_FLOAT };
}

function isVector(x: tf.Tensor | undefined): x is tf.Tensor1D {
  return x?.rank === 1;
}
