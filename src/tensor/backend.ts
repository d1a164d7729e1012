import * as tf from "@tensorflow/tfjs-core";

/** An attribute of a TensorFlow operation, as the binding takes it; `type` is one of its `TF_ATTR_…` numbers. */
export interface OperationAttribute {
  readonly name: string;
  readonly type: number;
  readonly value:
    | boolean
    | number
    | bigint
    | string
    | readonly boolean[]
    | readonly number[]
    | readonly string[];
}

/** A typed array whose elements are those of a tensor; of float16 and bfloat16 their bits in a Uint16Array. */
export type TensorValues =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | BigInt64Array
  | BigUint64Array
  | Float32Array
  | Float64Array;

/** A result of an operation: its number in the binding, its shape, the number of its type. */
interface OperationResult {
  readonly id: number;
  readonly shape: readonly number[];
  readonly dtype: number;
}

/** A device of the context's. */
interface TensorFlowDevice {
  /** "/job:localhost/replica:0/task:0/device:CPU:0" */
  readonly name: string;
  readonly type: string;
  readonly memoryBytes: number;
}

/** When the members of a cluster are given up. */
interface ClusterWatch {
  /** TensorFlow's names: "/job:worker/replica:0/task:1". */
  readonly members: readonly string[];
  /** A member that has answered once may be silent for so long; then all collectives are aborted. */
  readonly silenceMs: number;
  /** The process ends with `exitCode` unless the cluster is left within so long after that. */
  readonly graceMs: number;
  readonly exitCode: number;
}

/**
 * What the rest of Crossweave uses of `native/tensorflow`. The tfjs backend uses more of it (`tfjs_binding.d.ts` of
 * tfjs-node). Tensors go by numbers, each in the thread that has made it. Every fault is an error with a `code`:
 * BAD_ARGUMENT, BAD_TENSOR, STEP_CAPTURE, or TF_ and the name of TensorFlow's status.
 */
export interface TensorFlowBinding {
  readonly TF_Version: string;
  readonly TF_FLOAT: number;
  readonly TF_HALF: number;
  readonly TF_BFLOAT16: number;
  readonly TF_INT32: number;
  readonly TF_INT64: number;
  readonly TF_UINT8: number;
  readonly TF_STRING: number;
  readonly TF_ATTR_TYPE: number;
  readonly TF_ATTR_BOOL: number;
  readonly TF_ATTR_INT: number;
  readonly TF_ATTR_FLOAT: number;
  readonly TF_ATTR_STRING: number;
  readonly TF_ATTR_SHAPE: number;
  readonly TF_ATTR_FUNC: number;
  /** The compiler that has made the binding, and how memory is allocated. */
  readonly compiler: string;
  readonly allocator: string;
  isUsingGpuDevice(): boolean;
  listDevices(): readonly TensorFlowDevice[];
  /** Whether this TensorFlow can execute an operation at all. */
  hasKernel(operation: string): boolean;
  /** A serialized ConfigProto for the context, before anything is done with it. */
  configureContext(configProto: Uint8Array): void;
  /** Makes a tensor of a copy of the values. */
  createTensor(
    shape: readonly number[],
    dtype: number,
    values: TensorValues | readonly Uint8Array[],
  ): number;
  /**
   * Makes a tensor of the values where they lie, if that is shared memory on a multiple of 64 bytes; else of a copy.
   * They must stay as they are until the tensor has been deleted.
   */
  createTensorInPlace(shape: readonly number[], dtype: number, values: TensorValues): number;
  deleteTensor(id: number): void;
  getNumOfTensors(): number;
  /** How many arrays TensorFlow may still look at in place. */
  getNumOfBorrowedBuffers(): number;
  tensorDataSync(id: number): TensorValues | readonly Uint8Array[];
  /** The values without holding up the event loop. */
  tensorData(id: number): Promise<TensorValues | readonly Uint8Array[]>;
  /** Runs an operation, or a function of the context. */
  executeOp(
    operation: string,
    attributes: readonly OperationAttribute[],
    inputIds: readonly number[],
    numOutputs: number,
  ): readonly OperationResult[];
  /** The same on a thread of Node's pool; the inputs may be deleted as soon as this returns. */
  executeOpAsync(
    operation: string,
    attributes: readonly OperationAttribute[],
    inputIds: readonly number[],
    numOutputs: number,
  ): Promise<readonly OperationResult[]>;
  /** Joins a cluster, a ServerDef as text, before the first tensor is made, and watches over its members. */
  joinCluster(server: string, watch: ClusterWatch): void;
  /** Milliseconds since each member has answered, -1 where it never has. */
  memberSilences(): readonly number[];
  /** Whoever waits in a collective is told why, and no later one works. */
  abortCollectives(why: string): void;
  /** The members may be silent from now on. */
  leaveCluster(): void;
  /** 1: the inputs of the next operations are a step's arguments; 2: operations are captured; 3: inputs are its results; 0: gives up. */
  setCaptureMode(mode: 0 | 1 | 2 | 3): void;
  /** Makes the captured operations a TensorFlow function and gives their number; throws with the reason when they can't be one. */
  finishCapture(functionName: string): number;
  /** Runs the captured operations so many times and then once more, traced: a serialized RunMetadata. */
  profileCapture(warmUps: number): Uint8Array;
  removeFunction(functionName: string): void;
}

/** The registered tfjs backend: tfjs-node's, over our binding. */
export interface TensorFlowBackend extends tf.KernelBackend {
  readonly binding: TensorFlowBinding;
  /** What tfjs keeps of each tensor: TensorFlow's number of its type; `values` until TensorFlow has them, then null. */
  readonly tensorMap: {
    get(dataId: object): { readonly dtype: number; readonly values: unknown };
  };
  /** The binding's numbers of tensors that are about to be used; an Int64Scalar of tfjs-node has no data id. */
  getInputTensorIds(tensors: readonly { readonly dataId?: object }[]): number[];
  /** The tfjs tensor of a number of the binding's; it owns it from then on. tfjs calls bytes int32. */
  createOutputTensor(of: OperationResult): tf.Tensor;
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

/** TensorFlow's number of a tensor's type; tfjs calls bytes int32. */
export function typeNumberOf(
  { tensorMap }: TensorFlowBackend,
  { dataId }: Pick<tf.Tensor, "dataId">,
): number {
  return tensorMap.get(dataId).dtype;
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
