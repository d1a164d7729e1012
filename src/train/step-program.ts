import * as tf from "@tensorflow/tfjs-core";
import { noDropout, type Dropout } from "../models/bert.ts";
import { matrix, tensor4, vector } from "../models/ranks.ts";
import { initialiseWeights, type WeightSpec } from "../models/weights.ts";
import {
  VISUAL_PREFIX,
  visualParsingSpecs,
  type VisualParsingConfig,
} from "../models/visual-parsing.ts";
import { CompiledStep } from "../tensor/compiled-step.ts";
import { statelessUniform } from "../tensor/stateless-random.ts";
import { adamWStep, stepScalars, type AdamWState } from "./adamw.ts";
import { flatLayout, flatten, perWeight, unflatten, type FlatLayout } from "./flat-weights.ts";
import type { TrainingRecipe } from "./recipe.ts";
import { pretrainingLosses, type StepBatch } from "./step.ts";

/** Weights, two moments, learning rates, decay, the step's scalars and its random key. */
const NUM_STATE_INPUTS = 7;

/** The losses of one step, read back. */
export interface StepReading {
  readonly loss: number;
  readonly mlm: number;
  readonly itm: number;
  readonly mfr: number;
  readonly itmAccuracy: number;
  readonly gradientNorm: number;
}

export interface StepRequest {
  readonly state: AdamWState;
  readonly batch: StepBatch;
  /** Counted from 1. */
  readonly step: number;
  readonly rateFactor: number;
}

/** The training step of a recipe as one compiled function: weights, moments and a batch in; weights, moments and losses out. */
export class StepProgram implements Disposable {
  readonly layout: FlatLayout;
  readonly #recipe: TrainingRecipe;
  readonly #learningRates: tf.Tensor1D;
  readonly #decayed: tf.Tensor1D;
  readonly #compiled: CompiledStep;

