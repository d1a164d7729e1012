import * as tf from "@tensorflow/tfjs-core";
import { noDropout, type Dropout } from "../models/dropout.ts";
import { matrix, tensor4, vector } from "../models/ranks.ts";
import { initialiseWeights } from "../models/weights.ts";
import {
  VISUAL_PREFIX,
  visualParsingSpecs,
  type VisualParsingConfig,
} from "../models/visual-parsing/visual-parsing.ts";
import { type CompiledStep, compile } from "../tensor/compiled/compiled-step.ts";
import type { Step, TraceReport } from "../tensor/compiled/options.ts";
import { type Cluster, soloCluster } from "../tensor/cluster/cluster.ts";
import { statelessUniformRows } from "../tensor/stateless-random.ts";
import type { AdamWState } from "./adamw.ts";
import { flatLayout, flatten, unflatten, type FlatLayout } from "./flat-weights.ts";
import type { TrainingRecipe } from "./recipe.ts";
import { pretrainingLosses, type StepBatch } from "./step.ts";
import { WeightUpdate } from "./weight-update.ts";

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
  /** Where the batch's first pair stands in the global batch; 0 when left out. */
  readonly firstPair?: number;
}

export interface ProgramOptions {
  /** One process alone when left out. */
  readonly cluster?: Cluster;
  readonly onTrace?: (report: TraceReport) => void;
}

/**
 * The training step of a recipe as two compiled functions: from weights and a batch to the gradient and the losses,
 * and from weights, moments and a gradient to new ones. Between the two the gradient is summed over the ranks, which need
 * not meet the same shapes at the same step.
 */
export class StepProgram implements Disposable {
  readonly layout: FlatLayout;
  /** From `gradientInputs` to the gradient [W] and the losses [5] of one rank. */
  readonly gradientStep: Step;
  readonly #recipe: TrainingRecipe;
  readonly #cluster: Cluster;
  readonly #gradient: CompiledStep;
  readonly #update: WeightUpdate;

  constructor(recipe: TrainingRecipe, model: VisualParsingConfig, options: ProgramOptions = {}) {
    const { visualLearningRate, transformerLearningRate } = recipe.optimisation;
    this.#recipe = recipe;
    this.#cluster = options.cluster ?? soloCluster;
    this.layout = flatLayout(visualParsingSpecs(model));
    const { layout } = this;
    const { execution, precision } = recipe;
    const { onTrace = () => {} } = options;
    const compilation = { execution, precision, onTrace };
    this.gradientStep = (inputs) => gradientOf(inputs, { recipe, model, layout });
    this.#gradient = compile(this.gradientStep, { ...compilation, name: "gradient" });
    this.#update = new WeightUpdate({
      layout,
      optimisation: recipe.optimisation,
      learningRateOf: ({ name }) =>
        name.startsWith(VISUAL_PREFIX) ? visualLearningRate : transformerLearningRate,
      compilation: { ...compilation, name: "update" },
    });
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

  /** One step of all ranks; the old state and the batch stay the caller's to dispose, as does the new state. */
  async run(request: StepRequest): Promise<{
    readonly state: AdamWState;
    readonly reading: StepReading;
    /** From the summed gradient to the new state. */
    readonly updateMs: number;
  }> {
    const { losses, gradient } = await this.#summedGradient(request);
    const startMs = performance.now();
    const { rateFactor, state: old, step } = request;
    const { gradientNorm, state } = this.#update.run({ state: old, gradient, step, rateFactor });
    const reading = readingOf([...losses.dataSync(), ...gradientNorm.dataSync()]);
    tf.dispose([gradient, losses, gradientNorm]);
    return { state, reading, updateMs: performance.now() - startMs };
  }

  /** What `gradientStep` takes: a random key, which is the caller's to dispose, weights and a batch. */
  gradientInputs({ batch, firstPair = 0, state, step }: StepRequest): tf.Tensor[] {
    const randomKey = tf.tensor1d(Int32Array.of(this.#recipe.seed, step, firstPair), "int32");
    return [randomKey, state.weights, ...batchInputs(batch)];
  }

  /** Gradient and losses of the global batch. */
  async #summedGradient(
    request: StepRequest,
  ): Promise<{ readonly gradient: tf.Tensor; readonly losses: tf.Tensor }> {
    const inputs = this.gradientInputs(request);
    const parts = this.#gradient.run(inputs);
    inputs[0]?.dispose();
    const [ownGradient, ownLosses] = parts;
    if (!ownGradient || !ownLosses) throw new RangeError("a gradient comes with its losses");
    try {
      const gradient = await this.#cluster.allReduceSum(ownGradient);
      const losses = await this.#cluster.allReduceSum(ownLosses);
      return { gradient, losses };
    } finally {
      tf.dispose(parts);
    }
  }

  [Symbol.dispose](): void {
    this.#gradient[Symbol.dispose]();
    this.#update[Symbol.dispose]();
  }
}

