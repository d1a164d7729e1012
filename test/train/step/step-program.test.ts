import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { noDropout, wholeDepth } from "../../../src/models/dropout.ts";
import { VISUAL_PREFIX } from "../../../src/models/visual-parsing/visual-parsing.ts";
import { loadTensorFlow } from "../../../src/tensor/load.ts";
import { unflatten } from "../../../src/train/step/flat-weights.ts";
import type { VisualParsingRecipe } from "../../../src/train/recipes/visual-parsing-recipe.ts";
import { StepProgram, type StepReading } from "../../../src/train/step/step-program.ts";
import { pretrainingLosses } from "../../../src/train/visual-parsing/losses.ts";
import { largestDifference } from "../../models/parity-fixture.ts";
import { disposeState, type TrainingState } from "../../../src/train/step/training-state.ts";
import { tinyBatch, tinyModel, tinyRecipe, tinyStepBatch, tinySystem } from "../tiny-run.ts";

beforeAll(loadTensorFlow);

function withDropout(dropout: number): VisualParsingRecipe {
  const { model } = tinyRecipe;
  return { ...tinyRecipe, model: { ...model, transformer: { ...model.transformer, dropout } } };
}

const programOf = (recipe: VisualParsingRecipe): StepProgram =>
  new StepProgram(recipe, tinySystem(recipe));

interface Result {
  readonly state: TrainingState;
  readonly reading: StepReading;
}

/** One step from the recipe's initial state. */
async function firstStep(program: StepProgram, step: number): Promise<Result> {
  const state = program.initialState();
  return await program.run({ state, batch: tinyStepBatch(), step, rateFactor: 1 });
}

const valueOf = (part: tf.Tensor): number => part.dataSync()[0] ?? Number.NaN;

