import * as tf from "@tensorflow/tfjs-core";

/** An attribute of a TensorFlow operation, as the binding takes it; `type` is one of its `TF_ATTR_…` numbers. */
export interface OperationAttribute {
  readonly name: string;
  readonly type: number;
  readonly value: boolean | number | string | readonly number[];
}

/**
 * What the rest of Crossweave uses of the binding. The tfjs backend uses more of it (see
 * `tfjs_binding.d.ts` of tfjs-node); a binding of our own has to offer that same interface.
 */
export interface TensorFlowBinding {
  readonly TF_Version: string;
  readonly TF_FLOAT: number;
  readonly TF_INT32: number;
  readonly TF_UINT8: number;
  readonly TF_ATTR_TYPE: number;
  readonly TF_ATTR_BOOL: number;
  isUsingGpuDevice(): boolean;
  /** Makes a TensorFlow tensor and gives its number; it may go on using the memory of `values`. */
  createTensor(shape: readonly number[], dtype: number, values: Uint8Array): number;
  getNumOfTensors(): number;
  /** Runs an operation on tensors that go by the binding's numbers, as it does its results. */
  executeOp(
    operation: string,
    attributes: readonly OperationAttribute[],
    inputIds: readonly number[],
    numOutputs: number,
  ): readonly { readonly id: number; readonly shape: readonly number[]; readonly dtype: number }[];
  /** 1: the inputs of the next operations are a step's arguments; 2: operations are captured; 3: inputs are its results; 0: gives up. */
  setCaptureMode(mode: 0 | 1 | 2 | 3): void;
  /** Makes the captured operations a TensorFlow function; throws with the reason when they can't be one. */
  finishCapture(functionName: string): void;
  removeFunction(functionName: string): void;
}

/** The registered tfjs backend: tfjs-node's, over our binding. */
export interface TensorFlowBackend extends tf.KernelBackend {
  readonly binding: TensorFlowBinding;
  /** What tfjs keeps of each tensor; `values` until TensorFlow has them, then null. */
  readonly tensorMap: { get(dataId: object): { readonly values: unknown } };
  /** The binding's numbers of tensors that are about to be used; an Int64Scalar of tfjs-node has no data id. */
  getInputTensorIds(tensors: readonly { readonly dataId?: object }[]): number[];
  /** The tfjs tensor of a number of the binding's; it owns it from then on. tfjs calls bytes int32. */
  createOutputTensor(of: {
    readonly id: number;
    readonly shape: readonly number[];
    readonly dtype: number;
  }): tf.Tensor;
  executeSingleOutput(
    operation: string,
    attributes: readonly OperationAttribute[],
    inputs: readonly tf.Tensor[],
  ): tf.Tensor;
  executeMultipleOutputs(
    operation: string,
    attributes: readonly OperationAttribute[],
    inputs: readonly tf.Tensor[],
    numOutputs: number,
  ): tf.Tensor[];
}

/** The name under which the backend is registered with tfjs. */
export const BACKEND_NAME = "tensorflow";

/** The backend that `loadTensorFlow` has registered; throws when it has not been called. */
export function tensorFlowBackend(): TensorFlowBackend {
  const backend: unknown = tf.findBackend(BACKEND_NAME);
  if (!isTensorFlowBackend(backend))
    throw new Error("TensorFlow is not loaded; call loadTensorFlow() first");
  return backend;
}

export function isTensorFlowBackend(value: unknown): value is TensorFlowBackend {
  return (
    typeof value === "object" &&
    value !== null &&
    "binding" in value &&
    isTensorFlowBinding(value.binding) &&
    "executeSingleOutput" in value &&
    typeof value.executeSingleOutput === "function"
  );
}

export function isTensorFlowBinding(value: unknown): value is TensorFlowBinding {
  return (
    typeof value === "object" &&
    value !== null &&
    "TF_Version" in value &&
    typeof value.TF_Version === "string" &&
    "createTensor" in value &&
    typeof value.createTensor === "function" &&
    "executeOp" in value &&
    typeof value.executeOp === "function" &&
    "setCaptureMode" in value &&
    typeof value.setCaptureMode === "function"
  );
}
