import * as tf from "@tensorflow/tfjs-core";
import { ConfigError, NumericError } from "../../core/errors.ts";
import {
  tensorFlowBackend,
  typeNumberOf,
  type OperationAttribute,
  type TensorFlowBackend,
} from "../backend.ts";
import { largestDifference } from "./agreement.ts";
import { captureStep } from "./capture.ts";
import {
  DEFAULT_TOLERANCE,
  type CompileOptions,
  type Execution,
  type Step,
  type TraceReport,
} from "./options.ts";
import { tracing } from "./tracing.ts";

/** How many shape signatures of one step are kept compiled; the oldest is forgotten first. */
const MAX_TRACES = 16;

interface Trace {
  readonly functionName: string;
  readonly numOutputs: number;
  readonly attributes: readonly OperationAttribute[];
}

let functionCount = 0;

/**
 * Makes a step one TensorFlow function. For each new signature of input shapes the step runs once
 * operation by operation while the binding captures it; what `run` gives is always the function's result, so that
 * a run which is stopped and resumed has the same digits as one that is not. The two are compared once
 * for each trace: NumericError when they lie further apart than the tolerance.
 */
export function compile(step: Step, options: CompileOptions = {}): CompiledStep {
  return new CompiledStep(step, options);
}

/** A step and its traces; made by `compile`. */
export class CompiledStep implements Disposable {
  readonly #step: Step;
  readonly #options: Required<Omit<CompileOptions, "onTrace">> & Pick<CompileOptions, "onTrace">;
  readonly #traces = new Map<string, Trace>();
  #numTraces = 0;

  constructor(step: Step, options: CompileOptions) {
    const precision = options.precision ?? "fp32";
    this.#step = step;
    this.#options = {
      name: "step",
      execution: "captured",
      tolerance: DEFAULT_TOLERANCE[precision],
      ...options,
      precision,
    };
  }

  /** Inputs stay the caller's; outputs are the caller's to dispose. */
  run(inputs: readonly tf.Tensor[]): tf.Tensor[] {
    const backend = tensorFlowBackend();
    if (this.#options.execution === "eager") return this.#runEagerly(backend, inputs);
    const signature = signatureOf(backend, inputs);
    const trace = this.#traces.get(signature);
    return trace === undefined
      ? this.#runFirst(backend, signature, inputs)
      : execute(backend, trace, inputs);
  }

  [Symbol.dispose](): void {
    for (const { functionName } of this.#traces.values()) {
      tensorFlowBackend().binding.removeFunction(functionName);
    }
    this.#traces.clear();
  }

  #runEagerly(backend: TensorFlowBackend, inputs: readonly tf.Tensor[]): tf.Tensor[] {
    const { precision } = this.#options;
    const tracingOptions = { precision, isCaptured: false, isForXla: false };
    return tf.tidy(() => {
      const outputs = tracing(backend, tracingOptions, () => this.#step(inputs));
      return outputs.map((output) => (inputs.includes(output) ? output.clone() : output));
    });
  }

  #runFirst(
    backend: TensorFlowBackend,
    signature: string,
    inputs: readonly tf.Tensor[],
  ): tf.Tensor[] {
    this.#forgetOldest(backend);
    const { execution, name: step, precision } = this.#options;
    functionCount += 1;
    const functionName = `crossweave_step_${functionCount}`;
    const startMs = performance.now();
    const captured = captureStep(backend, {
      functionName,
      inputs,
      step: this.#step,
      precision,
      isForXla: asksForXla(execution),
    });
    const capturedMs = performance.now();
    const { eagerOutputs: expected, numOperations } = captured;
    try {
      const made = { functionName, numOutputs: expected.length };
      const run = this.#executeFirst(backend, { made, inputs, expected });
      this.#numTraces += 1;
      this.#traces.set(signature, run.trace);
      this.#options.onTrace?.({
        step,
        trace: this.#numTraces,
        signature,
        numOperations,
        executedBy: run.trace.attributes.length === 0 ? "captured" : "xla",
        fallback: run.fallback,
        captureMs: capturedMs - startMs,
        firstRunMs: performance.now() - capturedMs,
        difference: run.difference,
        tolerance: this.#options.tolerance,
        numForgotten: this.#numTraces - this.#traces.size,
      });
      return run.outputs;
    } catch (error) {
      backend.binding.removeFunction(functionName);
      throw error;
    } finally {
      tf.dispose([...expected]);
    }
  }

  /** By XLA where it is asked for and can; else, and unless XLA is required, as a captured function. */
  #executeFirst(backend: TensorFlowBackend, call: FirstCall): FirstRun {
    const { execution } = this.#options;
    const captured = { ...call.made, attributes: [] };
    if (!asksForXla(execution)) return this.#executeCompared(backend, captured, call);
    const type = backend.binding.TF_ATTR_BOOL;
    const attributes = [{ name: "_XlaMustCompile", type, value: true }];
    try {
      return this.#executeCompared(backend, { ...call.made, attributes }, call);
    } catch (error) {
      const fallback = firstLine(error);
      if (execution === "xla") {
        return { ...this.#executeCompared(backend, captured, call), fallback };
      }
      throw new ConfigError(`XLA cannot compile ${this.#options.name}: ${fallback}`, {
        remedy: "choose execution xla, which goes on without it, or captured",
        cause: error,
      });
    }
  }

  /** Throws, after disposing of the results, when they are not what the operations one by one have given. */
  #executeCompared(
    backend: TensorFlowBackend,
    trace: Trace,
    { expected, inputs }: FirstCall,
  ): FirstRun {
    const outputs = execute(backend, trace, inputs);
    const found = largestDifference(expected, outputs);
    const { name, tolerance } = this.#options;
    if (found === undefined || found.difference <= tolerance) {
      return { outputs, trace, fallback: undefined, difference: found?.difference };
    }
    tf.dispose([...outputs]);
    throw new NumericError(
      `${name}, compiled, differs from its operations one by one: result ${found.place} by ${found.difference.toExponential(1)} of its largest magnitude, allowed ${tolerance}`,
      { remedy: "run it without compiling it (--eager), and report this" },
    );
  }

  #forgetOldest(backend: TensorFlowBackend): void {
    const [oldest] = this.#traces;
    if (oldest === undefined || this.#traces.size < MAX_TRACES) return;
    backend.binding.removeFunction(oldest[1].functionName);
    this.#traces.delete(oldest[0]);
  }
}

