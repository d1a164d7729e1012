import * as tf from "@tensorflow/tfjs-core";
import { sha256 } from "../../src/core/digest.ts";
import { RandomStream } from "../../src/core/random.ts";
import { tensorFlowBackend } from "../../src/tensor/backend.ts";
import type { Execution, Precision } from "../../src/tensor/compiled/options.ts";
import { StepProgram } from "../../src/train/step/step-program.ts";
import { disposeState } from "../../src/train/step/training-state.ts";
import { tinyRecipe, tinyStepBatch, tinySystem } from "./tiny-run.ts";

export interface LongRunOptions {
  readonly numSteps: number;
  readonly execution: Execution;
  readonly precision?: Precision;
  /** The tiny recipe's unless given. */
  readonly dropout?: number;
  /** Is told of each step that is done. */
  readonly onStep?: (step: number) => void;
}

export interface LongRun {
  readonly losses: readonly number[];
  /** Of the weights in the end. */
  readonly digest: string;
}

/** Trains the tiny model, with dropout, on pictures that differ from step to step. */
export async function longRun(options: LongRunOptions): Promise<LongRun> {
  const { execution, numSteps, onStep, precision = "fp32" } = options;
  const { dropout = tinyRecipe.model.transformer.dropout } = options;
  const transformer = { ...tinyRecipe.model.transformer, dropout };
  const model = { ...tinyRecipe.model, transformer };
  const recipe = { ...tinyRecipe, model, execution, precision };
  using program = new StepProgram(recipe, tinySystem(recipe));
  let state = program.initialState();
  const losses: number[] = [];
  for (let step = 1; step <= numSteps; step += 1) {
    const batch = tinyStepBatch();
    batch.tensors["pixels"]?.dispose();
    const tensors = { ...batch.tensors, pixels: picturesOf(step) };
    const request = { state, batch: { ...batch, tensors }, step, rateFactor: 1 };
    const result = await program.run(request);
    tf.dispose(Object.values(tensors));
    disposeState(state);
    ({ state } = result);
    losses.push(result.reading.loss);
    onStep?.(step);
  }
  const digest = sha256(new Uint8Array(Float32Array.from(state.weights.dataSync()).buffer));
  disposeState(state);
  return { losses, digest };
}

/** The largest difference of two runs' losses at a step, relative to the first run's. */
export function largestLossDifference(expected: LongRun, actual: LongRun): number {
  const differences = expected.losses.map((loss, index) =>
    Math.abs(((actual.losses[index] ?? Number.NaN) - loss) / loss),
  );
  return differences.reduce((largest, value) => (value <= largest ? largest : value), 0);
}

/** Tensors of tfjs, tensors of the binding, and resident MiB. */
export function held(): {
  readonly tensors: number;
  readonly kept: number;
  readonly mebibytes: number;
} {
  return {
    tensors: tf.memory().numTensors,
    kept: tensorFlowBackend().binding.getNumOfTensors(),
    mebibytes: process.memoryUsage.rss() / 2 ** 20,
  };
}

function picturesOf(step: number): tf.Tensor4D {
  const random = new RandomStream(5, step);
  const pixels = Int32Array.from({ length: 2 * 16 * 16 * 3 }, () => random.nextInt(256));
  return tf.tensor4d(pixels, [2, 16, 16, 3], "int32");
}