interface StepContext {
  readonly recipe: TrainingRecipe;
  readonly model: VisualParsingConfig;
  readonly layout: FlatLayout;
}

/** From random key, weights and a batch to the gradient [W] and the losses [5]. */
function gradientOf(inputs: readonly tf.Tensor[], context: StepContext): tf.Tensor[] {
  const { recipe, model, layout } = context;
  const [randomKey, weights, ...batchTensors] = inputs;
  if (!weights || !randomKey) throw new RangeError("a step takes weights and a random key");
  const batch = batchOfInputs(batchTensors);
  const dropout = keyedDropout(recipe.model.transformer.dropout, {
    randomKey: vector(randomKey),
    numPairs: batch.matched.size,
  });
  const losses: tf.Tensor[] = [];
  const { grad } = tf.valueAndGrad((flat: tf.Tensor) => {
    const options = { model, objectives: recipe.objectives, dropout };
    const { total, mlm, itm, mfr, itmAccuracy } = pretrainingLosses(
      unflatten(layout, vector(flat)),
      batch,
      options,
    );
    losses.push(tf.keep(tf.stack([total, mlm, itm, mfr, itmAccuracy])));
    return total;
  })(weights);
  return [grad, ...losses];
}

interface DropoutKey {
  /** Seed, step, place of the first pair in the global batch. */
  readonly randomKey: tf.Tensor1D;
  readonly numPairs: number;
}

/** Dropout whose draws are a pure function of (seed, step, place in the model, pair of the global batch). */
function keyedDropout(rate: number, { randomKey, numPairs }: DropoutKey): Dropout {
  if (rate === 0) return noDropout;
  const [seedAndStep, firstRow] = [tf.slice(randomKey, 0, 2), tf.slice(randomKey, 2, 1)];
  let place = 0;
  return (x) => {
    place += 1;
    const key = tf.add(seedAndStep, tf.tensor1d([place * 65_537, 0], "int32"));
    const rows = { key: vector(key), firstRow, numRows: numPairs, rowLength: x.size / numPairs };
    const kept = tf.greaterEqual(tf.reshape(statelessUniformRows(rows), x.shape), rate);
    return tf.mul(x, tf.mul(tf.cast(kept, "float32"), 1 / (1 - rate)));
  };
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
    batch.shares,
  ];
}

/** The batch whose ten tensors `inputs` are, in the order of StepBatch; RangeError when there are fewer. */
export function batchOfInputs(inputs: readonly tf.Tensor[]): StepBatch {
  const at = (index: number): tf.Tensor => {
    const input = inputs[index];
    if (input === undefined) throw new RangeError("a batch is ten tensors");
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
    shares: vector(at(9)),
  };
}

function readingOf(values: readonly number[]): StepReading {
  const [loss = 0, mlm = 0, itm = 0, mfr = 0, itmAccuracy = 0, gradientNorm = 0] = values;
  return { loss, mlm, itm, mfr, itmAccuracy, gradientNorm };
}
