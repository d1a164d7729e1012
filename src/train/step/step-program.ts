import * as tf from "@tensorflow/tfjs-core";
import { vector } from "../../models/ranks.ts";
import { initialiseWeights } from "../../models/weights.ts";
import { type CompiledStep, compile } from "../../tensor/compiled/compiled-step.ts";
import type {
  CompileOptions,
  Execution,
  Step,
  TraceReport,
} from "../../tensor/compiled/options.ts";
import { type Cluster, soloCluster } from "../../tensor/cluster/cluster.ts";
import { flatLayout, flatten, unflatten, type FlatLayout } from "./flat-weights.ts";
import { added, gradientOf, type OwnGradient } from "./gradient.ts";
import type { TrainingRecipe } from "../recipe.ts";
import { ONLY_VARIANT, type StepBatch, type System } from "../systems/system.ts";
import type { TrainingState } from "./training-state.ts";
import { WeightUpdate } from "../optimisation/weight-update.ts";

// W weights, U numbers of the buffers, R readings, T statistics

/** The losses of one step, read back. */
export interface StepReading {
  readonly loss: number;
  /** Before clipping. */
  readonly gradientNorm: number;
  /** What the system tells of the step by name: parts of the loss, accuracies. */
  readonly parts: Readonly<Record<string, number>>;
}

/** A batch, or a slice of one, and its place. */
export interface PlacedBatch {
  readonly batch: StepBatch;
  /** Where the batch's first pair stands in the global batch; 0 when left out. */
  readonly firstPair?: number;
}

interface StepPlace {
  readonly state: TrainingState;
  /** Counted from 1. */
  readonly step: number;
  readonly rateFactor: number;
  /** Whether the picture encoder keeps its weights in this step; not when left out. */
  readonly freezesVisual?: boolean;
}

export interface StepRequest extends StepPlace, PlacedBatch {}

export interface AccumulatedRequest extends StepPlace {
  /** At least one, all of one variant; taken one after the other, so that each can be disposed of before the next. */
  readonly batches: Iterable<PlacedBatch>;
  /** By what the sum of the gradients is multiplied; 1 when left out. */
  readonly gradientFactor?: number;
}

/** A step that was done. */
export interface StepOutcome {
  readonly state: TrainingState;
  readonly reading: StepReading;
  /** From the summed gradient to the new state. */
  readonly updateMs: number;
}

export interface ProgramOptions {
  /** One process alone when left out. */
  readonly cluster?: Cluster;
  readonly onTrace?: (report: TraceReport) => void;
}

type Compilation = CompileOptions & { readonly execution: Execution };

/**
 * The training step of a recipe as compiled functions: from weights and a batch to the gradient and the losses (one for
 * each variant of the system's losses), and from weights, moments and a gradient to new ones. Between the two the
 * gradient is summed over the ranks, which need not meet the same shapes at the same step.
 */
export class StepProgram implements Disposable {
  readonly system: System;
  readonly layout: FlatLayout;
  readonly bufferLayout: FlatLayout;
  readonly #recipe: TrainingRecipe;
  readonly #cluster: Cluster;
  readonly #compilation: Compilation;
  readonly #gradients = new Map<string, CompiledStep>();
  readonly #update: WeightUpdate;
  readonly #buffers: CompiledStep | undefined;
  readonly #average: CompiledStep | undefined;

