import * as tf from "@tensorflow/tfjs-core";
import { vector } from "../../models/ranks.ts";
import type { WeightSpec } from "../../models/weights.ts";
import { compile, type CompiledStep } from "../../tensor/compiled/compiled-step.ts";
import type { CompileOptions, Execution } from "../../tensor/compiled/options.ts";
import { adamWStep, stepScalars, type AdamWState, type AdamWUpdate } from "./adamw.ts";
import { perWeight, type FlatLayout } from "../step/flat-weights.ts";
import type { RecipeOptimisation } from "../recipes/recipe-base.ts";
import { splitStep } from "./split-optimizer.ts";

/**
 * Twenty operations that each pass over all weights: XLA makes one pass of them, in a third of the time, but compiles
 * for a second. With as many weights that has paid off after some hundred steps.
 */
const NUM_WEIGHTS_FOR_XLA = 1_000_000;

export interface UpdateSettings {
  readonly layout: FlatLayout;
  readonly optimisation: RecipeOptimisation;
  /** Whether a weight is the picture encoder's: it may have another rate and optimizer, and be frozen at first. */
  readonly isVisual: (spec: WeightSpec) => boolean;
  readonly decays: (spec: WeightSpec) => boolean;
  readonly compilation: CompileOptions & { readonly execution: Execution };
}

export interface UpdateRequest {
  readonly state: AdamWState;
  readonly gradient: tf.Tensor;
  /** Counted from 1. */
  readonly step: number;
  readonly rateFactor: number;
  /** Whether the picture encoder keeps its weights in this step; not when left out. */
  readonly freezesVisual?: boolean;
}

/** The optimizer over all weights as one compiled function. */
export class WeightUpdate implements Disposable {
  readonly #optimisation: RecipeOptimisation;
  /** Rates, decay and, where picture encoders are treated apart, which weights are theirs; each [W]. */
  readonly #constants: readonly tf.Tensor1D[];
  readonly #compiled: CompiledStep;

  constructor({ compilation, decays, isVisual, layout, optimisation }: UpdateSettings) {
    const { transformerLearningRate, visualLearningRate } = optimisation;
    this.#optimisation = optimisation;
    this.#constants = [
      perWeight(layout, (spec) => {
        const rate = isVisual(spec) ? visualLearningRate : transformerLearningRate;
        return rate * rateFactorOf(spec, optimisation);
      }),
      perWeight(layout, (spec) => (decays(spec) ? 1 : 0)),
      ...(treatsVisualApart(optimisation)
        ? [perWeight(layout, (spec) => (isVisual(spec) ? 1 : 0))]
        : []),
    ];
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
    const { freezesVisual = false, gradient, rateFactor, state, step } = request;
    const scalars = tf.tensor1d(stepScalars(step, rateFactor, this.#optimisation));
    const visualTrains = tf.tensor1d([freezesVisual ? 0 : 1]);
    const outputs = this.#compiled.run([
      state.weights,
      state.firstMoment,
      state.secondMoment,
      gradient,
      scalars,
      visualTrains,
      ...this.#constants,
    ]);
    tf.dispose([scalars, visualTrains]);
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
    tf.dispose([...this.#constants]);
  }
}

function rateFactorOf({ name }: WeightSpec, { rateFactors }: RecipeOptimisation): number {
  return rateFactors.find(({ weights }) => name.startsWith(weights))?.factor ?? 1;
}

function treatsVisualApart({ frozenVisualEpochs, visualSgd }: RecipeOptimisation): boolean {
  return visualSgd !== null || frozenVisualEpochs > 0;
}

/** From weights, moments, a gradient, scalars and the weights' constants to weights, moments and the gradient's norm [1]. */
function updateOf(inputs: readonly tf.Tensor[], optimisation: RecipeOptimisation): tf.Tensor[] {
  const [weights, firstMoment, secondMoment, gradient, scalars, visualTrains, ...constants] =
    inputs.map(vector);
  const [learningRates, decayed, isVisual] = constants;
  if (!weights || !firstMoment || !secondMoment || !gradient || !scalars || !visualTrains) {
    throw new RangeError("an update takes six vectors");
  }
  if (!learningRates || !decayed) throw new RangeError("an update takes rates and decay");
  const state = { weights, firstMoment, secondMoment };
  const update = { state, gradient, scalars, learningRates, decayed };
  const { gradientNorm, state: next } =
    isVisual === undefined
      ? adamWStep(update, optimisation)
      : apartStep({ ...update, isVisual, visualTrains }, optimisation);
  return [next.weights, next.firstMoment, next.secondMoment, tf.reshape(gradientNorm, [1])];
}

interface ApartUpdate extends AdamWUpdate {
  readonly isVisual: tf.Tensor1D;
  /** 0 while the picture encoder is frozen, [1]. */
  readonly visualTrains: tf.Tensor1D;
}

function apartStep(
  update: ApartUpdate,
  optimisation: RecipeOptimisation,
): ReturnType<typeof adamWStep> {
  const { isVisual, visualTrains } = update;
  const { visualSgd } = optimisation;
  const trains: tf.Tensor1D = tf.maximum(tf.sub(1, isVisual), visualTrains);
  const descends = visualSgd === null ? tf.zerosLike(isVisual) : isVisual;
  const sgd = visualSgd ?? { momentum: 0, weightDecay: 0 };
  return splitStep({ ...update, descends, trains }, { adamW: optimisation, sgd });
}
