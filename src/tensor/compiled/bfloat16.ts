import type * as tf from "@tensorflow/tfjs-core";
import type { OperationAttribute, TensorFlowBackend } from "../backend.ts";

// Mixed precision (Micikevicius et al. 2018) with bfloat16 (Kalamkar et al. 2019), which has float32's range and so
// needs no scaling of the loss: products of matrices and convolutions, forward and backward, read and write bfloat16
// and add up in float32. All else, weights, moments, norms, softmax and losses, stays in float32.

/** Each matrix operation, and which of its inputs are numbers to be rounded. */
const MATRIX_OPERATIONS: ReadonlyMap<string, readonly number[]> = new Map([
  ["MatMul", [0, 1]],
  ["BatchMatMul", [0, 1]],
  ["BatchMatMulV2", [0, 1]],
  ["Conv2D", [0, 1]],
  ["Conv2DBackpropInput", [1, 2]],
  ["Conv2DBackpropFilter", [0, 2]],
]);

export function isMatrixOperation(operation: string): boolean {
  return MATRIX_OPERATIONS.has(operation);
}

interface MatrixOperation {
  readonly operation: string;
  readonly attributes: readonly OperationAttribute[];
  readonly inputs: readonly tf.Tensor[];
}

/** The result of a matrix operation on float32, computed in bfloat16; of other types as it is. */
export function executeInBfloat16(backend: TensorFlowBackend, request: MatrixOperation): tf.Tensor {
  const { attributes, inputs, operation } = request;
  const { binding } = backend;
  const { TF_BFLOAT16, TF_FLOAT } = binding;
  const rounded = MATRIX_OPERATIONS.get(operation) ?? [];
  const isOfFloats = rounded.every((place) => inputs[place]?.dtype === "float32");
  const given = backend.getInputTensorIds(inputs);
  if (!isOfFloats) return owned(backend, binding.executeOp(operation, attributes, given, 1));
  const made: number[] = [];
  try {
    const narrow = given.map((id, place) => {
      if (!rounded.includes(place)) return id;
      const cast = onlyOf(
        binding.executeOp("Cast", castTo(backend, TF_FLOAT, TF_BFLOAT16), [id], 1),
      );
      made.push(cast.id);
      return cast.id;
    });
    const typed = attributes.map((attribute) =>
      attribute.name === "T" ? { ...attribute, value: TF_BFLOAT16 } : attribute,
    );
    const product = onlyOf(binding.executeOp(operation, typed, narrow, 1));
    made.push(product.id);
    const widened = binding.executeOp(
      "Cast",
      castTo(backend, TF_BFLOAT16, TF_FLOAT),
      [product.id],
      1,
    );
    return owned(backend, widened);
  } finally {
    for (const id of made) binding.deleteTensor(id);
  }
}

function castTo(backend: TensorFlowBackend, from: number, to: number): OperationAttribute[] {
  const { TF_ATTR_BOOL, TF_ATTR_TYPE } = backend.binding;
  return [
    { name: "SrcT", type: TF_ATTR_TYPE, value: from },
    { name: "DstT", type: TF_ATTR_TYPE, value: to },
    { name: "Truncate", type: TF_ATTR_BOOL, value: false },
  ];
}

type Results = ReturnType<TensorFlowBackend["binding"]["executeOp"]>;

function onlyOf(results: Results): Results[number] {
  const [only] = results;
  if (only === undefined) throw new RangeError("the operation gives one tensor");
  return only;
}

function owned(backend: TensorFlowBackend, results: Results): tf.Tensor {
  return backend.createOutputTensor(onlyOf(results));
}