  constructor(recipe: TrainingRecipe, system: System, options: ProgramOptions = {}) {
    const { execution, optimisation, precision } = recipe;
    const { onTrace = () => {} } = options;
    this.system = system;
    this.#recipe = recipe;
    this.#cluster = options.cluster ?? soloCluster;
    this.layout = flatLayout(system.model.specs);
    this.bufferLayout = flatLayout(system.model.buffers);
    this.#compilation = { execution, precision, onTrace };
    this.#update = new WeightUpdate({
      layout: this.layout,
      optimisation,
      isVisual: ({ name }) => name.startsWith(system.visualPrefix),
      decays: system.decays,
      compilation: { ...this.#compilation, name: "update" },
    });
    this.#buffers = this.#bufferStep();
    const { emaDecay } = optimisation;
    this.#average =
      emaDecay === null
        ? undefined
        : compile((inputs) => [averaged(inputs, emaDecay)], {
            ...this.#compilation,
            name: "average",
          });
  }

  /** What the system has to say of its buffers. */
  notices({ buffers }: TrainingState): readonly string[] {
    const { notices } = this.system;
    if (notices === undefined) return [];
    const said: string[] = [];
    tf.tidy(() => void said.push(...notices(unflatten(this.bufferLayout, buffers))));
    return said;
  }

  /** Fresh weights and buffers, zero moments. */
  initialState(): TrainingState {
    const { layout, bufferLayout } = this;
    const { seed, model } = this.#recipe;
    const start = { seed, scale: model.initialScale };
    return tf.tidy(() => {
      const weights = flatten(layout, initialiseWeights(layout.specs, start));
      return {
        weights,
        firstMoment: tf.zeros<tf.Rank.R1>([layout.length]),
        secondMoment: tf.zeros<tf.Rank.R1>([layout.length]),
        buffers: flatten(bufferLayout, initialiseWeights(bufferLayout.specs, start)),
        average: this.#average === undefined ? tf.zeros<tf.Rank.R1>([0]) : tf.clone(weights),
      };
    });
  }

  /** One step of all ranks; the old state and the batch stay the caller's to dispose, as does the new state. */
  async run({ batch, firstPair = 0, ...place }: StepRequest): Promise<StepOutcome> {
    return await this.runAccumulated({ ...place, batches: [{ batch, firstPair }] });
  }

  /**
   * One step of all ranks on the sum of its batches' gradients: that of the whole batch, whose slices they are, where their
   * shares are of the whole. Batch statistics of a CNN are those of each slice.
   */
  async runAccumulated(request: AccumulatedRequest): Promise<StepOutcome> {
    const { gradient, told, variant } = await this.#summedGradient(request);
    const startMs = performance.now();
    const { state: old } = request;
    const { gradientFactor = 1 } = request;
    const scaled = gradientFactor === 1 ? gradient : tf.mul(gradient, gradientFactor);
    const { gradientNorm, state } = this.#update.run({ ...request, gradient: scaled });
    if (scaled !== gradient) scaled.dispose();
    const names = this.system.readings(variant);
    const buffers = this.#nextBuffers(old.buffers, told, names.length);
    const numbers = tf.slice(told, 0, 1 + names.length);
    const reading = readingOf([...numbers.dataSync(), ...gradientNorm.dataSync()], names);
    tf.dispose([gradient, told, numbers, gradientNorm]);
    const average = this.#nextAverage(old.average, state.weights);
    const next = { ...state, buffers, average };
    return { state: next, reading, updateMs: performance.now() - startMs };
  }

  /** Whether the loss and the gradient of a batch alone, on this rank alone, are finite. */
  isFinite(request: StepRequest): boolean {
    const { gradient, told } = this.#gradientOf(request);
    const finite = tf.tidy(() => [told, gradient].map((values) => tf.all(tf.isFinite(values))));
    const answers = finite.map((answer) => answer.dataSync()[0] === 1);
    tf.dispose([gradient, told, ...finite]);
    return answers.every(Boolean);
  }

  /** From `gradientInputs` to the gradient [W] and what is told of the step, [1 + R + T], of one rank. */
  gradientStep(batch: StepBatch): Step {
    const context = {
      recipe: this.#recipe,
      system: this.system,
      layout: this.layout,
      bufferLayout: this.bufferLayout,
      variant: batch.variant,
      names: Object.keys(batch.tensors),
    };
    return (inputs) => gradientOf(inputs, context);
  }

  /** What `gradientStep` takes: a random key, which is the caller's to dispose, weights, buffers and a batch. */
  gradientInputs({ batch, firstPair = 0, state, step }: StepRequest): tf.Tensor[] {
    const randomKey = tf.tensor1d(Int32Array.of(this.#recipe.seed, step, firstPair), "int32");
    return [randomKey, state.weights, state.buffers, ...Object.values(batch.tensors)];
  }

  /** Gradient of the global batch, and what is told of it. */
  async #summedGradient({ batches, ...place }: AccumulatedRequest): Promise<{
    readonly gradient: tf.Tensor;
    readonly told: tf.Tensor;
    readonly variant: string;
  }> {
    let own: OwnGradient | undefined;
    for (const placed of batches) own = added(own, this.#gradientOf({ ...place, ...placed }));
    if (own === undefined) throw new RangeError("a step takes at least one batch");
    try {
      const gradient = await this.#cluster.allReduceSum(own.gradient);
      const told = await this.#cluster.allReduceSum(own.told);
      return { gradient, told, variant: own.variant };
    } finally {
      tf.dispose([own.gradient, own.told]);
    }
  }

  /** Of one batch of this rank. */
  #gradientOf(request: StepRequest): OwnGradient {
    const inputs = this.gradientInputs(request);
    const [gradient, told] = this.#compiledGradient(request.batch).run(inputs);
    inputs[0]?.dispose();
    if (!gradient || !told) throw new RangeError("a gradient comes with its losses");
    return { gradient, told, variant: request.batch.variant };
  }

  /** Each variant is a function of its own. */
  #compiledGradient(batch: StepBatch): CompiledStep {
    const known = this.#gradients.get(batch.variant);
    if (known !== undefined) return known;
    const name = batch.variant === ONLY_VARIANT ? "gradient" : `gradient of ${batch.variant}`;
    const compiled = compile(this.gradientStep(batch), { ...this.#compilation, name });
    this.#gradients.set(batch.variant, compiled);
    return compiled;
  }

  #bufferStep(): CompiledStep | undefined {
    const { bufferLayout } = this;
    const { nextBuffers } = this.system;
    if (nextBuffers === undefined) return undefined;
    return compile(
      ([buffers, statistics]) => {
        if (!buffers || !statistics) throw new RangeError("buffers change by statistics");
        const named = unflatten(bufferLayout, vector(buffers));
        return [flatten(bufferLayout, nextBuffers(named, vector(statistics)))];
      },
      { ...this.#compilation, name: "buffers" },
    );
  }

  #nextAverage(average: tf.Tensor1D, weights: tf.Tensor1D): tf.Tensor1D {
    const [next = tf.clone(average)] = this.#average?.run([average, weights]) ?? [];
    return vector(next);
  }

  #nextBuffers(buffers: tf.Tensor1D, told: tf.Tensor, numReadings: number): tf.Tensor1D {
    if (this.#buffers === undefined) return tf.clone(buffers);
    const statistics = tf.slice(told, 1 + numReadings);
    const [next] = this.#buffers.run([buffers, statistics]);
    statistics.dispose();
    if (next === undefined) throw new RangeError("there are no next buffers");
    return vector(next);
  }

  [Symbol.dispose](): void {
    for (const gradient of this.#gradients.values()) gradient[Symbol.dispose]();
    this.#update[Symbol.dispose]();
    this.#buffers?.[Symbol.dispose]();
    this.#average?.[Symbol.dispose]();
  }
}

/** The moving average g d + (1 - g) w. */
function averaged([average, weights]: readonly tf.Tensor[], decay: number): tf.Tensor {
  if (!average || !weights) throw new RangeError("an average follows weights");
  return tf.add(tf.mul(average, decay), tf.mul(weights, 1 - decay));
}

function readingOf(values: readonly number[], names: readonly string[]): StepReading {
  const parts = Object.fromEntries(names.map((name, place) => [name, values[1 + place] ?? 0]));
  return { loss: values[0] ?? 0, gradientNorm: values[1 + names.length] ?? 0, parts };
}