interface FirstCall {
  readonly made: Pick<Trace, "functionName" | "numOutputs">;
  readonly inputs: readonly tf.Tensor[];
  /** What the operations one by one have given. */
  readonly expected: readonly tf.Tensor[];
}

interface FirstRun extends Pick<TraceReport, "fallback" | "difference"> {
  readonly trace: Trace;
  readonly outputs: tf.Tensor[];
}

function execute(
  backend: TensorFlowBackend,
  trace: Trace,
  inputs: readonly tf.Tensor[],
): tf.Tensor[] {
  const { attributes, functionName, numOutputs } = trace;
  return backend.executeMultipleOutputs(functionName, attributes, inputs, numOutputs);
}

function asksForXla(execution: Execution): boolean {
  return execution === "xla" || execution === "xla-required";
}

function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.split("\n")[0] ?? text;
}

/** Shapes and types of the inputs, and which of them are one and the same value: a capture cannot tell those apart. */
function signatureOf(backend: TensorFlowBackend, inputs: readonly tf.Tensor[]): string {
  const firstPlace = new Map<object, number>();
  return inputs
    .map((input, place) => {
      const { dataId, shape } = input;
      if (!firstPlace.has(dataId)) firstPlace.set(dataId, place);
      const first = firstPlace.get(dataId);
      const type = typeName(backend, input);
      return `${type}[${shape.join()}]${first === place ? "" : `=${first}`}`;
    })
    .join(" ");
}

function typeName(backend: TensorFlowBackend, tensor: tf.Tensor): string {
  return typeNumberOf(backend, tensor) === backend.binding.TF_UINT8 ? "uint8" : tensor.dtype;
}