  constructor(recipe: TrainingRecipe, model: VisualParsingConfig) {
    const { visualLearningRate, transformerLearningRate } = recipe.optimisation;
    this.#recipe = recipe;
    this.layout = flatLayout(visualParsingSpecs(model));
    this.#learningRates = perWeight(this.layout, ({ name }) =>
      name.startsWith(VISUAL_PREFIX) ? visualLearningRate : transformerLearningRate,
    );
    this.#decayed = perWeight(this.layout, (spec) => (decays(spec) ? 1 : 0));
    const { layout } = this;
    this.#compiled = new CompiledStep((inputs) => stepOutputs(inputs, { recipe, model, layout }));
  }

  /** Fresh weights and zero moments. */
  initialState(): AdamWState {
    const zeros = new Float32Array(this.layout.length);
    const { seed, model } = this.#recipe;
    const scale = model.initialScale;
    return tf.tidy(() => ({
      weights: flatten(this.layout, initialiseWeights(this.layout.specs, { seed, scale })),
      firstMoment: tf.tensor1d(zeros),
      secondMoment: tf.tensor1d(zeros.slice()),
    }));
  }

  /** One step; the old state and the batch stay the caller's to dispose, as does the new state. */
  run(request: StepRequest): { readonly state: AdamWState; readonly reading: StepReading } {
    const { state, batch, step } = request;
    const scalars = tf.tensor1d(stepScalars(step, request.rateFactor, this.#recipe.optimisation));
    const randomKey = tf.tensor1d(Int32Array.of(this.#recipe.seed, step), "int32");
    const outputs = this.#compiled.run([
      state.weights,
      state.firstMoment,
      state.secondMoment,
      this.#learningRates,
      this.#decayed,
      scalars,
      randomKey,
      ...batchInputs(batch),
    ]);
    tf.dispose([scalars, randomKey]);
    const [weights, firstMoment, secondMoment, readings] = outputs;
    if (!weights || !firstMoment || !secondMoment || !readings) {
      throw new RangeError("the step gives four tensors");
    }
    const reading = readingOf(readings.dataSync());
    readings.dispose();
    return {
      state: {
        weights: vector(weights),
        firstMoment: vector(firstMoment),
        secondMoment: vector(secondMoment),
      },
      reading,
    };
  }

  [Symbol.dispose](): void {
    this.#compiled[Symbol.dispose]();
    tf.dispose([this.#learningRates, this.#decayed]);
  }
}

interface StepContext {
  readonly recipe: TrainingRecipe;
  readonly model: VisualParsingConfig;
  readonly layout: FlatLayout;
}

function stepOutputs(inputs: readonly tf.Tensor[], context: StepContext): tf.Tensor[] {
  const { recipe, model, layout } = context;
  const [weights, firstMoment, secondMoment, learningRates, decayed, scalars, randomKey] = inputs
    .slice(0, NUM_STATE_INPUTS)
    .map(vector);
  if (
    !weights ||
    !firstMoment ||
    !secondMoment ||
    !learningRates ||
    !decayed ||
    !scalars ||
    !randomKey
  ) {
    throw new RangeError("the step takes seven vectors and a batch");
  }
  const batch = batchOfInputs(inputs.slice(NUM_STATE_INPUTS));
  const dropout = keyedDropout(recipe.model.transformer.dropout, randomKey);
  const parts: tf.Tensor[] = [];
  const { grad } = tf.valueAndGrad((flat: tf.Tensor) => {
    const options = { model, objectives: recipe.objectives, dropout };
    const losses = pretrainingLosses(unflatten(layout, vector(flat)), batch, options);
    parts.push(
      tf.keep(tf.stack([losses.total, losses.mlm, losses.itm, losses.mfr, losses.itmAccuracy])),
    );
    return losses.total;
  })(weights);
  const { state, gradientNorm } = adamWStep(
    {
      state: { weights, firstMoment, secondMoment },
      gradient: vector(grad),
      scalars,
      learningRates,
      decayed,
    },
    recipe.optimisation,
  );
  const readings = tf.concat([...parts, tf.reshape(gradientNorm, [1])]);
  tf.dispose(parts);
  return [state.weights, state.firstMoment, state.secondMoment, readings];
}

/** Dropout whose draws are a pure function of (seed, step, place in the model). */
function keyedDropout(rate: number, randomKey: tf.Tensor1D): Dropout {
  if (rate === 0) return noDropout;
  let place = 0;
  return (x) => {
    place += 1;
    const seed = tf.add(randomKey, tf.tensor1d([place * 65_537, 0], "int32"));
    const kept = tf.greaterEqual(statelessUniform(x.shape, vector(seed)), rate);
    return tf.mul(x, tf.mul(tf.cast(kept, "float32"), 1 / (1 - rate)));
  };
}

/** Biases, norms and bias tables don't decay (BERT; Swin). */
function decays({ name, shape }: WeightSpec): boolean {
  return shape.length > 1 && !name.endsWith("relative_position_bias_table");
}

function batchInputs(batch: StepBatch): tf.Tensor[] {
  return [
    batch.pixels,
    batch.pictureOfPair,
    batch.tokenIds,
    batch.tokenMask,
    batch.matched,
    batch.maskedRows,
    batch.maskedLabels,
    batch.maskedWeights,
    batch.pivots,
  ];
}

function batchOfInputs(inputs: readonly tf.Tensor[]): StepBatch {
  const at = (index: number): tf.Tensor => {
    const input = inputs[index];
    if (input === undefined) throw new RangeError("a batch is nine tensors");
    return input;
  };
  return {
    pixels: tensor4(at(0)),
    pictureOfPair: vector(at(1)),
    tokenIds: matrix(at(2)),
    tokenMask: matrix(at(3)),
    matched: vector(at(4)),
    maskedRows: vector(at(5)),
    maskedLabels: vector(at(6)),
    maskedWeights: vector(at(7)),
    pivots: vector(at(8)),
  };
}

function readingOf(values: ArrayLike<number>): StepReading {
  const [loss = 0, mlm = 0, itm = 0, mfr = 0, itmAccuracy = 0, gradientNorm = 0] =
    Array.from(values);
  return { loss, mlm, itm, mfr, itmAccuracy, gradientNorm };
}
