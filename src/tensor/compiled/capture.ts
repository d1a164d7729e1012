import type * as tf from "@tensorflow/tfjs-core";
import { tidy } from "@tensorflow/tfjs-core";
import { typeNumberOf, type TensorFlowBackend } from "../backend.ts";
import type { Precision, Step } from "./options.ts";
import { tracing } from "./tracing.ts";

export interface CaptureRequest {
  readonly functionName: string;
  readonly inputs: readonly tf.Tensor[];
  readonly step: Step;
  readonly precision: Precision;
  /** Whether XLA is to compile the function. */
  readonly isForXla: boolean;
  /** Is called when everything is captured and nothing is finished. */
  readonly whenCaptured?: () => void;
}

/** A function of TensorFlow's, and what the step gave when it ran operation by operation; the tensors are the caller's. */
export interface Captured {
  readonly numOperations: number;
  readonly eagerOutputs: readonly tf.Tensor[];
}

/** Runs a step once while its operations are captured, and makes them a function. */
export function captureStep(backend: TensorFlowBackend, request: CaptureRequest): Captured {
  const { binding } = backend;
  // tfjs hands a tensor's values to TensorFlow when it is first used; the inputs must be there before.
  passThrough(backend, request.inputs);
  let eagerOutputs: tf.Tensor[] = [];
  try {
    binding.setCaptureMode(1);
    passThrough(backend, request.inputs);
    binding.setCaptureMode(2);
    const { isForXla, precision } = request;
    tracing(backend, { precision, isCaptured: true, isForXla }, () => {
      const outputs = tidy(() => request.step(request.inputs));
      eagerOutputs = outputs.filter((output) => !request.inputs.includes(output));
      binding.setCaptureMode(3);
      passThrough(backend, outputs);
      eagerOutputs = outputs.map((output) =>
        request.inputs.includes(output) ? output.clone() : output,
      );
    });
    request.whenCaptured?.();
    return { numOperations: binding.finishCapture(request.functionName), eagerOutputs };
  } catch (error) {
    binding.setCaptureMode(0);
    for (const output of eagerOutputs) output.dispose();
    throw error;
  }
}

function passThrough(backend: TensorFlowBackend, tensors: readonly tf.Tensor[]): void {
  for (const tensor of tensors) {
    const { TF_ATTR_TYPE } = backend.binding;
    const attributes = [{ name: "T", type: TF_ATTR_TYPE, value: typeNumberOf(backend, tensor) }];
    backend.executeSingleOutput("Identity", attributes, [tensor]).dispose();
  }
}