describe("the training step", () => {
  it("reads the losses that its operations give one by one", async () => {
    using program = programOf(withDropout(0));
    const { reading } = await firstStep(program, 1);
    const weights = unflatten(program.layout, program.initialState().weights);
    const losses = pretrainingLosses(weights, tinyBatch(), {
      model: tinyModel,
      objectives: tinyRecipe.objectives,
      dropout: noDropout,
      depth: wholeDepth,
    });
    const { mlm, itm, mfr, itmAccuracy, total } = losses;
    expect(reading.loss).toBeCloseTo(valueOf(total), 4);
    expect(Object.keys(reading.parts)).toEqual(["mlm", "itm", "mfr", "itmAccuracy"]);
    for (const [name, part] of Object.entries({ mlm, itm, mfr, itmAccuracy })) {
      expect(reading.parts[name]).toBeCloseTo(valueOf(part), 4);
    }
    expect(reading.gradientNorm).toBeGreaterThan(0);
  });

  it("lets kernels and embeddings decay, and nothing else (T-2, S-12)", async () => {
    const objectives = { ...tinyRecipe.objectives, mlmWeight: 0, itmWeight: 0, mfrWeight: 0 };
    const optimisation = {
      ...tinyRecipe.optimisation,
      visualLearningRate: 0.5,
      transformerLearningRate: 0.25,
      weightDecay: 0.1,
    };
    using program = programOf({ ...withDropout(0), objectives, optimisation });
    const ones = tf.ones<tf.Rank.R1>([program.layout.length]);
    const state = { ...program.initialState(), weights: ones };
    const stepped = await program.run({ state, batch: tinyStepBatch(), step: 1, rateFactor: 0.5 });
    const named = unflatten(program.layout, stepped.state.weights);
    const lost = Object.entries(named).map(([name, tensor]) => {
      const values = tensor.dataSync();
      return { name, decay: 1 - (values[0] ?? Number.NaN), isEven: new Set(values).size === 1 };
    });
    expect(lost.filter(({ isEven }) => !isEven)).toEqual([]);
    const steady = lost.filter(({ decay }) => decay === 0).map(({ name }) => name);
    expect(steady).toEqual(
      program.layout.specs
        .map(({ name }) => name)
        .filter((name) => /bias$|[nN]orm\d?\.weight$|bias_table$|embedding\.mask$/.test(name)),
    );
    for (const { name, decay } of lost.filter((weight) => !steady.includes(weight.name))) {
      const rate = name.startsWith(VISUAL_PREFIX) ? 0.5 : 0.25;
      expect(decay).toBeCloseTo(0.5 * rate * 0.1, 6);
    }
  });

  it("draws its dropout by seed and step: equal for both the same, else other ones (B-8)", async () => {
    using program = programOf(withDropout(0.5));
    const lossAt = async (step: number): Promise<number> =>
      (await firstStep(program, step)).reading.loss;
    expect(await lossAt(1)).toBe(await lossAt(1));
    expect(await lossAt(2)).not.toBe(await lossAt(1));
    using other = programOf({ ...withDropout(0.5), seed: tinyRecipe.seed + 1 });
    const request = {
      state: program.initialState(),
      batch: tinyStepBatch(),
      step: 1,
      rateFactor: 1,
    };
    const [there, here] = [await other.run(request), await program.run(request)];
    expect(there.reading.loss).not.toBe(here.reading.loss);
  });

  it("does not depend on the step without dropout", async () => {
    using program = programOf(withDropout(0));
    const [first, second] = [await firstStep(program, 1), await firstStep(program, 2)];
    expect(second.reading.loss).toBe(first.reading.loss);
  });

  it("learns a batch by heart (T-16)", async () => {
    const optimisation = {
      ...tinyRecipe.optimisation,
      visualLearningRate: 5e-3,
      transformerLearningRate: 5e-3,
    };
    using program = programOf({ ...withDropout(0), optimisation });
    let state = program.initialState();
    let reading: StepReading | undefined;
    for (let step = 1; step <= 80; step += 1) {
      ({ state, reading } = await program.run({
        state,
        batch: tinyStepBatch(),
        step,
        rateFactor: 1,
      }));
    }
    expect(reading?.parts["mlm"]).toBeLessThan(0.1);
    expect(reading?.parts["itm"]).toBeLessThan(0.1);
    expect(reading?.parts["itmAccuracy"]).toBe(1);
  });

  it("keeps the number of tensors and their bytes constant over the steps (T-12)", async () => {
    using program = programOf(withDropout(0.1));
    let state = program.initialState();
    const counts: Pick<tf.MemoryInfo, "numTensors" | "numBytes" | "numDataBuffers">[] = [];
    for (let step = 1; step <= 30; step += 1) {
      const batch = tinyStepBatch();
      const result = await program.run({ state, batch, step, rateFactor: 1 });
      disposeState(state);
      tf.dispose(Object.values(batch.tensors));
      ({ state } = result);
      const { numTensors, numBytes, numDataBuffers } = tf.memory();
      counts.push({ numTensors, numBytes, numDataBuffers });
    }
    expect(counts).toEqual(counts.map(() => counts[0]));
    disposeState(state);
  });

  it("leaves nothing behind when it is disposed", async () => {
    const before = tf.memory().numTensors;
    const program = programOf(withDropout(0.1));
    const state = program.initialState();
    const batch = tinyStepBatch();
    const result = await program.run({ state, batch, step: 1, rateFactor: 1 });
    for (const one of [state, result.state]) disposeState(one);
    tf.dispose(Object.values(batch.tensors));
    program[Symbol.dispose]();
    expect(tf.memory().numTensors).toBe(before);
  });

  it("keeps a moving average of the weights where the recipe asks for one (T-6)", async () => {
    const optimisation = { ...tinyRecipe.optimisation, emaDecay: 0.75 };
    using program = programOf({ ...withDropout(0), optimisation });
    let state = program.initialState();
    let expected = [...state.weights.dataSync()];
    for (let step = 1; step <= 4; step += 1) {
      const request = { state, batch: tinyStepBatch(), step, rateFactor: 1 };
      ({ state } = await program.run(request));
      const weights = state.weights.dataSync();
      expected = expected.map((old, place) => 0.75 * old + 0.25 * (weights[place] ?? 0));
    }
    expect(largestDifference(state.average.dataSync(), expected)).toBeLessThan(1e-6);
    expect(largestDifference(state.average.dataSync(), state.weights.dataSync())).toBeGreaterThan(
      0,
    );
  });

  it("T-6: of weights that stay as they are is g^t d + (1 - g^t) w after t steps", async () => {
    const optimisation = {
      ...tinyRecipe.optimisation,
      emaDecay: 0.75,
      visualLearningRate: 0,
      transformerLearningRate: 0,
    };
    using program = programOf({ ...withDropout(0), optimisation });
    const start = program.initialState();
    let state = { ...start, average: tf.zerosLike(start.weights) };
    for (let step = 1; step <= 4; step += 1) {
      const request = { state, batch: tinyStepBatch(), step, rateFactor: 1 };
      ({ state } = await program.run(request));
    }
    const expected = [...start.weights.dataSync()].map((weight) => (1 - 0.75 ** 4) * weight);
    expect(largestDifference(state.average.dataSync(), expected)).toBeLessThan(1e-6);
  });
});
