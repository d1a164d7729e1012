import type { TensorFlowBackend } from "../backend.ts";
import { withoutOwnKernels } from "../fused/own-kernels.ts";
import type { Precision } from "./options.ts";
import { executeInBfloat16, isMatrixOperation } from "./bfloat16.ts";

/** Operations of TensorFlow's that draw from a state of their own: inside a step a run could not be resumed exactly. */
const STATEFUL_RANDOM_OPERATIONS: ReadonlySet<string> = new Set([
  "Multinomial",
  "ParameterizedTruncatedNormal",
  "RandomGamma",
  "RandomPoisson",
  "RandomPoissonV2",
  "RandomShuffle",
  "RandomStandardNormal",
  "RandomUniform",
  "RandomUniformInt",
  "StatefulStandardNormalV2",
  "StatefulTruncatedNormal",
  "StatefulUniform",
  "StatefulUniformFullInt",
  "StatefulUniformInt",
  "TruncatedNormal",
]);

const STATELESS = "draw by stateless operations from a key among the step's inputs";

export interface TracingOptions {
  readonly precision: Precision;
  /** Whether tensors from outside are refused; a step that is not captured may be given anything. */
  readonly isCaptured: boolean;
  /** Whether XLA is to compile the step, which knows no operations but TensorFlow's. */
  readonly isForXla: boolean;
}

/** Runs the body of a step: products in the given precision, no random draws but stateless ones, nothing from outside. */
export function tracing<Result>(
  backend: TensorFlowBackend,
  options: TracingOptions,
  body: () => Result,
): Result {
  const watched = watchedMethods(backend, options);
  // tfjs's own random tensors (tf.dropout's, too) take their seed from here: they would be constants of the step.
  const { random } = Math;
  Object.assign(backend, watched);
  Math.random = () => {
    throw new Error(
      `the step draws by Math.random (tf.dropout, tf.randomUniform, …), and every run would repeat the draw; ${STATELESS}`,
    );
  };
  try {
    return options.isForXla ? withoutOwnKernels(body) : body();
  } finally {
    Math.random = random;
    // The class's own methods show again.
    for (const name of Object.keys(watched)) Reflect.deleteProperty(backend, name);
  }
}

type Watched = Partial<
  Pick<
    TensorFlowBackend,
    "write" | "getInputTensorIds" | "executeSingleOutput" | "executeMultipleOutputs"
  >
>;

function watchedMethods(backend: TensorFlowBackend, options: TracingOptions): Watched {
  const single = backend.executeSingleOutput.bind(backend);
  const multiple = backend.executeMultipleOutputs.bind(backend);
  return {
    ...(options.isCaptured ? refusingForeignValues(backend) : {}),
    executeSingleOutput: (operation, attributes, inputs) => {
      refuseStatefulDraw(operation);
      if (options.precision === "bf16" && isMatrixOperation(operation)) {
        return executeInBfloat16(backend, { operation, attributes, inputs });
      }
      return single(operation, attributes, inputs);
    },
    executeMultipleOutputs: (...request) => {
      refuseStatefulDraw(request[0]);
      return multiple(...request);
    },
  };
}

function refuseStatefulDraw(operation: string): void {
  if (STATEFUL_RANDOM_OPERATIONS.has(operation)) {
    throw new Error(`the step draws by ${operation}, whose state no run can restore; ${STATELESS}`);
  }
}

/**
 * Methods by which no tensor made before the step is taken for a constant made in it: as tfjs hands values over at
 * their first use, the binding could not tell the two apart.
 */
function refusingForeignValues(
  backend: TensorFlowBackend,
): Pick<Watched, "write" | "getInputTensorIds"> {
  const write = backend.write.bind(backend);
  const inputTensorIds = backend.getInputTensorIds.bind(backend);
  const madeInside = new WeakSet<object>();
  return {
    write: (...values) => {
      const dataId = write(...values);
      madeInside.add(dataId);
      return dataId;
    },
    getInputTensorIds: (tensors) => {
      const isForeign = tensors.some(
        ({ dataId }) => dataId && !madeInside.has(dataId) && hasOwnValues(backend, dataId),
      );
      if (isForeign)
        throw new Error("the step uses a tensor made before it that is not among its arguments");
      return inputTensorIds(tensors);
    },
  };
}

function hasOwnValues(backend: TensorFlowBackend, dataId: object): boolean {
  const { values } = backend.tensorMap.get(dataId);
  return values !== null && values !== undefined;
}
