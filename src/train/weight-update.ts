import * as tf from "@tensorflow/tfjs-core";
import { vector } from "../models/ranks.ts";
import type { WeightSpec } from "../models/weights.ts";
import { compile, type CompiledStep } from "../tensor/compiled/compiled-step.ts";
import type { CompileOptions, Execution } from "../tensor/compiled/options.ts";
import { adamWStep, stepScalars, type AdamWOptions, type AdamWState } from "./adamw.ts";
import { perWeight, type FlatLayout } from "./flat-weights.ts";

/**
 * Twenty operations that each pass over all weights: XLA makes one pass of them, in a third of the time, but compiles
 * for a second. With as many weights that has paid off after some hundred steps.
 */
const NUM_WEIGHTS_FOR_XLA = 1_000_000;

export interface UpdateSettings {
  readonly layout: FlatLayout;
  readonly optimisation: AdamWOptions;
  /** Before the schedule's factor. */
  readonly learningRateOf: (spec: WeightSpec) => number;
  readonly compilation: CompileOptions & { readonly execution: Execution };
}

export interface UpdateRequest {
  readonly state: AdamWState;
  readonly gradient: tf.Tensor;
  /** Counted from 1. */
  readonly step: number;
  readonly rateFactor: number;
}

/** AdamW over all weights as one compiled function. */
export class WeightUpdate implements Disposable {
  readonly #optimisation: AdamWOptions;
  readonly #learningRates: tf.Tensor1D;
  readonly #decayed: tf.Tensor1D;
  readonly #compiled: CompiledStep;

  constructor({ compilation, layout, learningRateOf, optimisation }: UpdateSettings) {
    this.#optimisation = optimisation;
    this.#learningRates = perWeight(layout, learningRateOf);
    this.#decayed = perWeight(layout, (spec) => (decays(spec) ? 1 : 0));
    this.#compiled = compile((inputs) => updateOf(inputs, optimisation), {
      ...compilation,
      execution:
        compilation.execution === "captured" && layout.length >= NUM_WEIGHTS_FOR_XLA
          ? "xla"
          : compilation.execution,
    });
  }

  /** The new state, and the gradient's norm [1]; the old state and the gradient stay the caller's to dispose. */
  run(request: UpdateRequest): { readonly state: AdamWState; readonly gradientNorm: tf.Tensor } {
    const { gradient, rateFactor, state, step } = request;
    const scalars = tf.tensor1d(stepScalars(step, rateFactor, this.#optimisation));
    const outputs = this.#compiled.run([
      state.weights,
      state.firstMoment,
      state.secondMoment,
      this.#learningRates,
      this.#decayed,
      scalars,
      gradient,
    ]);
    scalars.dispose();
    const [weights, firstMoment, secondMoment, gradientNorm] = outputs;
    if (!weights || !firstMoment || !secondMoment || !gradientNorm) {
      throw new RangeError("an update gives four tensors");
    }
    return {
      state: {
        weights: vector(weights),
        firstMoment: vector(firstMoment),
        secondMoment: vector(secondMoment),
      },
      gradientNorm,
    };
  }

  [Symbol.dispose](): void {
    this.#compiled[Symbol.dispose]();
    tf.dispose([this.#learningRates, this.#decayed]);
  }
}

/** From weights, moments, rates, decay, scalars and a gradient to weights, moments and the gradient's norm [1]. */
function updateOf(inputs: readonly tf.Tensor[], optimisation: AdamWOptions): tf.Tensor[] {
  const [weights, firstMoment, secondMoment, learningRates, decayed, scalars, gradient] =
    inputs.map(vector);
  if (
    !weights ||
    !firstMoment ||
    !secondMoment ||
    !learningRates ||
    !decayed ||
    !scalars ||
    !gradient
  ) {
    throw new RangeError("an update takes seven vectors");
  }
  const { state, gradientNorm } = adamWStep(
    { state: { weights, firstMoment, secondMoment }, gradient, scalars, learningRates, decayed },
    optimisation,
  );
  return [state.weights, state.firstMoment, state.secondMoment, tf.reshape(gradientNorm, [1])];
}

/** Biases, norms and bias tables don't decay (BERT; Swin). */
function decays({ name, shape }: WeightSpec): boolean {
  return shape.length > 1 && !name.endsWith("relative_position_bias_table");
}
