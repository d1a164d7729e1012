import type * as tf from "@tensorflow/tfjs-core";
import { tidy } from "@tensorflow/tfjs-core";
import { tensorFlowBackend, type TensorFlowBackend } from "./backend.ts";

/** A step: a pure function from tensors to tensors, in which no value is read. */
export type Step = (inputs: readonly tf.Tensor[]) => tf.Tensor[];

/** How many shape signatures of one step are kept compiled; the oldest is forgotten first. */
const MAX_TRACES = 16;

interface Trace {
  readonly functionName: string;
  readonly numOutputs: number;
}

let traceCount = 0;

/**
 * Runs a step as one TensorFlow function. For each new signature of input shapes the step runs once
 * operation by operation while the binding captures it; what `run` gives is always the function's result, so that
 * a run which is stopped and resumed has the same digits as one that is not. Inputs stay the caller's;
 * outputs are the caller's to dispose.
 */
export class CompiledStep implements Disposable {
  readonly #step: Step;
  readonly #traces = new Map<string, Trace>();

  constructor(step: Step) {
    this.#step = step;
  }

  run(inputs: readonly tf.Tensor[]): tf.Tensor[] {
    const backend = tensorFlowBackend();
    const signature = signatureOf(inputs);
    const trace = this.#traces.get(signature) ?? this.#capture(backend, signature, inputs);
    return backend.executeMultipleOutputs(trace.functionName, [], inputs, trace.numOutputs);
  }

  [Symbol.dispose](): void {
    for (const trace of this.#traces.values()) {
      tensorFlowBackend().binding.removeFunction(trace.functionName);
    }
    this.#traces.clear();
  }

  #capture(backend: TensorFlowBackend, signature: string, inputs: readonly tf.Tensor[]): Trace {
    this.#forgetOldest(backend);
    traceCount += 1;
    const functionName = `crossweave_step_${traceCount}`;
    const numOutputs = captureStep(backend, { functionName, inputs, step: this.#step });
    const trace = { functionName, numOutputs };
    this.#traces.set(signature, trace);
    return trace;
  }

  #forgetOldest(backend: TensorFlowBackend): void {
    const [oldest] = this.#traces;
    if (oldest === undefined || this.#traces.size < MAX_TRACES) return;
    backend.binding.removeFunction(oldest[1].functionName);
    this.#traces.delete(oldest[0]);
  }
}

/** Shapes and types of the inputs, and which of them are one and the same value: a capture cannot tell those apart. */
function signatureOf(inputs: readonly tf.Tensor[]): string {
  const firstPlace = new Map<object, number>();
  return inputs
    .map(({ dataId, dtype, shape }, place) => {
      if (!firstPlace.has(dataId)) firstPlace.set(dataId, place);
      const first = firstPlace.get(dataId);
      return `${dtype}[${shape.join()}]${first === place ? "" : `=${first}`}`;
    })
    .join(" ");
}

interface CaptureRequest {
  readonly functionName: string;
  readonly inputs: readonly tf.Tensor[];
  readonly step: Step;
}

function captureStep(backend: TensorFlowBackend, request: CaptureRequest): number {
  const { binding } = backend;
  // tfjs hands a tensor's values to TensorFlow when it is first used; the inputs must be there before.
  passThrough(backend, request.inputs);
  try {
    binding.setCaptureMode(1);
    passThrough(backend, request.inputs);
    binding.setCaptureMode(2);
    const numOutputs = refusingForeignValues(backend, () => {
      const outputs = tidy(() => request.step(request.inputs));
      binding.setCaptureMode(3);
      passThrough(backend, outputs);
      for (const output of outputs) if (!request.inputs.includes(output)) output.dispose();
      return outputs.length;
    });
    binding.finishCapture(request.functionName);
    return numOutputs;
  } catch (error) {
    binding.setCaptureMode(0);
    throw error;
  }
}

/**
 * Runs `body` so that no tensor made before it is taken for a constant made in it: as tfjs hands values over at
 * their first use, the binding could not tell the two apart.
 */
function refusingForeignValues<Result>(backend: TensorFlowBackend, body: () => Result): Result {
  const write = backend.write.bind(backend);
  const inputTensorIds = backend.getInputTensorIds.bind(backend);
  const madeInside = new WeakSet<object>();
  Object.assign(backend, {
    write: (...values: Parameters<typeof write>): object => {
      const dataId = write(...values);
      madeInside.add(dataId);
      return dataId;
    },
    getInputTensorIds: (tensors: Parameters<typeof inputTensorIds>[0]): number[] => {
      const isForeign = tensors.some(
        ({ dataId }) => dataId && !madeInside.has(dataId) && hasOwnValues(backend, dataId),
      );
      if (isForeign)
        throw new Error("the step uses a tensor made before it that is not among its arguments");
      return inputTensorIds(tensors);
    },
  });
  try {
    return body();
  } finally {
    // The class's own methods show again.
    Reflect.deleteProperty(backend, "write");
    Reflect.deleteProperty(backend, "getInputTensorIds");
  }
}

function hasOwnValues(backend: TensorFlowBackend, dataId: object): boolean {
  const { values } = backend.tensorMap.get(dataId);
  return values !== null && values !== undefined;
}

function passThrough(backend: TensorFlowBackend, tensors: readonly tf.Tensor[]): void {
  for (const tensor of tensors) {
    const type = tensor.dtype === "int32" ? backend.binding.TF_INT32 : backend.binding.TF_FLOAT;
    const attributes = [{ name: "T", type: backend.binding.TF_ATTR_TYPE, value: type }];
    backend.executeSingleOutput("Identity", attributes, [tensor]).dispose();
  }
}
